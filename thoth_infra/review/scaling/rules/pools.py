"""Hosts: every task finds a place, and spot may go away."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from thoth_infra.config.services import Fargate, Gpu, GpuPool
from thoth_infra.contract import scaling
from thoth_infra.contract.queues import Stage
from thoth_infra.contract.services import BY_NAME
from thoth_infra.review.scaling.findings import Case, Found, key, shown
from thoth_infra.review.scaling.policies import ServiceScaling

# A stage that goes on where it was interrupted; the others begin again.
CHECKPOINTED: Final = frozenset({Stage.TRANSCRIPTION})
# Longest work without a checkpoint that may lie on spot alone.
LONGEST_UNSAVED_HOURS: Final = 2
# Spot prices of these types have lain between a quarter and two thirds of on demand (EC2 Spot Instance Advisor).
LEAST_SPOT_SHARE: Final = 0.25
LEAST_DELIVERIES_ON_SPOT: Final = 3


def _spot_share(service: ServiceScaling) -> float:
    weights = {provider: weight for provider, _, weight in service.capacity}
    spot = sum(weight for provider, weight in weights.items() if provider.lower().endswith("spot"))
    return spot / total if (total := sum(weights.values())) else 0.0


def _base(service: ServiceScaling) -> int:
    return sum(base for _, base, _ in service.capacity)


def managed(case: Case) -> Iterator[Found]:
    """Deadlock: nobody starts a host."""
    provider = case.tree.provider
    if case.env.gpu_pools and (provider is None or not provider.managed):
        yield Found(
            "managed scaling of the capacity providers is off: no GPU host ever starts, and tasks stay PROVISIONING",
            'managed_scaling { status = "ENABLED" }',
            place=provider.source.place() if provider else "",
        )


def warmup(case: Case) -> Iterator[Found]:
    """Flapping: hosts that boot count as capacity."""
    provider, least = case.tree.provider, scaling.GPU_HOST_BOOT.least
    if provider and provider.managed and provider.warmup < least:
        yield Found(
            f"a GPU host boots for at least {shown(least)}, but after {shown(provider.warmup)} of warm-up the capacity"
            " provider takes it for missing and starts another",
            f"instance_warmup_period of at least {least:.0f} s",
            place=provider.source.place("instance_warmup_period"),
        )


def spare(case: Case) -> Iterator[Found]:
    """Cost: a host for nobody."""
    provider = case.tree.provider
    if provider and provider.managed and provider.target < 100:
        yield Found(
            f"the capacity provider keeps {100 - provider.target} % of the GPU hosts free beside the busy ones, and"
            " pays for them",
            "target_capacity = 100",
            place=provider.source.place("target_capacity"),
        )


def _launch(case: Case, service: ServiceScaling) -> tuple[Gpu, GpuPool] | None:
    launch = case.env.services.by_name()[service.service].launch
    return (launch, case.env.gpu_pools[launch.pool]) if isinstance(launch, Gpu) else None


def _places(case: Case, service: ServiceScaling) -> dict[str, int] | None:
    """Return how many tasks each market of the pool can hold; None on Fargate."""
    found = _launch(case, service)
    if found is None:
        return None
    launch, pool = found
    host = min(pool.instance_types, key=lambda kind: (kind.task_memory_mib, kind.vcpus))
    if launch.gpus:
        per_host = host.gpus // launch.gpus
    else:
        shared = any(
            isinstance(other.launch, Gpu) and other.launch.pool == launch.pool and other.launch.gpus
            for other in case.env.services.by_name().values()
        )
        room = (host.task_memory_mib // launch.memory_mib, host.task_cpu // launch.cpu, host.task_enis)
        per_host = 1 if shared else min(room)
    spot = pool.spot.max if pool.spot.enabled else 0
    return {"on-demand": pool.on_demand.max * per_host, "spot": spot * per_host}


def no_place(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """A task keeps the market that its strategy chose: free hosts of the other one are no use to it."""
    places, bounds = _places(case, service), service.bounds
    if places is None or bounds is None:
        return
    above = max(0, bounds.most - _base(service))
    total = sum(weight for _, _, weight in service.capacity) or 1
    for provider, base, weight in service.capacity:
        market = provider.rpartition("/")[2]
        asked = min(base, bounds.most) + math.floor(above * weight / total)
        if asked > places[market]:
            config = "weight_percent" if not base or market == "spot" else "base_tasks"
            section = "spot" if config == "weight_percent" else "on_demand"
            yield Found(
                f"of {bounds.most} tasks of {service.service} at least {asked} are for {market}, which grows to"
                f" {places[market]}: {asked - places[market]} wait PROVISIONING for ever while the others work, and"
                " the queue's messages per task count them as coming",
                f"raise {market.replace('-', '_')}.max, lower max, or change the share ({config})",
                f"gpu_pools.{provider.partition('/')[0]}.{section}.{config}",
            )


def spot_only(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """A shortage of spot stops the stage."""
    if _spot_share(service) < 1 or _base(service) > 0:
        return
    found, job = _launch(case, service), _job_seconds(case, service)
    pool = found[1] if found else None
    config = key(service, "launch") if found is None else f"gpu_pools.{found[0].pool}.on_demand.base_tasks"
    if case.env.protection.deletion_protection:
        kinds = len(pool.instance_types) if pool else 1
        yield Found(
            f"every task of {service.service} runs on spot: when AWS has none of its {kinds} type{'s'[: kinds == 1]}, a"
            " protected environment does no work at all",
            "base_tasks: 1 on demand, or a weight_percent below 100",
            config,
        )
    elif BY_NAME[service.service].stage not in CHECKPOINTED and job > LONGEST_UNSAVED_HOURS * 3600:
        yield Found(
            f"a job of {service.service} may take {shown(job)}, keeps nothing when it is interrupted, and runs on spot"
            " only",
            f"base_tasks: 1 on demand, or job_seconds of at most {LONGEST_UNSAVED_HOURS * 3600}",
            config,
        )


def spot_unsaved(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Fargate Spot for long work that begins again."""
    launch, job = case.env.services.by_name()[service.service].launch, _job_seconds(case, service)
    unsaved = BY_NAME[service.service].stage not in CHECKPOINTED
    if isinstance(launch, Fargate) and launch.spot_percent and unsaved and job > LONGEST_UNSAVED_HOURS * 3600:
        yield Found(
            f"{launch.spot_percent} % of the tasks of {service.service} run on Fargate Spot, where a job of up to"
            f" {shown(job)} begins again from its start after each interruption",
            f"spot_percent: 0, or a job_seconds of at most {LONGEST_UNSAVED_HOURS * 3600}",
            key(service, "launch.spot_percent"),
        )


