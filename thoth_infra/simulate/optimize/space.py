"""What may be changed, and to what: choices by name, and the configuration keys that they stand for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from thoth_infra.config.environment import Environment
from thoth_infra.config.services import BacklogScaling, Fargate, Gpu, GpuPool, OffHours
from thoth_infra.contract.services import SERVICES

Choice: TypeAlias = Mapping[str, Any]
"""A value for every dimension."""
Settings: TypeAlias = tuple[tuple[str, str], ...]
"""Configuration keys and values (as JSON), sorted by key."""

_PER_TASK: Final = (1, 2, 3, 4, 6, 8, 12, 20)
_SCALE_IN: Final = (5, 10, 15, 20, 30, 45, 60, 90, 120)
# A GPU host takes seven minutes and more to come: a shorter pause would cost a start (the prover's sleep-gap).
_GPU_SCALE_IN: Final = tuple(minutes for minutes in _SCALE_IN if minutes >= 10)
_MIXES: Final = tuple((base, percent) for base in (0, 1, 2) for percent in (0, 50, 70, 80, 90, 100))
"""Tasks on demand that come first, and the percentage of the others on spot."""
_MOST_AT_ZERO: Final = 4
_HOURS: Final = (("06:00", "22:00"), ("07:00", "20:00"))
_EVERY_DAY: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


@dataclass(frozen=True)
class Dimension:
    """One thing that may be changed, the values that it may have (the shipped one too), and the shipped one."""

    name: str
    values: tuple[Any, ...]
    shipped: Any


@dataclass(frozen=True)
class Space:
    """All dimensions of an environment."""

    environment: Environment
    dimensions: tuple[Dimension, ...]

    @property
    def size(self) -> int:
        """Number of choices."""
        return math.prod(len(dimension.values) for dimension in self.dimensions)

    @property
    def shipped(self) -> dict[str, Any]:
        """The choice that changes nothing."""
        return {dimension.name: dimension.shipped for dimension in self.dimensions}

    def settings(self, choice: Choice) -> Settings:
        """Return the keys whose values a choice changes, and those that must follow."""
        found: dict[str, Any] = {}
        for dimension in self.dimensions:
            if choice[dimension.name] != dimension.shipped and not dimension.name.startswith("pool:"):
                found[dimension.name] = choice[dimension.name]
        for name, pool in self.environment.gpu_pools.items():
            found |= _pool_settings(self.environment, name, pool, choice, self.shipped)
        return tuple((key, json.dumps(value)) for key, value in sorted(found.items()))


def space(env: Environment) -> Space:
    """Return what may be changed of an environment: its queue workers' scaling, their pools, their schedule."""
    found: list[Dimension] = []
    for name in _workers(env):
        found += _service(env, name)
    for name, pool in env.gpu_pools.items():
        if _users(env, name):
            found += _pool(name, pool)
    found.append(_dimension("off_hours", _schedules(env.off_hours), _plain(env.off_hours)))
    return Space(env, tuple(dimension for dimension in found if len(dimension.values) > 1))


def _workers(env: Environment) -> list[str]:
    """Return the services that follow a queue, the GPU's first: they cost most."""
    names = [s.name for s in SERVICES if s.stage and isinstance(env.services.by_name()[s.name].scaling, BacklogScaling)]
    return sorted(names, key=lambda name: not isinstance(env.services.by_name()[name].launch, Gpu))


def _dimension(name: str, values: tuple[Any, ...], shipped: Any) -> Dimension:
    return Dimension(name, values if shipped in values else (shipped, *values), shipped)


