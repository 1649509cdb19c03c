"""Reads a rendered tree's scaling: bounds, alarms, policies, schedule, pools, queues.

Read from the Terraform that would be applied, not from the templates' intention: an alarm's expression, a cooldown
and a queue's time-out are here as they stand there, each with its file and line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from thoth_infra.errors import ThothError
from thoth_infra.review.scaling import hcl
from thoth_infra.review.scaling.alarms import Alarm, Metric
from thoth_infra.review.scaling.hcl import Block
from thoth_infra.review.scaling.hcl_values import Scope
from thoth_infra.review.scaling.policies import (
    Bounds,
    Provider,
    Reading,
    Role,
    ServiceScaling,
    Source,
    Step,
    Tracking,
    Tree,
)

AUTOSCALING: Final = "modules/ai-services/autoscaling.tf"
POOLS: Final = "modules/ecs-gpu-cluster/main.tf"
QUEUES: Final = "25-queues.tf"

HEARTBEATS_PER_VISIBILITY: Final = 3  # workers/common/loop.py

_ROLES: Final[Mapping[tuple[str, str], Role]] = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): "visible",
    ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible"): "inflight",
    ("ECS/ContainerInsights", "RunningTaskCount"): "tasks",
}


def read(tree: Mapping[str, str], environment: str) -> Tree:
    """Read a rendered tree (path below ``terraform/<environment>/`` to text). Raises ThothError."""
    base = f"terraform/{environment}"
    try:
        values = {
            name: expression.value({})
            for name, (expression, _) in hcl.parse(tree[f"{environment}.auto.tfvars"]).attributes.items()
        }
        return Tree(
            services=_services(hcl.parse(tree[AUTOSCALING]), f"{base}/{AUTOSCALING}", values),
            provider=_provider(hcl.parse(tree[POOLS]), f"{base}/{POOLS}") if POOLS in tree else None,
            visibility=_visibility(hcl.parse(tree[QUEUES]), f"{base}/{QUEUES}", values),
        )
    except (hcl.HclError, KeyError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ThothError(
            f"the tree of {environment} can't be judged: {what}", "render it, and `validate` it"
        ) from error


def _services(file: Block, name: str, values: Mapping[str, Any]) -> dict[str, ServiceScaling]:
    prefix = f"{values['project']}-{values['environment']}"
    inputs = {
        **values, "prefix": prefix, "cluster_name": prefix,
        "queue_names": {queue: f"{prefix}-{queue}" for queue in values["queues"]},
    }  # fmt: skip
    reader = _Reader(file, name, hcl.scope(inputs, file), prefix)
    return {
        service: reader.service(service, given)
        for service, given in values["services"].items()
        if given["queue"] and given["scaling"]["kind"] == "backlog"
    }


class _Reader:
    """Reads the resources of the services' module for one service at a time."""

    def __init__(self, file: Block, name: str, scope: Scope, prefix: str) -> None:
        self._file, self._name, self._scope, self._prefix = file, name, scope, prefix

    def service(self, service: str, given: Mapping[str, Any]) -> ServiceScaling:
        queue = f"{self._prefix}-{given['queue']}"
        bounds = [self._bounds(*found) for found in self._of("aws_appautoscaling_target", service)]
        policies = list(self._of("aws_appautoscaling_policy", service))
        return ServiceScaling(
            service=service,
            queue=given["queue"],
            gpu_host=given["launch_type"] == "EC2",
            capacity=tuple((row["provider"], row["base"], row["weight"]) for row in given["capacity"]),
            bounds=bounds[0] if bounds else None,
            steps=tuple(step for found in policies for step in self._steps(*found, service=service, queue=queue)),
            tracking=tuple(made for found in policies for made in self._tracking(*found, service=service, queue=queue)),
            scheduled=tuple(
                self._scheduled(*found) for found in self._of("aws_appautoscaling_scheduled_action", service)
            ),
            heartbeat=float(given["environment"]["VISIBILITY_TIMEOUT_SECONDS"]) / HEARTBEATS_PER_VISIBILITY,
        )

    def _of(self, kind: str, service: str) -> Iterator[tuple[Block, Scope]]:
        for block in self._file.of("resource"):
            if block.labels[0] != kind:
                continue
            each = block.value("for_each", self._scope, {})
            if isinstance(each, Mapping) and service in each:
                yield block, {**self._scope, "each": {"key": service, "value": each[service]}}

    def _bounds(self, block: Block, scope: Scope) -> Bounds:
        least, most = block.value("min_capacity", scope), block.value("max_capacity", scope)
        return Bounds(least, most, Source(self._name, block))

    def _scheduled(self, block: Block, scope: Scope) -> Bounds:
        (action,) = block.of("scalable_target_action")
        return Bounds(
            action.value("min_capacity", scope), action.value("max_capacity", scope), Source(self._name, action),
            block.labels[1], block.value("schedule", scope, ""), block.value("timezone", scope, "UTC"),
        )  # fmt: skip

    def _steps(self, block: Block, scope: Scope, *, service: str, queue: str) -> Iterator[Step]:
        for body in block.of("step_scaling_policy_configuration"):
            steps = tuple(
                (_bound(s, "lower", scope), _bound(s, "upper", scope), int(s.value("scaling_adjustment", scope, 0)))
                for s in body.of("step_adjustment")
            )
            for watcher, own in self._of("aws_cloudwatch_metric_alarm", service):
                actions = watcher.value("alarm_actions", own, [])
                if not any(f"aws_appautoscaling_policy.{block.labels[1]}[" in str(action) for action in actions):
                    continue
                alarm = _alarm(watcher, own)
                yield Step(
                    block.labels[1], alarm, Reading(_roles(alarm.metrics, service, queue)),
                    body.value("adjustment_type", scope, ""), steps, float(body.value("cooldown", scope, 0)),
                    Source(self._name, body), Source(self._name, watcher),
                )  # fmt: skip

    def _tracking(self, block: Block, scope: Scope, *, service: str, queue: str) -> Iterator[Tracking]:
        for body in block.of("target_tracking_scaling_policy_configuration"):
            for custom in body.of("customized_metric_specification"):
                metrics, expression = {}, ""
                for query in custom.of("metrics"):
                    expression = query.value("expression", scope, expression)
                    for stat in query.of("metric_stat"):
                        (metric,) = stat.of("metric")
                        metrics[query.value("id", scope)] = _tracked(metric, scope, stat.value("stat", scope))
                cooldown = float(body.value("scale_out_cooldown", scope, 300))
                yield Tracking(
                    expression, Reading(_roles(metrics, service, queue)), float(body.value("target_value", scope)),
                    not body.value("disable_scale_in", scope, False), cooldown, Source(self._name, body),
                )  # fmt: skip


