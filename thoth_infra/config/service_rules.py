"""Rules about one service: where it is launched, how it is scaled, what fits its hosts and its queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from thoth_infra.config.catalogue import InstanceType
from thoth_infra.config.section import Violation
from thoth_infra.config.services import BacklogScaling, Gpu, GpuPool
from thoth_infra.contract.services import BY_NAME, ORCHESTRATOR
from thoth_infra.errors import did_you_mean

if TYPE_CHECKING:
    from thoth_infra.config.environment import Environment

ServiceRule: TypeAlias = "Callable[[Environment, str], Iterator[Violation]]"


def _key(service: str) -> str:
    return f"services.{service.replace('-', '_')}"


def _launch(env: Environment, name: str) -> Iterator[Violation]:
    """The contract says who needs a GPU and who serves requests."""
    launch, service, key = env.services.by_name()[name].launch, BY_NAME[name], f"{_key(name)}.launch"
    if not isinstance(launch, Gpu):
        if service.gpu:
            yield Violation(f"{key}.type", f"{name} needs a GPU, which Fargate has not", "use type: gpu")
        return
    if service.port is not None:
        yield Violation(f"{key}.type", f"{name} serves requests and runs on Fargate", "use type: fargate")
    elif service.gpu and launch.gpus == 0:
        yield Violation(f"{key}.gpus", f"{name} needs a GPU", "use gpus: 1")
    elif not service.gpu and launch.gpus > 0:
        yield Violation(
            f"{key}.gpus",
            f"{name} does not use a GPU",
            "use gpus: 0, so that it shares the hosts without one",
        )


def _smallest(pool: GpuPool) -> InstanceType:
    return min(pool.instance_types, key=lambda t: (t.task_memory_mib, t.vcpus))


def _fits(env: Environment, name: str) -> Iterator[Violation]:
    """A task that fits no instance of its pool stays PROVISIONING for ever."""
    launch, key = env.services.by_name()[name].launch, f"{_key(name)}.launch"
    if not isinstance(launch, Gpu):
        return
    if launch.pool not in env.gpu_pools:
        right = did_you_mean(launch.pool, env.gpu_pools)
        yield Violation(f"{key}.pool", f"there is no GPU pool {launch.pool!r}", right)
        return
    smallest = _smallest(env.gpu_pools[launch.pool])
    if launch.gpus > smallest.gpus:
        yield Violation(f"{key}.gpus", f"a {smallest.name} has no {launch.gpus} GPUs", f"use at most {smallest.gpus}")
    if launch.cpu > smallest.task_cpu:
        yield Violation(
            f"{key}.cpu",
            f"{launch.cpu} CPU units do not fit the pool's smallest instance, {smallest.name}",
            f"use at most {smallest.task_cpu}",
        )
    if launch.memory_mib > smallest.task_memory_mib:
        yield Violation(
            f"{key}.memory_mib",
            f"{launch.memory_mib} MiB do not fit the pool's smallest instance, {smallest.name}, after the"
            " agent's reserve",
            f"use at most {smallest.task_memory_mib}",
        )


def _neighbours(env: Environment, name: str) -> Iterator[Violation]:
    """A service without a GPU shares the hosts of those with one: a full host must hold one task of it."""
    launch, key = env.services.by_name()[name].launch, f"{_key(name)}.launch"
    if not isinstance(launch, Gpu) or launch.gpus > 0 or launch.pool not in env.gpu_pools:
        return
    pool = env.gpu_pools[launch.pool]
    smallest = _smallest(pool)
    tasks = tuple(_tasks_per_host(env, launch.pool, smallest, name))
    number, interfaces = sum(count for _, count in tasks), min(t.task_enis for t in pool.instance_types)
    if number > interfaces:
        yield Violation(
            f"{key}.pool",
            f"with {name}, a host of pool {launch.pool} runs {number} tasks, but its network interfaces carry"
            f" {interfaces}",
            "launch it on Fargate or on another pool",
        )
    for field, room, unit in (
        ("memory_mib", smallest.task_memory_mib, "MiB"),
        ("cpu", smallest.task_cpu, "CPU units"),
    ):
        wanted = sum(count * int(getattr(other, field)) for other, count in tasks)
        own = int(getattr(launch, field))
        if wanted > room and own <= room:
            yield Violation(
                f"{key}.{field}",
                f"with {name}, a full host needs {wanted} {unit}, and a {smallest.name} has {room}",
                f"use at most {room - wanted + own}" if room - wanted + own > 0 else "launch it on Fargate",
            )


def _tasks_per_host(env: Environment, pool: str, host: InstanceType, last: str) -> Iterator[tuple[Gpu, int]]:
    """Yield each launch on a full host and its number of tasks, up to the service ``last``.

    Those for the GPUs come first, as the hosts are theirs; then one task of each other service.
    """
    for service in env.services.by_name().values():
        launch = service.launch
        if isinstance(launch, Gpu) and launch.pool == pool and launch.gpus:
            yield launch, max(1, host.gpus // launch.gpus)
    for name, service in env.services.by_name().items():
        launch = service.launch
        if isinstance(launch, Gpu) and launch.pool == pool and not launch.gpus:
            yield launch, 1
        if name == last:
            return


def _scaling(env: Environment, name: str) -> Iterator[Violation]:
    """Workers may go to zero and follow their queue; the API and the orchestrator do neither."""
    scaling, key = env.services.by_name()[name].scaling, f"{_key(name)}.scaling"
    least, most = ("tasks", "tasks") if scaling.kind == "fixed" else ("min", "max")
    worker = BY_NAME[name].stage is not None
    if isinstance(scaling, BacklogScaling) and not worker:
        yield Violation(f"{key}.kind", f"{name} has no queue of jobs to follow", "use kind: cpu or kind: fixed")
    if scaling.bounds[0] == 0 and not worker:
        yield Violation(f"{key}.{least}", f"{name} would not run", "use at least 1")
    elif scaling.bounds[0] == 0 and scaling.kind == "cpu":
        yield Violation(
            f"{key}.{least}",
            "a service without tasks has no CPU to follow",
            "use at least 1, or kind: backlog",
        )
    if name == ORCHESTRATOR.name and scaling.bounds[1] > 2:
        yield Violation(
            f"{key}.{most}",
            "more than two orchestrators only compete for the same rows",
            "use 2, of which one stands by, or 1",
        )
    # One API task is no redundancy, and its deployment an outage.
    if env.name == "production" and name == "api" and scaling.bounds[0] < 2:
        yield Violation(f"{key}.{least}", "production must run two API tasks", "use 2 or more")


def _capacity(env: Environment, name: str) -> Iterator[Violation]:
    """A task above what the pool can grow to waits for ever, and autoscaling believes it is working."""
    service = env.services.by_name()[name]
    launch = service.launch
    if not isinstance(launch, Gpu) or launch.gpus == 0 or launch.pool not in env.gpu_pools:
        return
    pool = env.gpu_pools[launch.pool]
    instances = pool.on_demand.max + (pool.spot.max if pool.spot.enabled else 0)
    tasks = instances * (_smallest(pool).gpus // launch.gpus)
    if tasks == 0:
        return  # said already: by the pool without instances, or of the task that fits none
    if service.scaling.bounds[1] > tasks:
        grows = f"grows to {instances} instance{'s'[: instances != 1]} with GPUs for {tasks}"
        yield Violation(
            f"{_key(name)}.scaling.{'tasks' if service.scaling.kind == 'fixed' else 'max'}",
            f"{service.scaling.bounds[1]} tasks, but pool {launch.pool} {grows}",
            f"use at most {tasks}, or raise on_demand.max or spot.max of gpu_pools.{launch.pool}",
        )


def _timeouts(env: Environment, name: str) -> Iterator[Violation]:
    """One ordered chain for each worker: stop < visibility, and all tries of a job < message retention."""
    stage_name = BY_NAME[name].stage
    if stage_name is None:
        return
    field = name.replace("-", "_")
    stage, key = getattr(env.timeouts, field), f"timeouts.{field}"
    retention, tries = env.queues.retention_days * 86400, env.queues.max_receive_count
    stop = env.timeouts.stop_seconds
    if stage.visibility_seconds < 2 * stop:
        yield Violation(
            f"{key}.visibility_seconds",
            f"{stage.visibility_seconds} is below twice timeouts.stop_seconds ({stop}), so a stopping worker"
            " could lose its message to another one",
            f"use at least {2 * stop}",
        )
    if stage.job_seconds * tries >= retention:
        yield Violation(
            f"{key}.job_seconds",
            f"{tries} tries (queues.max_receive_count) of {stage.job_seconds} s outlive the message ({retention} s)",
            "lower it, or raise queues.retention_days",
        )


RULES: tuple[ServiceRule, ...] = (_launch, _fits, _neighbours, _scaling, _capacity, _timeouts)