def _service(env: Environment, name: str) -> list[Dimension]:
    service, key = env.services.by_name()[name], f"services.{name.replace('-', '_')}"
    scaling = service.scaling
    if not isinstance(scaling, BacklogScaling):
        return []
    gpu = isinstance(service.launch, Gpu)
    most = tuple(dict.fromkeys(max(1, round(scaling.max * share)) for share in (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)))
    found = [
        _dimension(f"{key}.scaling.min", tuple(range(min(scaling.max, _MOST_AT_ZERO) + 1)), scaling.min),
        _dimension(f"{key}.scaling.max", most, scaling.max),
        _dimension(f"{key}.scaling.messages_per_task", _PER_TASK, scaling.messages_per_task),
        _dimension(f"{key}.scaling.scale_in_minutes", _GPU_SCALE_IN if gpu else _SCALE_IN, scaling.scale_in_minutes),
    ]
    if isinstance(service.launch, Fargate):
        found.append(_dimension(f"{key}.launch.spot_percent", (0, 50, 80, 100), service.launch.spot_percent))
    return found


def _pool(name: str, pool: GpuPool) -> list[Dimension]:
    weight = pool.spot.weight_percent if pool.spot.enabled and pool.spot.max else 0
    types = tuple(kind.name for kind in pool.instance_types)
    return [
        # Base and share are one thing: either alone may be worse where both together are better.
        _dimension(f"pool:{name}:mix", _MIXES, (pool.on_demand.base_tasks, weight)),
        _dimension(f"pool:{name}:instance_type", types, pool.instance_type),
    ]


def _pool_settings(env: Environment, name: str, pool: GpuPool, choice: Choice, shipped: Choice) -> dict[str, Any]:
    """Return a pool's keys: its groups grow to what the tasks need of each market, so that none waits for a place."""
    users = _users(env, name)
    keys = [f"pool:{name}:{key}" for key in ("mix", "instance_type")]
    keys += [f"services.{user.replace('-', '_')}.scaling.max" for user in users]
    if not users or all(choice.get(key) == shipped.get(key) for key in keys):
        return {}
    (base, weight), kind = choice[keys[0]], choice.get(keys[1], pool.instance_type)
    found: dict[str, Any] = {}
    most = sum(_hosts(env, user, choice) for user in users)
    spot = math.ceil(max(0, most - base) * weight / 100)
    on_demand = min(most, base + math.ceil(max(0, most - base) * (100 - weight) / 100))
    wanted = {
        "on_demand.base_tasks": (base, pool.on_demand.base_tasks),
        "on_demand.max": (max(on_demand, pool.on_demand.max), pool.on_demand.max),
        "spot.weight_percent": (weight, pool.spot.weight_percent),
        "spot.max": (max(spot, pool.spot.max), pool.spot.max),
        "instance_type": (kind, pool.instance_type),
    }
    found |= {f"gpu_pools.{name}.{key}": value for key, (value, before) in wanted.items() if value != before}
    if kind != pool.instance_type:
        others = [other.name for other in pool.instance_types if other.name != kind]
        found[f"gpu_pools.{name}.spot.alternatives"] = others
    return found


def _users(env: Environment, pool: str) -> list[str]:
    services = env.services.by_name().items()
    return [n for n, s in services if isinstance(s.launch, Gpu) and s.launch.pool == pool and s.launch.gpus]


def _hosts(env: Environment, user: str, choice: Choice) -> int:
    service = env.services.by_name()[user]
    most: int = choice.get(f"services.{user.replace('-', '_')}.scaling.max", service.scaling.bounds[1])
    launch = service.launch
    if not isinstance(launch, Gpu):
        return 0
    gpus = min(kind.gpus for kind in env.gpu_pools[launch.pool].instance_types)
    return math.ceil(most / max(1, gpus // launch.gpus))


def _schedules(shipped: OffHours | None) -> tuple[Any, ...]:
    zone = shipped.time_zone if shipped else "America/New_York"
    days = shipped.days if shipped else _EVERY_DAY
    made = tuple({"time_zone": zone, "stop_at": stop, "start_at": start, "days": list(days)} for start, stop in _HOURS)
    plain = _plain(shipped)
    return (plain, None, *(schedule for schedule in made if schedule != plain)) if plain else (None, *made)


def _plain(off_hours: OffHours | None) -> dict[str, Any] | None:
    return off_hours.model_dump(mode="json") if off_hours else None
