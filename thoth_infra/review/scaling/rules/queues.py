"""Messages: nobody else gets one that is in work, and it lives as long as its job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from thoth_infra.contract.queues import Stage
from thoth_infra.contract.services import BY_NAME
from thoth_infra.review.scaling.findings import Case, Found, key, shown
from thoth_infra.review.scaling.policies import ServiceScaling

# SQS developer guide, "Amazon SQS visibility timeout": counted from the receipt, however often it is prolonged.
SQS_LONGEST_SECONDS: Final = 43200
# How long SQS may be out of reach for a worker that goes on: boto3's retries, or a network that comes back.
OUTAGE_SECONDS: Final = 120


def _stage(service: ServiceScaling) -> str:
    return service.service.replace("-", "_")


def heartbeat(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """The queue's time-out is longer than the pause between two heartbeats, and bears an outage."""
    visibility, place = case.tree.visibility.get(service.queue, (0, ""))
    slack = visibility - service.heartbeat
    if slack <= 0:
        what = (
            f"a worker of {service.service} prolongs its message every {shown(service.heartbeat)}, but the queue gives"
            f" it to another one after {shown(visibility)}: each job longer than that is done several times"
        )
    elif slack < OUTAGE_SECONDS:
        what = (
            f"a message of {service.service} is prolonged every {shown(service.heartbeat)} and visible again after"
            f" {shown(visibility)}: when SQS is out of reach for {shown(slack)}, a second worker begins the same job"
        )
    else:
        return
    yield Found(
        what,
        f"visibility_seconds of at least {OUTAGE_SECONDS * 3 // 2}, the same for queue and worker",
        f"timeouts.{_stage(service)}.visibility_seconds", place if slack <= 0 else "",
    )  # fmt: skip


def beyond_sqs(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """No message can be held for longer than twelve hours."""
    job = getattr(case.env.timeouts, _stage(service)).job_seconds
    if job > SQS_LONGEST_SECONDS:
        yield Found(
            f"a job of {service.service} may take {shown(job)}, but SQS gives every message to another worker 12 hours"
            " after its receipt, prolonged or not",
            f"at most {SQS_LONGEST_SECONDS}",
            f"timeouts.{_stage(service)}.job_seconds",
        )


def one_delivery(case: Case) -> Iterator[Found]:
    """A deployment or a crash is no reason to give a job up."""
    if case.env.queues.max_receive_count == 1:
        yield Found(
            "each message is delivered once: a deployment, a crash or an interruption in the middle of a job makes a"
            " dead letter of it",
            "max_receive_count: 3 or more",
            "queues.max_receive_count",
        )


def job_time(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """The time-out lets a long job end."""
    load, job = (case.load or {}).get(service.service), getattr(case.env.timeouts, _stage(service)).job_seconds
    if load and load.long_seconds > job:
        yield Found(
            f"a long job (99 of 100 are shorter) works {shown(load.long_seconds)} in {service.service}, but is given up"
            f" after {shown(job)}, on every try",
            f"at least {load.long_seconds:.0f}",
            f"timeouts.{_stage(service)}.job_seconds",
        )


# Seconds of work per second of audio of the slowest GPU we launch: a T4 with the large model.
SLOWEST_PACE: Final = 0.25


def checkpoint(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """What is between two checkpoints fits into the time that a stop leaves."""
    if BY_NAME[service.service].stage is not Stage.TRANSCRIPTION or not _interruptible(service):
        return
    audio, stop = case.env.whisper.checkpoint_seconds, case.env.timeouts.stop_seconds
    work = audio * SLOWEST_PACE
    if work > stop:
        yield Found(
            f"{shown(audio)} of audio between two checkpoints are up to {shown(work)} of work, and a spot interruption"
            f" or a deployment leaves {shown(stop)}: each of them throws that work away",
            f"at most {stop / SLOWEST_PACE:.0f} seconds",
            "whisper.checkpoint_seconds",
        )


def _interruptible(service: ServiceScaling) -> bool:
    return any(weight for provider, _, weight in service.capacity if provider.endswith("spot"))


def clearing(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """The maximum clears what the alarm lets pile up, within the wait that is wanted."""
    load, bounds, wanted = (case.load or {}).get(service.service), service.bounds, case.slo_minutes
    if not load or bounds is None or not wanted or not bounds.most:
        return
    for tracking in service.tracking:
        wait = tracking.target * load.work_seconds / 60
        if wait > wanted:
            yield Found(
                f"up to {tracking.target:g} messages per task start no further task of {service.service}: the last of"
                f" them waits about {wait:.0f} minutes, longer than the {wanted:g} wanted",
                f"at most {max(1, int(wanted * 60 // load.work_seconds))} messages per task",
                key(service, "scaling.messages_per_task"),
            )


def too_small(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """The most tasks keep up with what comes."""
    load, bounds = (case.load or {}).get(service.service), service.bounds
    if not load or bounds is None:
        return
    tasks = load.jobs_per_hour * load.work_seconds / 3600
    busiest = load.busiest_hour * load.work_seconds / 3600
    if tasks >= bounds.most:
        what = f"{load.jobs_per_hour:.3g} jobs an hour keep {tasks:.3g} tasks busy on average"
        after = "the queue grows without end"
    elif case.slo_minutes and (wait := (busiest - bounds.most) / bounds.most * 60) > case.slo_minutes:
        what = f"{load.busiest_hour:.3g} jobs of the busiest hour are the work of {busiest:.3g} tasks"
        after = f"its last one waits about {wait:.0f} minutes, not the {case.slo_minutes:g} wanted"
    else:
        return
    yield Found(
        f"{what}, and {service.service} has at most {bounds.most}: {after}",
        f"max: {int(tasks) + 1} or more",
        key(service, "scaling.max"),
    )
