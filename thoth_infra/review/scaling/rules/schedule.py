"""Off hours: what waits in the night is done by day, before it expires."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from thoth_infra.review.scaling.findings import Case, Found, ready_seconds, shown
from thoth_infra.review.scaling.policies import Bounds, ServiceScaling

WEEK: Final = 7 * 1440
_DAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_CRON: Final = re.compile(r"cron\((\d+) (\d+) \? \* ([A-Z,*]+) \*\)")


@dataclass(frozen=True)
class Week:
    """Open stretches of a week, in minutes from Monday's midnight; the end may lie in the next week."""

    open: tuple[tuple[int, int], ...]

    @property
    def open_minutes(self) -> int:
        """All of them together."""
        return sum(end - begin for begin, end in self.open)

    @property
    def longest_closed(self) -> int:
        """The longest pause between two, in minutes; a week where nothing ever opens."""
        if not self.open:
            return WEEK
        following = (*self.open[1:], (self.open[0][0] + WEEK, 0))
        return max(begin - end for (_, end), (begin, _) in zip(self.open, following, strict=True))


def moments(cron: str) -> tuple[int, ...]:
    """Return the minutes of the week at which a cron expression of ours fires; none for one of another form."""
    match = _CRON.fullmatch(cron)
    if not match:
        return ()
    days = _DAYS if match[3] == "*" else tuple(match[3].split(","))
    return tuple(sorted(_DAYS.index(day) * 1440 + int(match[2]) * 60 + int(match[1]) for day in days if day in _DAYS))


def week(service: ServiceScaling) -> Week:
    """Return when the scheduled actions leave the service open."""
    events = sorted((at, bounds.most > 0) for bounds in service.scheduled for at in moments(bounds.cron))
    found: list[tuple[int, int]] = []
    for index, (at, opens) in enumerate(events):
        if not opens or events[index - 1][1]:
            continue
        closing = [t for t, o in events if not o]
        end = next((t for t in closing if t > at), closing[0] + WEEK if closing else at + WEEK)
        found.append((at, end))
    return Week(tuple(found))


def _stops(service: ServiceScaling) -> tuple[Bounds, ...]:
    return tuple(bounds for bounds in service.scheduled if bounds.most == 0)


def _starts(service: ServiceScaling) -> tuple[Bounds, ...]:
    return tuple(bounds for bounds in service.scheduled if bounds.most > 0)


def no_start(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Deadlock: max 0, and nothing raises it again."""
    for stop in _stops(service):
        if not any(moments(start.cron) for start in _starts(service)):
            yield Found(
                f"the schedule sets the maximum of {service.service} to 0 and nothing raises it again: after the first"
                " stop its messages wait until they expire",
                "a scheduled action that brings min and max back",
                "off_hours.start_at", stop.source.place(),
            )  # fmt: skip
            return


def other_bounds(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """The morning brings back what the evening took."""
    bounds = service.bounds
    for start in _starts(service):
        if bounds and (start.least, start.most) != (bounds.least, bounds.most):
            yield Found(
                f"the schedule starts {service.service} with {start.least} to {start.most} tasks, the configuration"
                f" says {bounds.least} to {bounds.most}",
                "the same bounds in both",
                place=start.source.place(),
            )


def time_zones(_case: Case, service: ServiceScaling) -> Iterator[Found]:
    """Stop and start go by one clock."""
    zones = {bounds.time_zone for bounds in service.scheduled}
    if len(zones) > 1:
        yield Found(
            f"{service.service} stops and starts by different clocks ({', '.join(sorted(zones))}): twice a year, or"
            " always, the on hours are others than said",
            "one time zone",
            "off_hours.time_zone", service.scheduled[0].source.place("timezone"),
        )  # fmt: skip


def too_short(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """On hours hold a boot and a job."""
    found = week(service)
    if not service.scheduled or not found.open:
        return
    job = getattr(case.env.timeouts, service.service.replace("-", "_")).job_seconds
    shortest, needed = min(end - begin for begin, end in found.open), ready_seconds(service)[1] + job
    if shortest * 60 < needed:
        yield Found(
            f"{service.service} is on for {shown(shortest * 60)} at a stretch; start and one job that takes its full"
            f" time need {shown(needed)}",
            "a later stop_at or an earlier start_at",
            "off_hours.stop_at",
        )


def expires(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """What arrives as the doors close is done before it expires."""
    found = week(service)
    if not service.scheduled or not found.open:
        return
    job = getattr(case.env.timeouts, service.service.replace("-", "_")).job_seconds
    closed, kept = found.longest_closed * 60, case.env.queues.retention_days * 86400
    tries = case.env.queues.max_receive_count * job
    if closed + tries >= kept:
        yield Found(
            f"a message for {service.service} that comes at the stop waits {shown(closed)} and may then take"
            f" {case.env.queues.max_receive_count} tries of {shown(job)}, but expires after {shown(kept)}",
            f"queues.retention_days: {int((closed + tries) // 86400) + 1} or more, or shorter off hours",
            "queues.retention_days",
        )


def not_done_by_day(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """The on hours do the work of the whole week."""
    load, bounds, found = (case.load or {}).get(service.service), service.bounds, week(service)
    if not load or bounds is None or not service.scheduled:
        return
    share = found.open_minutes / WEEK
    wanted = load.jobs_per_hour * load.work_seconds / 3600
    if bounds.most * share <= wanted < bounds.most:
        yield Found(
            f"the work keeps {wanted:.3g} tasks of {service.service} busy around the clock; at most {bounds.most} in"
            f" {share:.0%} of the week are {bounds.most * share:.3g}: the queue grows from week to week",
            "longer on hours, or a higher max",
            "off_hours.stop_at",
        )


def waits_for_morning(case: Case, service: ServiceScaling) -> Iterator[Found]:
    """SLO: what comes in the night waits for the morning."""
    found = week(service)
    if case.slo_minutes is not None and service.scheduled and found.open and found.longest_closed > case.slo_minutes:
        yield Found(
            f"a message for {service.service} that comes in off hours waits up to {shown(found.longest_closed * 60)},"
            f" longer than the {case.slo_minutes:g} minutes wanted",
            "off_hours: null, or a wait that counts on hours only",
            "off_hours.stop_at",
        )
