"""What is billed of Terraform's resources, as plan JSON or state JSON (``terraform show -json``) has them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeAlias

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
)
from thoth_infra.review.cost.rendered import schedule_of, share_of

Values: TypeAlias = Mapping[str, Any]

_IN_POOL = re.compile(r'\["([^"]+)"\]\.\w+\.\w+(?:\["([^"]+)"\])?$')


@dataclass(frozen=True)
class Resources:
    """The managed resources of a plan or a state; ``variables`` say what a plan does not know yet."""

    all: tuple[Values, ...]
    variables: Values

    def of(self, kind: str) -> list[Values]:
        """Return the values of each resource of a type."""
        return [one["values"] for one in self.all if one["type"] == kind]

    def entries(self, kind: str) -> list[Values]:
        """Return each resource of a type, with its address and index."""
        return [one for one in self.all if one["type"] == kind]

    def count(self, kind: str) -> int:
        """Return how many resources of a type there are."""
        return len(self.entries(kind))

    def subnets(self, tier: str) -> int:
        """Return how many subnets of a tier are made here."""
        return sum((one.get("tags") or {}).get("Tier") == tier for one in self.of("aws_subnet"))

    @cached_property
    def types(self) -> frozenset[str]:
        """Every type that occurs."""
        return frozenset(one["type"] for one in self.all)


def resources(module: Values | None, variables: Values | None = None) -> Resources:
    """Read a ``root_module`` of plan JSON's ``planned_values`` or ``prior_state``; None: there is nothing yet."""
    plain = {name: one.get("value") for name, one in (variables or {}).items()}
    return Resources(tuple(_managed(module or {})), plain)


def _managed(module: Values) -> Iterator[Values]:
    yield from (one for one in module.get("resources", ()) if one.get("mode", "managed") == "managed")
    for child in module.get("child_modules", ()):
        yield from _managed(child)


def estate_of(found: Resources) -> Estate:
    """Return what is billed of the resources."""
    database = _database(found)
    own = sum(bool(one.get("manage_master_user_password")) for one in found.of("aws_db_instance"))
    return Estate(
        services=tuple(sorted(_services(found))),
        pools=tuple(sorted(_pools(found))),
        schedule=_schedule(found),
        database=database,
        network=_network(found),
        edge=_edge(found),
        monitoring=_monitoring(found),
        buckets=tuple(sorted(_buckets(found))),
        file_systems=found.count("aws_efs_file_system"),
        backup_days=max((_backup_days(one) for one in found.of("aws_backup_plan")), default=0),
        keys=found.count("aws_kms_key"),
        secrets=found.count("aws_secretsmanager_secret") + own,
        queues=found.count("aws_sqs_queue"),
        repositories=found.count("aws_ecr_repository"),
        trails=found.count("aws_cloudtrail"),
    )


def _services(found: Resources) -> Iterator[Service]:
    tasks = {str(one.get("index")): one["values"] for one in found.entries("aws_ecs_task_definition")}
    bounds, starts = _bounds(found), _starts(found)
    providers = {one["values"]["name"]: _market(one) for one in found.entries("aws_ecs_capacity_provider")}
    kinds = _kinds(found)
    for one in found.of("aws_ecs_service"):
        name = one["name"]
        task = tasks.get(name, {})
        count = int(one.get("desired_count") or 0)
        minimum, maximum = starts.get(name) or bounds.get(name) or (count, count)
        rows = one.get("capacity_provider_strategy") or ()
        yield Service(
            name=name,
            cpu=int(task.get("cpu") or 0),
            memory_mib=int(task.get("memory") or 0),
            gpus=_gpus(found, name, task),
            minimum=minimum,
            maximum=maximum,
            scaling=kinds.get(name, "fixed"),
            scheduled=name in starts,
            shares=tuple(
                sorted(
                    share_of(_provider(row["capacity_provider"], providers), row["base"] or 0, row["weight"] or 0)
                    for row in rows
                )
            ),
        )


def _provider(name: str, providers: Mapping[str, tuple[str, str]]) -> str:
    return "/".join(providers[name]) if name in providers else name


def _market(entry: Values) -> tuple[str, str]:
    match = _IN_POOL.search(entry["address"])
    return (match[1], match[2] or ON_DEMAND) if match else (entry["address"], ON_DEMAND)


def _gpus(found: Resources, name: str, task: Values) -> int:
    if text := task.get("container_definitions"):
        wanted = [need for one in json.loads(text) for need in one.get("resourceRequirements") or ()]
        return sum(int(need["value"]) for need in wanted if need["type"] == "GPU")
    # Not known before an apply, as the definition holds names that AWS makes.
    return int(((found.variables.get("services") or {}).get(name) or {}).get("gpus") or 0)


def _target(values: Values) -> str:
    return str(values["resource_id"]).rpartition("/")[2]


def _bounds(found: Resources) -> dict[str, tuple[int, int]]:
    return {
        _target(one): (int(one["min_capacity"]), int(one["max_capacity"]))
        for one in found.of("aws_appautoscaling_target")
    }


def _starts(found: Resources) -> dict[str, tuple[int, int]]:
    """Return the bounds by day; in off hours the target itself has none."""
    made = {}
    for one in found.of("aws_appautoscaling_scheduled_action"):
        action = one["scalable_target_action"][0]
        bounds = int(action["min_capacity"] or 0), int(action["max_capacity"] or 0)
        if bounds != (0, 0):
            made[_target(one)] = bounds
    return made


