"""What is billed of an environment, from the values that its tree is rendered with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from thoth_infra.config.environment import Environment
from thoth_infra.config.estate import Postgres
from thoth_infra.contract.services import IMAGES
from thoth_infra.render import references
from thoth_infra.render.variables import variables
from thoth_infra.review.cost.estate import (
    ON_DEMAND,
    SPOT,
    Bucket,
    Database,
    Edge,
    Estate,
    Monitoring,
    Network,
    Pool,
    Schedule,
    Service,
    Share,
)

# Rules of the firewall that every environment has: a rate limit and five of AWS's own groups.
_FIREWALL_RULES = 6
# KMS keys besides the database's: logs, messages, secrets, storage.
_KEYS = 4
_CRON = re.compile(r"cron\((\d+) (\d+) \? \* (\S+) \*\)")


def estate_of(env: Environment) -> Estate:
    """Return what is billed of ``env``'s tree. A drill compares it with Terraform's own plan of the tree."""
    values = variables(env)
    database = _database(env)
    return Estate(
        services=tuple(sorted(_service(name, one, values) for name, one in values["services"].items())),
        pools=tuple(sorted(_pool(name, one) for name, one in values["gpu_pools"].items())),
        schedule=schedule_of(**values["off_hours"]) if values["off_hours"] and _scheduled(values) else None,
        database=database,
        network=_network(values["network"]),
        edge=Edge(1, len(values["network"]["public_subnets"]), 1, _FIREWALL_RULES + bool(env.edge.allow_list)),
        monitoring=_monitoring(env, values),
        buckets=tuple(
            sorted(Bucket(name, one["archive_days"], one["expiration_days"]) for name, one in values["buckets"].items())
        ),
        file_systems=1,
        backup_days=max(database.backup_days, 7) if database else 7,
        keys=_KEYS + bool(database),
        secrets=len(values["secrets"]) + bool(database),
        queues=2 * len(values["queues"]),
        repositories=len(IMAGES) if env.images.registry == "own" else 0,
        trails=int(env.audit.trail),
    )


def _scheduled(values: Mapping[str, Any]) -> bool:
    return any(one["scaling"]["follows_office_hours"] for one in values["services"].values())


def _service(name: str, one: Mapping[str, Any], values: Mapping[str, Any]) -> Service:
    scaling = one["scaling"]
    return Service(
        name=name,
        cpu=one["cpu"],
        memory_mib=one["memory_mib"],
        gpus=one["gpus"],
        minimum=scaling["min"],
        maximum=scaling["max"],
        scaling=scaling["kind"],
        scheduled=bool(values["off_hours"] and scaling["follows_office_hours"]),
        shares=tuple(sorted(share_of(row["provider"], row["base"], row["weight"]) for row in one["capacity"])),
    )


def share_of(provider: str, base: int, weight: int) -> Share:
    """Return a row of a capacity-provider strategy; ``provider`` is Fargate's, or ``pool/market``."""
    if provider.startswith("FARGATE"):
        return Share("", SPOT if provider == "FARGATE_SPOT" else ON_DEMAND, base, weight)
    pool, _, market = provider.partition("/")
    return Share(pool, market, base, weight)


def _pool(name: str, one: Mapping[str, Any]) -> Pool:
    price = Decimal(one["spot_max_price"]) if one["spot_max_price"] and one["spot_max"] else None
    # Without a spot group no host is of another type.
    types = one["instance_types"] if one["spot_max"] else one["instance_types"][:1]
    return Pool(name, tuple(types), one["on_demand_max"], one["spot_max"], one["volume_gib"], price)


def schedule_of(time_zone: str, stop: str, start: str) -> Schedule:
    """Return the schedule that two of Application Auto Scaling's cron expressions stand for."""
    (start_at, days), (stop_at, _) = _clock(start), _clock(stop)
    return Schedule(time_zone, start_at, stop_at, days)


def _clock(cron: str) -> tuple[str, tuple[str, ...]]:
    found = _CRON.fullmatch(cron)
    if found is None:
        raise ValueError(f"{cron} is none of our schedules")
    minute, hour, days = found.groups()
    return f"{int(hour):02}:{int(minute):02}", () if days == "*" else tuple(days.split(","))


def _database(env: Environment) -> Database | None:
    if not isinstance(env.database, Postgres):
        return None
    own = env.database
    return Database(own.instance_class, own.allocated_gib, own.max_allocated_gib, own.multi_az, own.backup_days)


def _network(network: Mapping[str, Any]) -> Network:
    return Network(
        nat_gateways=len(network["nat_zones"]),
        nat_addresses=len(network["nat_zones"]),
        endpoint_zones=len(network["interface_endpoints"]) * len(network["private_subnets"]),
        flow_logs=0 if network["vpc_id"] else 1,
    )


def _monitoring(env: Environment, values: Mapping[str, Any]) -> Monitoring:
    kinds = [one["scaling"]["kind"] for one in values["services"].values()]
    backlog, groups = kinds.count("backlog"), _groups(values["gpu_pools"])
    alarms = (
        2 * len(values["queues"])  # too many messages, and dead letters
        + len(references.context(env)["contract_alarms"])
        + 2 * (values["database"] is not None)  # CPU, and storage
        + 2  # unhealthy tasks of the API, blue and green
        + 2  # server errors: a share of two metrics
        + groups  # the hosts' health
        + 2 + bool(values["domain"])  # file system, load balancer, and the certificate
        # For each worker: failed jobs (two metrics), wake (three), sleep (two).
        + 7 * backlog
    )  # fmt: skip
    return Monitoring(
        alarm_metrics=alarms,
        composite_alarms=1,
        dashboards=1,
        cpu_trackers=kinds.count("cpu"),
        backlog_trackers=backlog,
        capacity_providers=groups,
        container_insights=True,
        log_days=env.retention.logs_days,
        audit_log_days=env.retention.audit_days,
    )


def _groups(pools: Mapping[str, Any]) -> int:
    return sum((one["on_demand_max"] > 0) + (one["spot_max"] > 0) for one in pools.values())