def _bound(block: Block, side: str, scope: Scope) -> float | None:
    found = block.value(f"metric_interval_{side}_bound", scope)
    return None if found is None else float(found)


def _alarm(block: Block, scope: Scope) -> Alarm:
    expression, metrics = "m", {}
    for query in block.of("metric_query"):
        expression = query.value("expression", scope, expression)
        for metric in query.of("metric"):
            metrics[query.value("id", scope)] = _metric(metric, scope)
    if "metric_name" in block.attributes:
        metrics["m"] = _metric(block, scope)
    periods = int(block.value("evaluation_periods", scope, 1))
    return Alarm(
        address=f"{block.labels[0]}.{block.labels[1]}",
        name=str(block.value("alarm_name", scope, "")),
        description="",
        comparison=block.value("comparison_operator", scope),
        threshold=float(block.value("threshold", scope)),
        periods=periods,
        needed=int(block.value("datapoints_to_alarm", scope) or periods),
        missing=block.value("treat_missing_data", scope, "missing"),
        metrics=metrics,
        expression=expression,
    )


def _metric(block: Block, scope: Scope) -> Metric:
    namespace, name = block.value("namespace", scope), block.value("metric_name", scope)
    statistic = block.value("stat", scope) or block.value("statistic", scope, "")
    return Metric(
        namespace, name, block.value("dimensions", scope, {}), statistic, int(block.value("period", scope, 60))
    )


def _tracked(block: Block, scope: Scope, statistic: str) -> Metric:
    dimensions = {d.value("name", scope): d.value("value", scope) for d in block.of("dimensions")}
    return Metric(block.value("namespace", scope), block.value("metric_name", scope), dimensions, statistic, 60)


def _roles(metrics: Mapping[str, Metric], service: str, queue: str) -> dict[str, Role]:
    found: dict[str, Role] = {}
    for id_, metric in metrics.items():
        role: Role = _ROLES.get((metric.namespace, metric.name), "unknown")
        own = (metric.dimensions or {}).get("ServiceName" if role == "tasks" else "QueueName")
        found[id_] = role if own == (service if role == "tasks" else queue) else "unknown"
    return found


def _provider(file: Block, name: str) -> Provider | None:
    for block in file.of("resource"):
        if block.labels[0] != "aws_ecs_capacity_provider":
            continue
        for group in block.of("auto_scaling_group_provider"):
            for body in group.of("managed_scaling"):
                return Provider(
                    body.value("status", {}, "ENABLED") == "ENABLED", int(body.value("target_capacity", {}, 100)),
                    int(body.value("maximum_scaling_step_size", {}, 10000)),
                    float(body.value("instance_warmup_period", {}, 300)), Source(name, body),
                )  # fmt: skip
            return Provider(False, 100, 0, 0, Source(name, group))
    return None


def _visibility(file: Block, name: str, values: Mapping[str, Any]) -> dict[str, tuple[int, str]]:
    attribute = "visibility_timeout_seconds"
    found = {}
    for block in file.of("resource"):
        if block.labels == ("aws_sqs_queue", "this"):
            for queue, given in block.value("for_each", {"var": values}, {}).items():
                scope = {"var": values, "each": {"key": queue, "value": given}}
                found[queue] = int(block.value(attribute, scope, 30)), f"{name}:{block.line_of(attribute)}"
    return found
