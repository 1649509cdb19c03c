"""The metrics that there are once an environment is applied: what our workers emit, and what AWS does.

Of AWS's metrics only those that an alarm or a scaling policy of ours reads are listed, each with the dimensions that
its service's documentation gives it, and the resource that they name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.plans import managed
from thoth_infra.contract import metrics
from thoth_infra.contract.services import SERVICES
from thoth_infra.review.scaling.alarms import Metric


@dataclass(frozen=True)
class Identity:
    """What CloudWatch knows a metric by."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Published:
    """AWS metrics with the same dimensions.

    ``dimensions`` gives to each name the resource type and attribute of its value, or, where only apply tells the
    value, the HCL expression that stands for it in the rendered tree.
    """

    namespace: str
    names: frozenset[str]
    dimensions: Mapping[str, tuple[str, str] | str]
    source: str


_DOCS = "https://docs.aws.amazon.com"

PUBLISHED: tuple[Published, ...] = (
    Published(
        "AWS/SQS",
        frozenset({"ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"}),
        {"QueueName": ("aws_sqs_queue", "name")},
        f"{_DOCS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
    ),
    Published(
        "ECS/ContainerInsights",
        frozenset({"RunningTaskCount"}),
        {"ClusterName": ("aws_ecs_cluster", "name"), "ServiceName": ("aws_ecs_service", "name")},
        f"{_DOCS}/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html",
    ),
    Published(
        "AWS/EC2",
        frozenset({"StatusCheckFailed"}),
        {"AutoScalingGroupName": ("aws_autoscaling_group", "name")},
        f"{_DOCS}/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html",
    ),
    Published(
        "AWS/RDS",
        frozenset({"CPUUtilization", "FreeStorageSpace"}),
        {"DBInstanceIdentifier": ("aws_db_instance", "identifier")},
        f"{_DOCS}/AmazonRDS/latest/UserGuide/rds-metrics.html",
    ),
    Published(
        "AWS/ApplicationELB",
        frozenset({"RequestCount", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count"}),
        {"LoadBalancer": "aws_lb.this.arn_suffix"},
        f"{_DOCS}/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html",
    ),
    Published(
        "AWS/ApplicationELB",
        frozenset({"UnHealthyHostCount"}),
        {"LoadBalancer": "aws_lb.this.arn_suffix", "TargetGroup": "group.arn_suffix"},
        f"{_DOCS}/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html",
    ),
    Published(
        "AWS/EFS",
        frozenset({"PercentIOLimit"}),
        {"FileSystemId": "module.shared_storage.file_system_id"},
        f"{_DOCS}/efs/latest/ug/efs-metrics.html",
    ),
    Published(
        "AWS/CertificateManager",
        frozenset({"DaysToExpiry"}),
        {"CertificateArn": "aws_acm_certificate.this.arn"},
        f"{_DOCS}/acm/latest/userguide/cloudwatch-metrics.html",
    ),
)


def published(metric: Metric) -> Published:
    """Return the entry of an AWS metric."""
    for entry in PUBLISHED:
        if entry.namespace == metric.namespace and metric.name in entry.names:
            return entry
    raise AssertionError(f"no documented metric {metric.namespace} {metric.name}")


def emitted(environment: str) -> set[Identity]:
    """Return every metric of an environment whose dimensions are known before apply."""
    return {*_workers(environment), *_aws(environment)}


def _workers(environment: str) -> Iterator[Identity]:
    for service in SERVICES:
        values = frozenset(zip(metrics.DIMENSIONS, (environment, service.name), strict=True))
        yield from (Identity(metrics.NAMESPACE, metric.name, values) for metric in service.metrics)


def _aws(environment: str) -> Iterator[Identity]:
    for entry in PUBLISHED:
        places = {name: place for name, place in entry.dimensions.items() if not isinstance(place, str)}
        if len(places) < len(entry.dimensions):
            continue
        found: list[frozenset[tuple[str, str]]] = [frozenset()]
        for name, (kind, attribute) in places.items():
            values = [change["change"]["after"][attribute] for change in managed(environment, kind)]
            found = [known | {(name, value)} for known in found for value in values]
        yield from (Identity(entry.namespace, metric, known) for metric in entry.names for known in found)