def _kinds(found: Resources) -> dict[str, str]:
    kinds = {}
    for one in found.of("aws_appautoscaling_policy"):
        for tracking in one.get("target_tracking_scaling_policy_configuration") or ():
            kinds[_target(one)] = "cpu" if tracking.get("predefined_metric_specification") else "backlog"
    return kinds


def _schedule(found: Resources) -> Schedule | None:
    crons = {}
    for one in found.of("aws_appautoscaling_scheduled_action"):
        action = one["scalable_target_action"][0]
        stops = not int(action["max_capacity"] or 0)
        crons["stop" if stops else "start"] = one["schedule"]
        crons["time_zone"] = one["timezone"]
    return schedule_of(**crons) if len(crons) == 3 else None


def _pools(found: Resources) -> Iterator[Pool]:
    groups = {_market(one): one["values"] for one in found.entries("aws_autoscaling_group")}
    for entry in found.entries("aws_launch_template"):
        match = re.search(r'\["([^"]+)"\]', entry["address"])
        name, template = match[1] if match else entry["address"], entry["values"]
        demand, spot = groups.get((name, ON_DEMAND)), groups.get((name, SPOT))
        policy = (spot["mixed_instances_policy"] if spot else [{}])[0]
        overrides = [one["instance_type"] for row in policy.get("launch_template", ()) for one in row["override"]]
        price = [one.get("spot_max_price") for one in policy.get("instances_distribution", ())]
        yield Pool(
            name=name,
            instance_types=tuple(dict.fromkeys((template["instance_type"], *overrides))),
            on_demand_max=demand["max_size"] if demand else 0,
            spot_max=spot["max_size"] if spot else 0,
            volume_gib=sum(disk["ebs"][0]["volume_size"] for disk in template["block_device_mappings"]),
            max_price=Decimal(str(price[0])) if price and price[0] else None,
        )


def _database(found: Resources) -> Database | None:
    for one in found.of("aws_db_instance"):
        size = int(one["allocated_storage"])
        most = max(int(one.get("max_allocated_storage") or 0), size)
        days = int(one.get("backup_retention_period") or 0)
        return Database(one["instance_class"], size, most, bool(one.get("multi_az")), days)
    return None


def _network(found: Resources) -> Network:
    endpoints = [one for one in found.of("aws_vpc_endpoint") if one.get("vpc_endpoint_type") == "Interface"]
    return Network(
        nat_gateways=found.count("aws_nat_gateway"),
        nat_addresses=found.count("aws_eip"),
        endpoint_zones=sum(len(one.get("subnet_ids") or ()) or found.subnets("private") for one in endpoints),
        flow_logs=found.count("aws_flow_log"),
    )


def _edge(found: Resources) -> Edge:
    balancers, acls = found.of("aws_lb"), found.of("aws_wafv2_web_acl")
    return Edge(
        balancers=len(balancers),
        zones=sum(len(one.get("subnets") or ()) or found.subnets("public") for one in balancers),
        web_acls=len(acls),
        web_acl_rules=sum(len(one.get("rule") or ()) for one in acls),
    )


def _monitoring(found: Resources) -> Monitoring:
    kinds = list(_kinds(found).values())
    groups = found.of("aws_cloudwatch_log_group")
    settings = [row for one in found.of("aws_ecs_cluster") for row in one.get("setting") or ()]
    return Monitoring(
        alarm_metrics=sum(_metrics(one) for one in found.of("aws_cloudwatch_metric_alarm")),
        composite_alarms=found.count("aws_cloudwatch_composite_alarm"),
        dashboards=found.count("aws_cloudwatch_dashboard"),
        cpu_trackers=kinds.count("cpu"),
        backlog_trackers=kinds.count("backlog"),
        capacity_providers=found.count("aws_ecs_capacity_provider"),
        container_insights=any(row["name"] == "containerInsights" and row["value"] != "disabled" for row in settings),
        log_days=max((one["retention_in_days"] for one in groups if not _is_audit(one)), default=0),
        audit_log_days=max((one["retention_in_days"] for one in groups if _is_audit(one)), default=0),
    )


def _is_audit(group: Values) -> bool:
    return str(group["name"]).startswith("aws-waf-logs-") or str(group["name"]).endswith("/exec")


def _metrics(alarm: Values) -> int:
    queries = alarm.get("metric_query") or ()
    return sum(bool(query.get("metric")) for query in queries) if queries else 1


def _buckets(found: Resources) -> Iterator[Bucket]:
    for entry in found.entries("aws_s3_bucket_lifecycle_configuration"):
        rules = entry["values"].get("rule") or ()
        moved = [int(one["days"] or 0) for rule in rules for one in rule.get("transition") or ()]
        gone = [int(one["days"] or 0) for rule in rules for one in rule.get("expiration") or ()]
        yield Bucket(str(entry.get("index", "")), max(moved, default=0), max(gone, default=0))


def _backup_days(plan: Values) -> int:
    lives = [one for rule in plan.get("rule") or () for one in rule.get("lifecycle") or ()]
    return max((int(one.get("delete_after") or 0) for one in lives), default=0)
