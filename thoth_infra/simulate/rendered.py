"""From an environment to the estate that is simulated: by the values that are rendered, so that both are one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from thoth_infra.config import catalogue
from thoth_infra.config.environment import Environment
from thoth_infra.config.prices import Prices, packaged
from thoth_infra.config.services import Gpu
from thoth_infra.contract import scaling
from thoth_infra.contract.queues import Stage as ContractStage
from thoth_infra.contract.services import SERVICES
from thoth_infra.errors import ThothError
from thoth_infra.render.variables import variables
from thoth_infra.simulate.estate import (
    Estate,
    Fargate,
    FixedCost,
    HostType,
    OnPool,
    Pool,
    Schedule,
    Sleep,
    Stage,
    Track,
    Wake,
)

INTERRUPTIONS_PER_HOUR = 0.005
"""Of one spot instance or task: a mean life of 200 hours. AWS's Spot Instance Advisor puts GPU types into its highest
band, above 20 % a month, which has no upper end; measured rates differ by zone and season."""
_HOURS_PER_MONTH = Decimal(730)
_ON_DEMAND, _SPOT = ("/on-demand", "FARGATE"), ("/spot", "FARGATE_SPOT")


def estate_of(
    env: Environment, prices: Prices | None = None, interruptions_per_hour: float = INTERRUPTIONS_PER_HOUR
) -> Estate:
    """Return what of ``env`` decides who waits and what that costs, by the values of its tfvars.

    ``prices``: the packaged ones, if not given. ThothError where a stage is scaled by its CPU, which depends on what
    the work is like inside.
    """
    values, found = variables(env), prices or packaged()
    stages = tuple(
        _stage(env, service.stage, service.name, values, found, interruptions_per_hour)
        for service in SERVICES
        if service.stage
    )
    used = {stage.launch.pool for stage in stages if isinstance(stage.launch, OnPool)}
    return Estate(
        name=env.name,
        stages=stages,
        pools=tuple(
            _pool(env, name, values["gpu_pools"][name], found, interruptions_per_hour) for name in sorted(used)
        ),
        schedule=_schedule(env) if values["off_hours"] else None,
        max_receives=values["queue_limits"]["max_receive_count"],
        retention_seconds=values["queue_limits"]["retention_seconds"],
        fixed=tuple(_fixed(values, found)),
    )


def _stage(
    env: Environment, stage: ContractStage, name: str, values: dict[str, Any], prices: Prices, interruptions: float
) -> Stage:
    service = values["services"][name]
    scaled, gpu = service["scaling"], service["launch_type"] == "EC2"
    if scaled["kind"] == "cpu":
        raise ThothError(
            f"{name} follows its CPU, which depends on more than its queue and is not simulated",
            f"simulate it with kind: backlog or kind: fixed (services.{name.replace('-', '_')}.scaling)",
        )
    follows = scaled["kind"] == "backlog"
    timeouts = getattr(env.timeouts, stage.name.lower())
    on_demand, spot = (_share(service["capacity"], ends) for ends in (_ON_DEMAND, _SPOT))
    return Stage(
        name=name,
        minimum=scaled["min"],
        maximum=scaled["max"],
        launch=_on_pool(env, name) if gpu else _fargate(service, prices, interruptions),
        kind=scaled["kind"],
        wake=Wake(scaling.wake_cooldown(gpu)) if follows else None,
        track=Track(scaled["target"]) if follows else None,
        sleep=Sleep(scaled["scale_in_minutes"]) if follows else None,
        follows_schedule=scaled["follows_office_hours"],
        on_demand_base=on_demand.get("base", 0),
        on_demand_weight=on_demand.get("weight", 0),
        spot_weight=spot.get("weight", 0),
        start=scaling.GPU_TASK_START if gpu else scaling.FARGATE_TASK_START,
        prefetch=scaling.PREFETCH[stage],
        visibility_seconds=values["queues"][service["queue"]]["visibility_seconds"],
        job_seconds=timeouts.job_seconds,
        checkpoint_seconds=env.whisper.checkpoint_seconds if stage is ContractStage.TRANSCRIPTION else 0,
    )


def _share(capacity: list[dict[str, Any]], ends: tuple[str, ...]) -> dict[str, int]:
    return next((row for row in capacity if row["provider"].endswith(ends)), {})


def _on_pool(env: Environment, name: str) -> OnPool:
    launch = env.services.by_name()[name].launch
    assert isinstance(launch, Gpu)  # noqa: S101 - rendered as EC2
    hosts = env.gpu_pools[launch.pool].instance_types
    # A service without a GPU has one task on a host (see service_rules).
    return OnPool(launch.pool, min(kind.gpus for kind in hosts) // launch.gpus if launch.gpus else 1, launch.gpus)


def _fargate(service: dict[str, Any], prices: Prices, interruptions: float) -> Fargate:
    hourly = _fargate_hourly(service, prices)
    spot = hourly * (1 - prices.fargate_spot.typical)
    return Fargate(service["cpu"] / 1024, service["memory_mib"] / 1024, float(hourly), float(spot), interruptions)


def _fargate_hourly(service: dict[str, Any], prices: Prices) -> Decimal:
    cpu, memory = Decimal(service["cpu"]) / 1024, Decimal(service["memory_mib"]) / 1024
    return cpu * prices.usd("fargate.vcpu") + memory * prices.usd("fargate.gb")


def _pool(env: Environment, name: str, rendered: dict[str, Any], prices: Prices, interruptions: float) -> Pool:
    kinds = [catalogue.GPU_INSTANCE_TYPES[kind] for kind in rendered["instance_types"]]
    volume = rendered["volume_gib"] * prices.usd("ebs.gp3") / _HOURS_PER_MONTH
    spot = {kind.name: _spot_price(env, name, prices.hourly(kind.name), prices) for kind in kinds}
    # price-capacity-optimized weighs price and depth of the market, which nobody knows beforehand: by price alone.
    weights = {kind: 1 / float(price) for kind, price in spot.items()}
    return Pool(
        name=name,
        types=tuple(
            HostType(
                name=kind.name,
                gpu=kind.gpu_name,
                gpus=kind.gpus,
                hourly=float(prices.hourly(kind.name) + volume),
                spot_hourly=float(spot[kind.name] + volume),
                spot_share=weights[kind.name] / sum(weights.values()),
                interruptions_per_hour=interruptions,
            )
            for kind in kinds
        ),
        on_demand_max=rendered["on_demand_max"],
        spot_max=rendered["spot_max"],
    )


def _spot_price(env: Environment, pool: str, hourly: Decimal, prices: Prices) -> Decimal:
    price, most = hourly * (1 - prices.spot.typical), env.gpu_pools[pool].spot.max_price
    return min(price, Decimal(str(most))) if most is not None else price


def _schedule(env: Environment) -> Schedule:
    assert env.off_hours  # noqa: S101 - it is rendered
    return Schedule(env.off_hours.time_zone, env.off_hours.stop_at, env.off_hours.start_at, tuple(env.off_hours.days))


def _fixed(values: dict[str, Any], prices: Prices) -> Any:
    """Yield what runs whether or not somebody uploads: what of the bill is worth a line beside the workers."""
    for name, service in values["services"].items():
        if service["queue"] not in {stage.value for stage in ContractStage}:
            tasks = service["scaling"]["min"]
            yield FixedCost(f"{name}: {tasks} Fargate", float(tasks * _fargate_hourly(service, prices)))
    network = values["network"]
    if zones := len(network["nat_zones"]):
        yield FixedCost("NAT gateways", float(zones * (prices.usd("nat.hour") + prices.usd("ipv4.address"))))
    if endpoints := len(network["interface_endpoints"]):
        zones = len(network["private_subnets"])
        yield FixedCost("VPC endpoints", float(endpoints * zones * prices.usd("endpoint.hour")))
    yield FixedCost("load balancer", float(prices.usd("alb.hour")))
    if database := values["database"]:
        group, storage = ("rds_multi_az", "gp3_multi_az") if database["multi_az"] else ("rds", "gp3")
        disk = database["allocated_gib"] * prices.usd(f"rds_storage.{storage}") / _HOURS_PER_MONTH
        yield FixedCost("database", float(prices.usd(f"{group}.{database['instance_class']}") + disk))
