"""What the account may have: quotas against what the environment's maxima need, and instance types on offer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load, names
from thoth_infra.config.services import Fargate
from thoth_infra.errors import ThothError
from thoth_infra.review.doctor.context import Context
from thoth_infra.review.doctor.findings import Answer, fail, ok, skipped, some, warn
from thoth_infra.review.doctor.registry import check

_LOOK: Final = ("servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota")


@dataclass(frozen=True)
class Quota:
    """A quota of Service Quotas, and what an environment needs of it at its largest."""

    service: str
    code: str
    unit: str
    needs: Callable[[Environment], int]


def on_demand_vcpus(env: Environment) -> int:
    """Return the vCPUs of all GPU instances on demand, which are always of the pool's own type."""
    return sum(pool.on_demand.max * pool.instance_types[0].vcpus for pool in env.gpu_pools.values())


def spot_vcpus(env: Environment) -> int:
    """Return the vCPUs of all spot GPU instances, if each is of the pool's own type."""
    pools = [pool for pool in env.gpu_pools.values() if pool.spot.enabled]
    return sum(pool.spot.max * pool.instance_types[0].vcpus for pool in pools)


def largest_spot_vcpus(env: Environment) -> int:
    """Return the vCPUs of all spot GPU instances, if each is of the pool's largest type."""
    pools = [pool for pool in env.gpu_pools.values() if pool.spot.enabled]
    return sum(pool.spot.max * max(kind.vcpus for kind in pool.instance_types) for pool in pools)


def fargate_vcpus(env: Environment, *, spot: bool = False) -> int:
    """Return the vCPUs of all Fargate tasks on demand, or on spot, rounded up."""
    units = 0
    for service in env.services.by_name().values():
        if isinstance(service.launch, Fargate):
            most = service.scaling.bounds[1]
            # The first task is on demand; spot gets its share of the others.
            spots = math.floor(max(0, most - 1) * service.launch.spot_percent / 100)
            units += service.launch.cpu * (spots if spot else most - spots)
    return math.ceil(units / 1024)


def addresses(env: Environment) -> int:
    """Return the Elastic IPs of its NAT gateways."""
    if env.network.vpc_id:
        return 0
    return 1 if env.network.nat == "single" else len(env.network.availability_zones)


GPU: Final = Quota("ec2", "L-DB2E81BA", "vCPUs of G and VT instances on demand", on_demand_vcpus)
GPU_SPOT: Final = Quota("ec2", "L-3819A6DF", "vCPUs of G and VT spot instances", spot_vcpus)
FARGATE: Final = Quota("fargate", "L-3032A538", "vCPUs of Fargate on demand", fargate_vcpus)
FARGATE_SPOT: Final = Quota("fargate", "L-36FBB829", "vCPUs of Fargate Spot", lambda env: fargate_vcpus(env, spot=True))
ADDRESSES: Final = Quota("ec2", "L-0263D0A3", "Elastic IPs", addresses)
VPCS: Final = Quota("vpc", "L-F678F1CE", "VPCs", lambda env: 0 if env.network.vpc_id else 1)


def allowed(context: Context, quota: Quota) -> float:
    """Return a quota's value: the account's own, or AWS's default where it has none of its own."""
    client = context.clients("service-quotas")
    asked = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        return float(client.get_service_quota(**asked)["Quota"]["Value"])
    except client.exceptions.NoSuchResourceException:
        return float(client.get_aws_default_service_quota(**asked)["Quota"]["Value"])


def _enough(context: Context, quota: Quota, *, worst: int = 0) -> Answer:
    """Compare a quota with the environment's largest size, and with that of all in the same account and region."""
    need = quota.needs(context.env)
    if not need:
        return skipped(f"it needs no {quota.unit}")
    have, everybody = allowed(context, quota), _together(context, quota)
    said = f"{have:g} {quota.unit}; at its largest it needs {need}"
    if have < need:
        return fail(said, _raise(context, quota, max(need, worst, everybody)))
    if have < max(worst, everybody):
        what = (
            f"with the larger types of its pools {worst}" if have < worst else f"the account's environments {everybody}"
        )
        return warn(f"{said}, {what}", _raise(context, quota, max(worst, everybody)))
    return ok(said)


def _together(context: Context, quota: Quota) -> int:
    return sum(quota.needs(env) for env in _neighbours(context))


def _neighbours(context: Context) -> Iterable[Environment]:
    """Yield the environments of the same account and region, this one included."""
    yield context.env
    for name in names(context.root):
        try:
            env = load(context.root, name, personal=False).environment
        except ThothError:
            continue  # its own check says so
        if (env.account_id, env.region) == (context.env.account_id, context.env.region) and name != context.env.name:
            yield env


def _raise(context: Context, quota: Quota, to: int) -> str:
    return context.aws(
        f"service-quotas request-service-quota-increase --service-code {quota.service} --quota-code {quota.code}"
        f" --desired-value {to}"
    )


