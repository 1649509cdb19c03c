"""What some switches expect to find in AWS, made in the emulator: VPCs that belong to somebody else."""

from __future__ import annotations

import ipaddress
from typing import Any

from thoth_infra.config.environment import Environment
from thoth_infra.emulator import Emulator

# Not the network that an environment would make for itself.
EXISTING_CIDR = "172.20.0.0/16"
PEER_CIDR = "10.200.0.0/16"
_TIERS = ("public", "private", "isolated")


def existing_vpc(emulator: Emulator, env: Environment) -> tuple[str, ...]:
    """Make a VPC as a company's network team would: three tiers in two zones, a route table for each subnet."""
    ec2 = _ec2(emulator, env.accounts.own, env.region)
    vpc = _vpc(ec2, EXISTING_CIDR)
    networks = ipaddress.IPv4Network(EXISTING_CIDR).subnets(new_prefix=24)
    settings = [f"network.vpc_id={vpc}", f"network.cidr={EXISTING_CIDR}"]
    for tier in _TIERS:
        ids = [_subnet(ec2, vpc, zone, str(next(networks))) for zone in env.network.availability_zones[:2]]
        settings.append(f"network.existing_subnets.{tier}={','.join(ids)}")
    return tuple(settings)


def peer_vpc(emulator: Emulator, env: Environment) -> tuple[str, ...]:
    """Make the VPC of the shared account that this one is peered with."""
    vpc = _vpc(_ec2(emulator, env.accounts.shared, env.region), PEER_CIDR)
    return (f"network.peering.vpc_id={vpc}", f"network.peering.cidr={PEER_CIDR}")


def _ec2(emulator: Emulator, account: str, region: str) -> Any:
    return emulator.client("ec2", account_id=account, region=region)


def _vpc(ec2: Any, cidr: str) -> str:
    return str(ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"])


def _subnet(ec2: Any, vpc: str, zone: str, cidr: str) -> str:
    subnet = ec2.create_subnet(VpcId=vpc, AvailabilityZone=zone, CidrBlock=cidr)["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    return str(subnet)
