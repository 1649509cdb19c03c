"""How status, stop, start and gpu-status show what they found: as text, and as JSON with stable keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

from thoth_infra.aws.gpu import Fleet, GpuHost
from thoth_infra.aws.overview import Overview, QueueStatus, Rollout, ServiceStatus, Trouble
from thoth_infra.aws.services import Scaling
from thoth_infra.aws.stopping import Started, Stopped
from thoth_infra.cli.tables import marked, paint, table


def as_json(found: Any) -> Any:
    """Return dataclasses as plain values; times as ISO 8601."""
    if is_dataclass(found) and not isinstance(found, type):
        return as_json(asdict(found))
    if isinstance(found, dict):
        return {key: as_json(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [as_json(value) for value in found]
    return found.isoformat() if isinstance(found, datetime) else found


def overview(found: Overview) -> str:
    """Return the text of `status`."""
    parts = [*_headlines(found), _services(found)]
    if under_way := [row for one in found.services if len(one.rollouts) > 1 for row in _rollouts(one)]:
        head = ("ROLL-OUT", "STATUS", "STATE", "REVISION", "RUNNING", "PENDING", "FAILED", "TRAFFIC")
        parts.append(table(head, under_way))
    if found.queues:
        parts.append(_queues(found.queues))
    parts += [_trouble(one.name, trouble) for one in found.services for trouble in one.troubles]
    return "\n\n".join(parts)


def _headlines(found: Overview) -> list[str]:
    lines = []
    if found.stopped:
        is_so = (
            "stopped" if found.stopped.phase == "stopped" else f"neither stopped nor started ({found.stopped.phase})"
        )
        by = f"since {found.stopped.since:%Y-%m-%d %H:%M:%S} UTC, by {found.stopped.by}"
        back = f"thoth-infra start-services --env {found.environment}"
        text = f"the services of {found.environment} are {is_so} {by}\n`{back}` brings them back"
        lines.append(paint(marked(text, "yellow")))
    if one := found.deployment:
        text = f"{one.kind} {one.id} is {one.state}, begun {one.since:%Y-%m-%d %H:%M:%S} UTC by {one.by}"
        text += f"\n`thoth-infra deploy --show --env {found.environment}` tells more"
        lines.append(paint(marked(text, "yellow")))
    elif found.codedeploy:
        lines.append(paint(marked(f"CodeDeploy replaces the API: {', '.join(found.codedeploy)}", "yellow")))
    return lines


def _services(found: Overview) -> str:
    head = ("SERVICE", "DESIRED", "RUNNING", "PENDING", "SCALING", "REVISION", "IMAGE")
    return table(head, [_service(one) for one in found.services])


def _service(one: ServiceStatus) -> tuple[object, ...]:
    running = one.running if one.running >= one.desired else marked(one.running, "red")
    pending = marked(one.pending, "yellow") if one.pending else 0
    return (one.name, one.desired, running, pending, _bounds(one.scaling), one.revision, _image(one.image))


def _bounds(scaling: Scaling | None) -> str:
    if scaling is None:
        return "fixed"
    bounds = f"{scaling.minimum} to {scaling.maximum}"
    if scaling.is_suspended:
        return marked(f"{bounds} (suspended)", "yellow")
    held = [_KINDS[name] for name, suspended in scaling.suspended.items() if suspended]
    return marked(f"{bounds} ({', '.join(held)} suspended)", "yellow") if held else bounds


_KINDS = {
    "DynamicScalingInSuspended": "in",
    "DynamicScalingOutSuspended": "out",
    "ScheduledScalingSuspended": "schedule",
}


def _image(image: str) -> str:
    """Return the last part of a repository's name with the tag, or with the beginning of the digest."""
    name, at, digest = image.rpartition("/")[2].partition("@")
    return f"{name}@{digest[:19]}" if at else name


def _rollouts(one: ServiceStatus) -> Iterable[Sequence[object]]:
    for row in one.rollouts:
        state = row.state.lower().replace("_", " ")
        yield (
            one.name,
            row.status.lower(),
            marked(state, "red") if row.state == "FAILED" else state,
            row.revision,
            f"{row.running} of {row.desired}",
            row.pending,
            marked(row.failed, "red") if row.failed else 0,
            _share(row),
        )


def _share(row: Rollout) -> str:
    return "" if row.traffic is None else f"{row.traffic:.0f} %"


def _queues(found: Sequence[QueueStatus]) -> str:
    rows = [(one.name, one.waiting, one.in_work, marked(one.dead, "red") if one.dead else 0) for one in found]
    return table(("QUEUE", "WAITING", "IN WORK", "DEAD"), rows)


def _trouble(service: str, trouble: Trouble) -> str:
    lines = [paint(marked(f"{service}: {trouble.said}", "red"))]
    lines += [f"  cause: {trouble.cause}"] if trouble.cause else []
    lines += [f"  what helps: {trouble.fix}"] if trouble.fix else []
    return "\n".join(lines)


def stopped(environment: str, done: Stopped, queues: Sequence[QueueStatus]) -> str:
    """Return the text of `stop-services`."""
    back = f"`thoth-infra start-services --env {environment}` brings them back"
    lines = [f"stopped {len(done.services)} services; {back}"]
    if held := [one for one in queues if one.waiting or one.in_work]:
        lines.append(
            "messages that wait until then: " + ", ".join(f"{one.name} {one.waiting + one.in_work}" for one in held)
        )
    return "\n".join(lines)


def started(environment: str, done: Started) -> str:
    """Return the text of `start-services`."""
    lines = ["started: " + ", ".join(f"{one.name} {one.desired}" for one in done.services)]
    if done.gone:
        lines.append(f"no longer there, so left alone: {', '.join(done.gone)}")
    if closed := [one.name for one in done.services if one.scaling and one.scaling.maximum == 0]:
        lines.append(f"{', '.join(closed)} may run no task: autoscaling had the bounds 0 to 0, as off hours")
        lines.append(f"the next scheduled start lifts them; `plan` and `apply --env {environment}` lift them now")
    return "\n".join(lines)


def fleet(found: Fleet) -> str:
    """Return the text of `gpu-status`."""
    if not found.hosts:
        return "no GPU host is running"
    head = (
        "INSTANCE", "TYPE", "MARKET", "ZONE", "STATUS", "GPUS", "FREE", "TASKS", "BUSY", "MEMORY", "AGE (H)", "AMI",
        "AMI AGE",
    )  # fmt: skip
    parts = [_count(len(found.hosts), "host"), _count(found.gpus, "GPU"), f"{found.free} free"]
    parts += [f"{_percent(found.utilization)} busy"] if found.utilization is not None else []
    parts += [f"{_percent(found.memory)} of their memory used"] if found.memory is not None else []
    return f"{table(head, [_gpu(host) for host in found.hosts])}\n\n{', '.join(parts)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _gpu(host: GpuHost) -> tuple[object, ...]:
    return (
        host.instance_id,
        host.instance_type,
        host.market,
        host.zone,
        host.status if host.status == "ACTIVE" else marked(host.status, "yellow"),
        host.gpus,
        host.free,
        ", ".join(f"{name} {count}" for name, count in host.tasks.items()) or "-",
        _percent(host.utilization),
        _percent(host.memory),
        host.age_hours,
        host.ami_name or host.ami_id,
        "?" if host.ami_age_days is None else f"{host.ami_age_days} d",
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} %"
