"""The switches of the estate, as data: what a user may set otherwise than staging does.

Switches with the same ``factor`` exclude each other; a combination takes at most one of each factor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tests.switches import world
from thoth_infra.config.environment import Environment
from thoth_infra.emulator import Emulator

Settings: TypeAlias = tuple[str, ...]
Preparation: TypeAlias = Callable[[Emulator, Environment], Settings]

# What every switch is turned on.
ENVIRONMENT = "staging"
# What the switches that are applied are turned on: the smallest environment, since all of them have the same templates.
APPLIED_ENVIRONMENT = "dev"


@dataclass(frozen=True)
class Switch:
    """One switch.

    ``settings`` are assignments as ``--set`` takes them. ``prepare`` makes in an emulator what the switch expects to
    find, and returns the settings with its real ids instead. ``applied``: the drill applies it, too.
    ``emulated``: the emulator has all that it needs.
    """

    name: str
    factor: str
    settings: Settings
    prepare: Preparation | None = None
    applied: bool = False
    emulated: bool = True


def _subnet_ids(tier: str, digit: str) -> str:
    return f"network.existing_subnets.{tier}=" + ",".join(f"subnet-{digit}{n:016x}" for n in (1, 2))


SWITCHES: tuple[Switch, ...] = (
    Switch(
        "existing-vpc", "vpc",
        ("network.vpc_id=vpc-00000000000000001", f"network.cidr={world.EXISTING_CIDR}",
         _subnet_ids("public", "a"), _subnet_ids("private", "b"), _subnet_ids("isolated", "c")),
        prepare=world.existing_vpc, applied=True,
    ),
    Switch("no-domain", "domain", ("domain=null",)),
    Switch("zone-in-own-account", "domain", ("domain.zone_account=own",)),
    Switch("allow-list", "allow-list", ("edge.allow_list=203.0.113.0/24,198.51.100.7/32",)),
    Switch(
        "spot-off", "market", ("gpu_pools.main.spot.enabled=false", "gpu_pools.main.on_demand.max=3"), applied=True
    ),
    Switch("spot-only", "market", ("gpu_pools.main.on_demand.max=0", "gpu_pools.main.spot.max=3")),
    Switch("g4dn-4xlarge", "instance-type", ("gpu_pools.main.instance_type=g4dn.4xlarge",), applied=True),
    Switch("images-in-own-account", "registry", ("images.registry=own",), applied=True),
    Switch(
        "interface-endpoints", "endpoints", ("network.interface_endpoints=ecr.api,ecr.dkr,logs,sqs,secretsmanager",)
    ),
    Switch(
        "two-pools", "pools",
        ("gpu_pools.burst.instance_type=g4dn.xlarge", "gpu_pools.burst.on_demand.max=0",
         "gpu_pools.burst.spot.enabled=true", "gpu_pools.burst.spot.max=2",
         "services.audio_extraction.launch.type=gpu", "services.audio_extraction.launch.pool=burst",
         "services.audio_extraction.launch.gpus=0", "services.audio_extraction.launch.cpu=2048",
         "services.audio_extraction.launch.memory_mib=4096"),
    ),
    Switch(
        "music-terms-on-gpu-hosts", "music-terms",
        ("services.music_terms.launch.type=gpu", "services.music_terms.launch.pool=main",
         "services.music_terms.launch.gpus=0", "services.music_terms.launch.cpu=1024",
         "services.music_terms.launch.memory_mib=2048",
         "services.transcription.launch.memory_mib=12288"),
    ),
    Switch("another-api-image", "api", ("services.api.image=registry.example.org/somebody/api:2.4.1",)),
    Switch(
        "peering", "peering",
        ("network.peering.vpc_id=vpc-00000000000000002", f"network.peering.cidr={world.PEER_CIDR}"),
        prepare=world.peer_vpc,
    ),
    Switch("no-off-hours", "off-hours", ("off_hours=null",)),
    Switch("no-audit-trail", "audit-trail", ("audit.trail=false",)),
    Switch(
        "no-rds", "api",
        ("database.engine=sqlite", "protection.deletion_protection=false", "services.api.scaling.kind=fixed",
         "services.api.scaling.tasks=1"),
    ),
    Switch(
        "slack-channel", "slack", ("alarms.slack_workspace_id=T0123456789", "alarms.slack_channel_id=C0123456789"),
        emulated=False,
    ),
)  # fmt: skip

BY_NAME: dict[str, Switch] = {switch.name: switch for switch in SWITCHES}