def spot_deliveries(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Each interruption is a delivery."""
    deliveries = case.env.queues.max_receive_count
    if _spot_share(service) > 0 and deliveries < LEAST_DELIVERIES_ON_SPOT:
        times = "one interruption makes" if deliveries == 1 else f"{deliveries} interruptions make"
        yield Found(
            f"{_spot_share(service):.0%} of the tasks of {service.service} may be interrupted, and {times} a dead"
            " letter of a message that nothing is wrong with",
            f"max_receive_count: {LEAST_DELIVERIES_ON_SPOT} or more",
            "queues.max_receive_count",
        )


def spot_price(case: Case) -> Iterator[Found]:
    """A price below all offers is no spot at all."""
    for name, pool in case.env.gpu_pools.items():
        price, cheapest = pool.spot.max_price, min(kind.hourly for kind in pool.instance_types)
        if pool.spot.enabled and pool.spot.max and price is not None and price < LEAST_SPOT_SHARE * cheapest:
            yield Found(
                f"spot offers below {price:g} US dollars per hour are {price / cheapest:.0%} of the on-demand price of"
                f" the cheapest type ({cheapest:g}): none comes, and the tasks that are for spot wait PROVISIONING",
                "leave max_price out, to pay the spot price up to on demand",
                f"gpu_pools.{name}.spot.max_price",
            )


def spot_one_type(case: Case) -> Iterator[Found]:
    """One type's shortage is the pool's."""
    for name, pool in case.env.gpu_pools.items():
        alone = pool.spot.enabled and pool.spot.max and len(pool.instance_types) == 1
        if alone and case.env.protection.deletion_protection and pool.spot.weight_percent > 0:
            yield Found(
                f"all spot instances of pool {name} are {pool.instance_type}: when AWS has none of them, the tasks that"
                " are for spot wait PROVISIONING",
                "name alternatives with as many GPUs",
                f"gpu_pools.{name}.spot.alternatives",
            )


def _job_seconds(case: Case, service: ServiceScaling) -> int:
    seconds: int = getattr(case.env.timeouts, service.service.replace("-", "_")).job_seconds
    return seconds
