"""The values of ``<env>.auto.tfvars``: everything in the rendered tree that is not structure."""

from __future__ import annotations

from functools import reduce
from typing import Any

from thoth_infra.config.environment import Environment
from thoth_infra.config.estate import Postgres
from thoth_infra.config.services import CpuScaling, FixedScaling, Gpu, GpuPool, OffHours, ServiceConfig
from thoth_infra.contract import network
from thoth_infra.contract.queues import QUEUES, STAGE_QUEUES
from thoth_infra.contract.services import SECRETS, HealthCheck, Service
from thoth_infra.contract.storage import (
    ARCHIVE,
    BUCKETS,
    CONTAINER_GID,
    CONTAINER_UID,
    LOGS,
    MEDIA,
    VOLUMES,
    Access,
)
from thoth_infra.contract.variables import Constant, MountPath, PublicUrl, Setting, Variable
from thoth_infra.render.references import GPU_HOSTS

DAY = 86400

# Sections of the file, in order; each variable stands in exactly one.
TFVARS_SECTIONS: dict[str, tuple[str, ...]] = {
    "Identity": (
        "environment", "project", "region", "account_id", "shared_account_id", "shared_role", "shared_session_role",
        "tags",
    ),
    "Network and edge": ("domain", "network", "edge", "flows"),
    "Compute": ("gpu_pools", "services", "stop_timeout_seconds", "off_hours"),
    "Queues and data": (
        "queues", "queue_limits", "volumes", "container_user", "buckets", "secrets", "database", "log_retention_days",
    ),
    "Protection, alarms, delivery": ("protection", "alarms", "budget", "github_repository"),
}  # fmt: skip


def variables(env: Environment) -> dict[str, Any]:
    """Return every variable of the root module, by name."""
    return {
        "environment": env.name,
        "project": env.project,
        "region": env.region,
        "account_id": env.accounts.own,
        "shared_account_id": env.accounts.shared,
        "shared_role": env.identity.shared_role,
        "shared_session_role": env.identity.shared_role,
        "tags": dict(sorted(env.all_tags.items())),
        "domain": env.domain.model_dump(include={"name", "zone"}) if env.domain else None,
        "network": _network(env),
        "edge": env.edge.model_dump(),
        "flows": _flows(env),
        "gpu_pools": {name: _pool(pool) for name, pool in sorted(env.gpu_pools.items())},
        "services": {service.name: _service(env, service) for service in env.running},
        "stop_timeout_seconds": env.timeouts.stop_seconds,
        "off_hours": _off_hours(env.off_hours) if env.off_hours else None,
        "queues": _queues(env),
        "queue_limits": {
            "retention_seconds": env.queues.retention_days * DAY,
            "dead_letter_retention_seconds": env.queues.dead_letter_retention_days * DAY,
            "max_receive_count": env.queues.max_receive_count,
        },
        "volumes": {volume.name: f"/{volume.name}" for volume in VOLUMES},
        "container_user": {"uid": CONTAINER_UID, "gid": CONTAINER_GID},
        "buckets": _buckets(env),
        "secrets": {secret.name: list(secret.fields) for secret in SECRETS},
        "database": _database(env),
        "log_retention_days": {"logs": env.retention.logs_days, "audit": env.retention.audit_days},
        "protection": env.protection.model_dump(include={"deletion_protection", "final_snapshot"}),
        "alarms": env.alarms.model_dump(exclude={"slack_workspace_id", "slack_channel_id"}) | {"slack": _slack(env)},
        "budget": env.budget.model_dump() if env.budget else None,
        "github_repository": env.github.repository,
    }


def _database(env: Environment) -> dict[str, Any] | None:
    return env.database.model_dump(exclude={"engine"}) if isinstance(env.database, Postgres) else None


def _slack(env: Environment) -> dict[str, str] | None:
    workspace, channel = env.alarms.slack_workspace_id, env.alarms.slack_channel_id
    return {"workspace_id": workspace, "channel_id": channel} if workspace and channel else None


def _network(env: Environment) -> dict[str, Any]:
    n = env.network
    tiers: dict[str, dict[str, str]]
    if n.vpc_id:
        existing = n.existing_subnets
        by_tier = {"public": existing.public, "private": existing.private, "isolated": existing.isolated}
        # The zones of existing subnets are not known here: they are numbered.
        tiers = {tier: {str(i): s for i, s in enumerate(ids)} for tier, ids in by_tier.items()}
    else:
        tiers = {
            tier: dict(zip(n.availability_zones, networks, strict=True)) for tier, networks in n.subnets.tiers().items()
        }
    zones = n.availability_zones if n.nat == "per_zone" else n.availability_zones[:1]
    return {
        "vpc_id": n.vpc_id,
        "cidr": n.cidr,
        "public_subnets": tiers["public"],
        "private_subnets": tiers["private"],
        "isolated_subnets": tiers["isolated"],
        "nat_zones": [] if n.vpc_id else list(zones),
        "interface_endpoints": sorted(n.interface_endpoints),
        "peering": n.peering.model_dump() if n.peering else None,
    }


def _flows(env: Environment) -> dict[str, Any]:
    endpoints = bool(env.network.interface_endpoints)
    found = [*network.flows(env.running, endpoints)]
    if endpoints:
        # An endpoint answers to AWS's own name for all of the VPC, so the hosts are sent there too.
        reason = "GPU hosts pull images privately"
        found.append(network.Flow(GPU_HOSTS, network.ENDPOINTS, network.HTTPS_PORT, reason))
    return {
        flow.key: {"source": flow.source, "target": flow.target, "port": flow.port, "reason": flow.reason}
        for flow in sorted(found, key=lambda f: f.key)
    }


