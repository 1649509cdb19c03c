"""Alarms and scaling policies read metrics that somebody emits, under the dimensions they are emitted with.

An alarm on a metric that nobody emits never fires, and nothing else tells that it doesn't.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from thoth_infra.contract import metrics as contract
from thoth_infra.contract.services import BY_NAME
from thoth_infra.errors import did_you_mean
from thoth_infra.review.policy.findings import Finding
from thoth_infra.review.policy.plan import Plan, Resource

METRICS: Final = "alarm-metric-known"

_Dimensions = frozenset[str]


def _sets(*names: str) -> tuple[_Dimensions, ...]:
    return tuple(frozenset(name.split()) for name in names)


_BALANCER: Final = _sets("LoadBalancer", "LoadBalancer AvailabilityZone")
_TARGETS: Final = _sets("LoadBalancer TargetGroup", "LoadBalancer TargetGroup AvailabilityZone")
_QUEUE: Final = _sets("QueueName")
_HOST: Final = _sets("InstanceId", "AutoScalingGroupName", "InstanceType", "ImageId")
_DATABASE: Final = _sets("DBInstanceIdentifier")
_FILES: Final = _sets("FileSystemId")
_TASKS: Final = _sets("ClusterName ServiceName")

# What AWS publishes for the services that we run, from its CloudWatch reference, and under which dimensions.
AWS_METRICS: Final[Mapping[str, Mapping[str, tuple[_Dimensions, ...]]]] = {
    "AWS/ApplicationELB": {
        **dict.fromkeys(("HTTPCode_ELB_5XX_Count", "RejectedConnectionCount", "ActiveConnectionCount"), _BALANCER),
        **dict.fromkeys(("HTTPCode_Target_5XX_Count", "RequestCount", "TargetResponseTime"), _BALANCER + _TARGETS),
        **dict.fromkeys(("HealthyHostCount", "UnHealthyHostCount"), _TARGETS),
    },
    "AWS/CertificateManager": {"DaysToExpiry": _sets("CertificateArn")},
    "AWS/EC2": {
        **dict.fromkeys(("CPUUtilization", "NetworkIn", "NetworkOut"), _HOST),
        **dict.fromkeys(("StatusCheckFailed", "StatusCheckFailed_Instance", "StatusCheckFailed_System"), _HOST),
    },
    "AWS/ECS": {
        **dict.fromkeys(("CPUUtilization", "MemoryUtilization"), _TASKS + _sets("ClusterName")),
        **dict.fromkeys(("CPUReservation", "MemoryReservation", "GPUReservation"), _sets("ClusterName")),
    },
    "AWS/EFS": dict.fromkeys(("PercentIOLimit", "ClientConnections", "MeteredIOBytes"), _FILES),
    "AWS/RDS": dict.fromkeys(
        ("CPUUtilization", "DatabaseConnections", "FreeStorageSpace", "FreeableMemory", "ReadLatency", "WriteLatency"),
        _DATABASE,
    ),
    "AWS/SQS": dict.fromkeys(
        (
            "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible", "NumberOfMessagesDeleted", "NumberOfMessagesReceived",
            "NumberOfMessagesSent",
        ),
        _QUEUE,
    ),
    "AWS/WAFV2": dict.fromkeys(("AllowedRequests", "BlockedRequests"), _sets("WebACL Rule Region", "WebACL Rule")),
    "ECS/ContainerInsights": dict.fromkeys(
        ("CpuUtilized", "DesiredTaskCount", "MemoryUtilized", "PendingTaskCount", "RunningTaskCount"), _TASKS
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """A metric that a resource reads. ``dimensions``: name to value, None for a value that comes with apply.

    ``dimensions`` is None itself when nothing is known of them.
    """

    address: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str | None] | None


def metrics(plan: Plan) -> Iterator[Finding]:
    """Yield what reads a metric, or a dimension, that does not exist."""
    for reading in readings(plan):
        problem = _ours(plan, reading) if reading.namespace == contract.NAMESPACE else _theirs(reading)
        if problem:
            yield Finding(METRICS, reading.address, *problem)


def _ours(plan: Plan, reading: Reading) -> tuple[str, str] | None:
    known = {metric.name for metric in contract.METRICS}
    if reading.metric not in known:
        return f"reads {reading.metric}, which the contract does not know", did_you_mean(reading.metric, known)
    dimensions = reading.dimensions or {}
    if set(dimensions) != set(contract.DIMENSIONS):
        wrong = f"reads {reading.metric} under {_listed(dimensions)}"
        return wrong, f"the workers emit it under {_listed(contract.DIMENSIONS)}"
    environment, service = dimensions["Environment"], dimensions["Service"]
    if environment != plan.environment:
        return f"reads {reading.metric} of {environment}", f"Environment is {plan.environment!r}"
    emits = sorted(s.name for s in BY_NAME.values() if reading.metric in {m.name for m in s.metrics})
    if service not in emits:
        return f"reads {reading.metric} of {service}, which does not emit it", f"it is emitted by {', '.join(emits)}"
    return None


def _theirs(reading: Reading) -> tuple[str, str] | None:
    known = AWS_METRICS.get(reading.namespace)
    if known is None:
        return f"reads from {reading.namespace}, which nobody writes to", did_you_mean(reading.namespace, AWS_METRICS)
    if reading.metric not in known:
        return f"reads {reading.metric}, which {reading.namespace} has not", did_you_mean(reading.metric, known)
    allowed = known[reading.metric]
    if reading.dimensions is not None and frozenset(reading.dimensions) not in allowed:
        wrong = f"reads {reading.metric} under {_listed(reading.dimensions)}"
        return wrong, f"{reading.namespace} has it under {' or '.join(_listed(names) for names in allowed)}"
    return None


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "no dimension"


def readings(plan: Plan) -> Iterator[Reading]:
    """Yield every metric that an alarm or a scaling policy reads."""
    for alarm in plan.of("aws_cloudwatch_metric_alarm"):
        if alarm.get("metric_name"):
            yield _reading(alarm, alarm.values, alarm.unknown)
        for index, query in enumerate(alarm.blocks("metric_query")):
            for metric in query.get("metric") or ():
                yield _reading(alarm, metric, _unknown_metric(alarm, index))
    for policy in plan.of("aws_appautoscaling_policy"):
        for tracking in policy.blocks("target_tracking_scaling_policy_configuration"):
            for customized in tracking.get("customized_metric_specification") or ():
                yield from _customized(policy, customized)


def _unknown_metric(alarm: Resource, index: int) -> Mapping[str, Any]:
    """Return what is unknown of a query's metric: Terraform may say so of the set of queries as a whole."""
    queries = alarm.unknown.get("metric_query")
    if isinstance(queries, list) and index < len(queries) and queries[index].get("metric"):
        found: Mapping[str, Any] = queries[index]["metric"][0]
        return found
    return {"dimensions": queries is True}


def _reading(alarm: Resource, metric: Mapping[str, Any], unknown: Mapping[str, Any]) -> Reading:
    known, waiting = metric.get("dimensions") or {}, unknown.get("dimensions")
    names = dict.fromkeys(waiting) if isinstance(waiting, Mapping) else {}
    dimensions = None if waiting is True and not known else {**names, **known}
    return Reading(alarm.address, metric["namespace"], metric["metric_name"], dimensions)


def _customized(policy: Resource, body: Mapping[str, Any]) -> Iterator[Reading]:
    stats = [stat for query in body.get("metrics") or () for stat in query.get("metric_stat") or ()]
    for metric in [*(metric for stat in stats for metric in stat["metric"]), body]:
        if metric.get("metric_name"):
            dimensions = {d["name"]: d["value"] for d in metric.get("dimensions") or ()}
            yield Reading(policy.address, metric["namespace"], metric["metric_name"], dimensions)
