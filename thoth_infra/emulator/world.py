"""What an environment expects to find in AWS before its first apply, made in the emulator.

The rendered Terraform looks up what others own: the Route 53 zone of the shared account. On a real account these
exist; in an empty emulator the first plan would fail on them. The shared account has the image repositories too, and
the images that the environment's lock names were pushed there, or no task could start.
"""

from __future__ import annotations

import json
import re

from thoth_infra.config.environment import Environment
from thoth_infra.config.shared import SharedAccount
from thoth_infra.contract.services import IMAGES
from thoth_infra.emulator.access import Emulator
from thoth_infra.emulator.ecs.images import PREFIX
from thoth_infra.emulator.wire import Wire

_API = "/2013-04-01"
_ZONE = '<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>{name}</Name><CallerReference>{name}</CallerReference></CreateHostedZoneRequest>'


def prepare(emulator: Emulator, env: Environment | SharedAccount) -> None:
    """Make the state bucket and what ``env`` looks up, where they are missing."""
    emulator.prepare_backend(account_id=env.account_id, bucket=env.state.bucket, region=env.region)
    if isinstance(env, SharedAccount):
        _zone(Wire(emulator.url, env.account_id, env.region), env.zone)
        return
    if env.domain:
        owner = env.accounts.shared if env.domain.zone_account == "shared" else env.accounts.own
        _zone(Wire(emulator.url, owner, env.region), env.domain.zone)
    if env.images.registry == "shared":  # this account's own repositories are the rendered Terraform's
        _images(Wire(emulator.url, env.ecr_account, env.region), env)


def _images(wire: Wire, env: Environment) -> None:
    there = {found["repositoryName"] for found in wire.ecr("DescribeRepositories")["repositories"]}
    for image in IMAGES:
        name = env.repository(image)
        if name not in there:
            wire.ecr("CreateRepository", repositoryName=name, imageTagMutability="IMMUTABLE")
    for locked, digest in env.images.digests.items():
        name = env.repository(locked)
        asked = [{"imageDigest": digest}, {"imageTag": env.images.tag}]
        known = [found["imageId"] for found in wire.ecr("BatchGetImage", repositoryName=name, imageIds=asked)["images"]]
        if digest in {found["imageDigest"] for found in known}:
            continue
        # A tag that is another image's already is not moved: this one then has none.
        tag = {} if known else {"imageTag": env.images.tag}
        wire.ecr("PutImage", repositoryName=name, imageManifest=_stand_in(digest), **tag)


def _stand_in(digest: str) -> str:
    """Return the manifest of an image that was pushed elsewhere: nothing of it is known but its digest."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 0, "digest": digest},
        "layers": [],
        "annotations": {f"{PREFIX}digest": digest},
    }
    return json.dumps(manifest)


def _zone(wire: Wire, name: str) -> None:
    known = wire.route53("GET", f"{_API}/hostedzonesbyname?dnsname={name}") or ""
    if f"{name}." not in re.findall(r"<Name>([^<]*)</Name>", known):
        wire.route53("POST", f"{_API}/hostedzone", _ZONE.format(name=name))