def _pool(pool: GpuPool) -> dict[str, Any]:
    return {
        "instance_types": [kind.name for kind in pool.instance_types],
        "volume_gib": pool.volume_gib,
        "ami_id": pool.ami_id,
        "on_demand_max": pool.on_demand.max,
        "spot_max": pool.spot.max if pool.spot.enabled else 0,
        "spot_max_price": "" if pool.spot.max_price is None else str(pool.spot.max_price),
    }


def _service(env: Environment, service: Service) -> dict[str, Any]:
    config = env.services.by_name()[service.name]
    launch = config.launch
    return {
        "description": service.description,
        "image": env.image(service.name, service.image),
        # Somebody else's image runs what it was built to run.
        "command": [] if config.image else list(service.command),
        "launch_type": "EC2" if isinstance(launch, Gpu) else "FARGATE",
        "cpu": launch.cpu,
        "memory_mib": launch.memory_mib,
        "gpus": launch.gpus if isinstance(launch, Gpu) else 0,
        "port": service.port,
        "queue": service.consumes.name if service.consumes else None,
        "blue_green": service.port is not None,
        "exec": config.exec_enabled,
        "capacity": _capacity(env, config),
        "scaling": _scaling(service, config),
        "deployment": _deployment(env, config),
        # It is a program of our own image, which somebody else's has not.
        "health_check": None if config.image else _health_check(service.health_check),
        "mounts": {
            volume.name: {"path": volume.path, "read_only": access is Access.READ} for volume, access in service.mounts
        },
        "environment": _environment(env, service),
    }


def _health_check(check: HealthCheck) -> dict[str, Any]:
    return {
        "command": list(check.command),
        "interval": check.interval,
        "timeout": check.timeout,
        "retries": check.retries,
        "start_period": check.start_period,
    }


def _capacity(env: Environment, config: ServiceConfig) -> list[dict[str, Any]]:
    """Return the capacity-provider strategy: weights in percent, providers without a share left out."""
    launch = config.launch
    if not isinstance(launch, Gpu):
        rows = [("FARGATE", 1, 100 - launch.spot_percent), ("FARGATE_SPOT", 0, launch.spot_percent)]
    else:
        pool = env.gpu_pools[launch.pool]
        spot = pool.spot.weight_percent if pool.spot.enabled and pool.spot.max else 0
        if pool.on_demand.max == 0:
            spot = 100
        on_demand_base = pool.on_demand.base_tasks if pool.on_demand.max else 0
        rows = [
            (f"{launch.pool}/on-demand", on_demand_base, 100 - spot),
            (f"{launch.pool}/spot", 0, spot),
        ]
    return [{"provider": provider, "base": base, "weight": weight} for provider, base, weight in rows if weight or base]


def _scaling(service: Service, config: ServiceConfig) -> dict[str, Any]:
    scaling = config.scaling
    minimum, maximum = scaling.bounds
    target, minutes = 0, 0
    if isinstance(scaling, CpuScaling):
        target = scaling.target_percent
    elif not isinstance(scaling, FixedScaling):
        target, minutes = scaling.messages_per_task, scaling.scale_in_minutes
    return {
        "kind": scaling.kind,
        "min": minimum,
        "max": maximum,
        "target": target,
        "scale_in_minutes": minutes,
        "follows_office_hours": service.stage is not None and scaling.kind != "fixed",
    }


def _deployment(env: Environment, config: ServiceConfig) -> dict[str, int]:
    # A GPU task can't start beside the old one without a spare GPU: outside production the old one goes first.
    spare = not isinstance(config.launch, Gpu) or env.protection.deletion_protection
    return {"minimum_percent": 100 if spare else 0, "maximum_percent": 200 if spare else 100}


def _environment(env: Environment, service: Service) -> dict[str, str]:
    values = {v.name: text for v in service.environment if (text := plain(env, v)) is not None}
    return dict(sorted(values.items()))


def plain(env: Environment, variable: Variable) -> str | None:
    """Return a variable's value where it is known before anything is applied; None for a reference."""
    match variable.source:
        case Constant(value):
            return value
        case MountPath(volume):
            return volume.path
        case PublicUrl():
            return env.public_url or None
        case Setting(key):
            found: object = reduce(getattr, key.split("."), env)
            return str(found).lower() if isinstance(found, bool) else str(found)
    return None


def _off_hours(off_hours: OffHours) -> dict[str, str]:
    def cron(clock: str, days: str) -> str:
        hour, minute = clock.split(":")
        return f"cron({int(minute)} {int(hour)} ? * {days} *)"

    return {
        "time_zone": off_hours.time_zone,
        "stop": cron(off_hours.stop_at, "*"),
        "start": cron(off_hours.start_at, ",".join(off_hours.days)),
    }


def _queues(env: Environment) -> dict[str, Any]:
    visibility = {
        queue.name: getattr(env.timeouts, stage.name.lower()).visibility_seconds
        for stage, queue in STAGE_QUEUES.items()
    }
    # The orchestrator records a result within a database transaction; a minute is plenty.
    return {
        queue.name: {"description": queue.description, "visibility_seconds": visibility.get(queue.name, 60)}
        for queue in QUEUES
    }


def _buckets(env: Environment) -> dict[str, Any]:
    r = env.retention
    rules = {
        MEDIA: (0, r.uploads_days),
        ARCHIVE: (r.archive_after_days, r.transcripts_days),
        LOGS: (0, r.audit_days),
    }
    return {
        bucket.name: {
            "description": bucket.description,
            "archive_days": rules[bucket][0],
            "expiration_days": rules[bucket][1],
            "noncurrent_days": r.noncurrent_days,
            "cors": bucket is MEDIA,
        }
        for bucket in BUCKETS
    }
