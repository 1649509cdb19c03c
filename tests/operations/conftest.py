"""Staging on the emulator with what operating it looks at: autoscaling, queues, GPU metrics."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.deploy.conftest import NAME, PREFIX, SERVICES, Estate, account, aws, emulator, estate, other_account
from thoth_infra.contract.queues import QUEUES

__all__ = ["account", "aws", "emulator", "estate", "other_account"]

#: Desired count, bounds, and the kinds of scaling that are suspended; no bounds: no autoscaling.
NUMBERS: dict[str, tuple[int, tuple[int, int] | None, tuple[bool, bool, bool]]] = {
    "api": (2, (2, 6), (False, False, False)),
    "orchestrator": (1, None, (False, False, False)),
    "audio-extraction": (3, (1, 4), (True, False, False)),
    "transcription": (1, (0, 2), (False, True, True)),
    "music-terms": (0, (0, 3), (False, False, True)),
}
KINDS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
Numbers = dict[str, tuple[int, tuple[int, int, dict[str, bool]] | None]]


def numbers(aws: Any) -> Numbers:
    """Return every number that stop and start are about, as AWS has it."""
    found = aws("ecs").describe_services(cluster=PREFIX, services=list(SERVICES))["services"]
    targets = aws("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    scaling = {
        t["ResourceId"].rpartition("/")[2]: (t["MinCapacity"], t["MaxCapacity"], t["SuspendedState"]) for t in targets
    }
    return {s["serviceName"]: (s["desiredCount"], scaling.get(s["serviceName"])) for s in found}


def set_numbers(aws: Any, only: tuple[str, ...] = SERVICES) -> Numbers:
    """Give the services the numbers of ``NUMBERS``; return them as `numbers` does."""
    for name in only:
        desired, bounds, suspended = NUMBERS[name]
        if bounds:
            aws("application-autoscaling").register_scalable_target(
                ServiceNamespace="ecs",
                ResourceId=f"service/{PREFIX}/{name}",
                ScalableDimension="ecs:service:DesiredCount",
                MinCapacity=bounds[0],
                MaxCapacity=bounds[1],
                SuspendedState=dict(zip(KINDS, suspended, strict=True)),
            )
        aws("ecs").update_service(cluster=PREFIX, service=name, desiredCount=desired)
    return numbers(aws)


def until(what: Callable[[], Any]) -> Any:
    """Wait, as far as the emulator's world needs it, until something holds."""
    last = time.monotonic() + 30
    while not (found := what()):
        assert time.monotonic() < last
        time.sleep(0.02)
    return found


@pytest.fixture
def staging(estate: Estate) -> Estate:
    """Staging as `furnished`, for one test."""
    furnish(estate)
    return estate


def furnish(estate: Estate) -> None:
    """Give the estate autoscaling, queues, and a GPU host that reports."""
    sqs = estate.aws("sqs")
    for queue in QUEUES:
        for suffix in ("", "-dlq"):
            sqs.create_queue(QueueName=f"{PREFIX}-{queue.name}{suffix}")
    set_numbers(estate.aws)
    estate.aws("ecs").put_cluster_capacity_providers(
        cluster=PREFIX, capacityProviders=["FARGATE", f"{PREFIX}-gpu"], defaultCapacityProviderStrategy=[]
    )
    until(lambda: all(_settled(estate.service(name)) for name in SERVICES))


def _settled(service: dict[str, Any]) -> bool:
    return bool(service["runningCount"] == service["desiredCount"] and not service["pendingCount"])


def send(estate: Estate, queue: str, count: int) -> None:
    """Put messages into one of staging's queues."""
    sqs = estate.aws("sqs")
    url = sqs.get_queue_url(QueueName=f"{PREFIX}-{queue}")["QueueUrl"]
    for number in range(count):
        sqs.send_message(QueueUrl=url, MessageBody=f"{number}")


def report(estate: Estate, stream: str, utilization: float, memory: float) -> None:
    """Log and count a GPU's load, as a transcription worker does."""
    logs, group = estate.aws("logs"), f"/thoth/{NAME}/transcription"
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    line = {"Environment": NAME, "Service": "transcription", "GpuUtilization": utilization, "GpuMemory": memory}
    at, lines = int(time.time() * 1000) - 5000, ("loading the model", json.dumps(line), '{"level": "INFO"}')
    logs.put_log_events(
        logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": at, "message": text} for text in lines]
    )
    dimensions = [{"Name": "Environment", "Value": NAME}, {"Name": "Service", "Value": "transcription"}]
    estate.aws("cloudwatch").put_metric_data(
        Namespace="Thoth",
        MetricData=[
            {"MetricName": name, "Dimensions": dimensions, "Value": value, "Unit": "Percent", "Timestamp": at / 1000}
            for name, value in (("GpuUtilization", utilization), ("GpuMemory", memory))
        ],
    )


def freeze(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the emulated world go at AWS's own pace from now on: nothing moves during a test."""
    monkeypatch.setenv("THOTH_EMULATOR_PACE", "1")