@check("quota-gpu", "account", needs=("account",), actions=_LOOK, environments_only=True)
def quota_gpu(context: Context) -> Answer:
    """The quota of GPU instances on demand lets every pool grow to its maximum."""
    return _enough(context, GPU)


@check("quota-gpu-spot", "account", needs=("account",), actions=_LOOK, environments_only=True)
def quota_gpu_spot(context: Context) -> Answer:
    """The quota of GPU spot instances lets every pool grow to its maximum."""
    return _enough(context, GPU_SPOT, worst=largest_spot_vcpus(context.env))


@check("quota-fargate", "account", needs=("account",), actions=_LOOK, environments_only=True)
def quota_fargate(context: Context) -> Answer:
    """The quota of Fargate lets every service grow to its maximum."""
    return _enough(context, FARGATE)


@check("quota-fargate-spot", "account", needs=("account",), actions=_LOOK, environments_only=True)
def quota_fargate_spot(context: Context) -> Answer:
    """The quota of Fargate Spot lets every service grow to its maximum."""
    return _enough(context, FARGATE_SPOT)


@check(
    "quota-addresses", "account", needs=("account",), actions=(*_LOOK, "ec2:DescribeAddresses"), environments_only=True
)
def quota_addresses(context: Context) -> Answer:
    """There are Elastic IPs left for the NAT gateways."""
    found = context.clients("ec2").describe_addresses()["Addresses"]
    return _left(context, ADDRESSES, found)


@check("quota-vpcs", "account", needs=("account",), actions=(*_LOOK, "ec2:DescribeVpcs"), environments_only=True)
def quota_vpcs(context: Context) -> Answer:
    """There is a VPC left for the environment."""
    found = context.clients("ec2").describe_vpcs()["Vpcs"]
    return _left(context, VPCS, found)


def _left(context: Context, quota: Quota, found: Iterable[dict[str, Any]]) -> Answer:
    """Compare a quota with what others of the account have already, and the environment's own need."""
    need = quota.needs(context.env)
    if not need:
        return skipped(f"it needs no {quota.unit}")
    others = sum(not _ours(context.env, row) for row in found)
    have = allowed(context, quota)
    said = f"{have:g} {quota.unit}; others have {others}, it needs {need}"
    if have < others + need:
        return fail(said, _raise(context, quota, others + need))
    return ok(said)


def _ours(env: Environment, row: dict[str, Any]) -> bool:
    tags = {tag["Key"]: tag["Value"] for tag in row.get("Tags", ())}
    return (tags.get("Project"), tags.get("Environment")) == (env.project, env.name)


@check(
    "gpu-offered", "account", needs=("account",), actions=("ec2:DescribeInstanceTypeOfferings",), environments_only=True
)
def gpu_offered(context: Context) -> Answer:
    """AWS offers the pools' instance types in the environment's zones."""
    zones = set(context.env.network.availability_zones)
    wanted = {pool.instance_type for pool in context.env.gpu_pools.values()}
    pages = (
        context.clients("ec2")
        .get_paginator("describe_instance_type_offerings")
        .paginate(LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": sorted(wanted)}])
    )
    offered: dict[str, set[str]] = {kind: set() for kind in wanted}
    for page in pages:
        for row in page["InstanceTypeOfferings"]:
            offered[row["InstanceType"]].add(row["Location"])
    nowhere = [kind for kind, where in offered.items() if not where & zones]
    if nowhere:
        return fail(
            f"{some(nowhere)} is offered in none of {some(zones)}",
            f"choose other zones or types: thoth-infra env explain gpu_pools --env {context.name}",
        )
    lacking = {f"{kind} not in {some(zones - where)}" for kind, where in offered.items() if zones - where}
    if lacking:
        return warn(
            f"{some(lacking)}: spot has fewer places to look",
            f"choose other zones or types: thoth-infra env explain network.availability_zones --env {context.name}",
        )
    return ok(f"{some(wanted)} in {len(zones)} zones")


@check("spot-role", "account", needs=("account",), actions=("iam:GetRole",), environments_only=True)
def spot_role(context: Context) -> Answer:
    """The account has the service-linked role that starts spot instances."""
    if not any(pool.spot.enabled and pool.spot.max for pool in context.env.gpu_pools.values()):
        return skipped("it has no spot instances")
    iam = context.clients("iam")
    try:
        iam.get_role(RoleName="AWSServiceRoleForEC2Spot")
    except iam.exceptions.NoSuchEntityException:
        return fail(
            "there is no AWSServiceRoleForEC2Spot: a spot group starts nothing",
            context.aws("iam create-service-linked-role --aws-service-name spot.amazonaws.com"),
        )
    return ok("AWSServiceRoleForEC2Spot is there")
