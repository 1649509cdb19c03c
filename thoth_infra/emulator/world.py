"""What an environment expects to find in AWS before its first apply, made in the emulator.

The rendered Terraform looks up what others own: the Route 53 zone of the shared account. On a real account these
exist; in an empty emulator the first plan would fail on them.
"""

from __future__ import annotations

import re

from thoth_infra.config.environment import Environment
from thoth_infra.config.shared import SharedAccount
from thoth_infra.emulator.access import Emulator
from thoth_infra.emulator.wire import Wire

_API = "/2013-04-01"
_ZONE = '<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>{name}</Name><CallerReference>{name}</CallerReference></CreateHostedZoneRequest>'


def prepare(emulator: Emulator, env: Environment | SharedAccount) -> None:
    """Make the state bucket and what ``env`` looks up, where they are missing."""
    emulator.prepare_backend(account_id=env.account_id, bucket=env.state.bucket, region=env.region)
    if isinstance(env, SharedAccount):
        _zone(Wire(emulator.url, env.account_id, env.region), env.zone)
    elif env.domain:
        owner = env.accounts.shared if env.domain.zone_account == "shared" else env.accounts.own
        _zone(Wire(emulator.url, owner, env.region), env.domain.zone)


def _zone(wire: Wire, name: str) -> None:
    known = wire.route53("GET", f"{_API}/hostedzonesbyname?dnsname={name}") or ""
    if f"{name}." not in re.findall(r"<Name>([^<]*)</Name>", known):
        wire.route53("POST", f"{_API}/hostedzone", _ZONE.format(name=name))
