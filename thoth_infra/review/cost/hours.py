"""Hours of a month: how long schedules leave the workers on, how long tasks and GPU hosts run.

A month has 730 hours, as in AWS's own calculator; 365 / 12 days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from thoth_infra.config.catalogue import GPU_INSTANCE_TYPES
from thoth_infra.review.cost.estate import ON_DEMAND, SPOT, Estate, Pool, Schedule, Service
from thoth_infra.review.cost.money import Spread
from thoth_infra.review.cost.usage import Usage

MONTH = Decimal(730)
DAYS = Decimal(365) / 12

_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
# Whole weeks of a year with both changes of the clock, from a Monday on.
_FIRST, _WEEKS = date(2026, 1, 5), 52


@cache
def open_hours(schedule: Schedule | None) -> Decimal:
    """Return the hours of a month in which the workers may run.

    Worked out change by change in the schedule's own time zone over 52 weeks, so that a night in which the clock is
    put forward or back counts as long as it is.
    """
    if schedule is None:
        return MONTH
    zone = _zone(schedule.time_zone)
    begin, end = (_at(_FIRST + timedelta(weeks=n), "00:00", zone) for n in (0, _WEEKS))
    on = timedelta()
    # A week of run-up, to know what holds at the beginning.
    changes = sorted(_changes(schedule, zone))
    for (start, starts), (stop, _) in pairwise([*changes, (end, False)]):
        if starts:
            on += max(min(stop, end) - max(start, begin), timedelta())
    return MONTH * int(on.total_seconds()) / int((end - begin).total_seconds())


def _changes(schedule: Schedule, zone: ZoneInfo | None) -> Iterator[tuple[datetime, bool]]:
    for n in range(-7, 7 * _WEEKS):
        day = _FIRST + timedelta(days=n)
        yield _at(day, schedule.stop, zone), False
        if _WEEKDAYS[day.weekday()] in schedule.days:
            yield _at(day, schedule.start, zone), True


def _at(day: date, clock: str, zone: ZoneInfo | None) -> datetime:
    # Compared in UTC: between times of one zone Python would count the hours of the clock on the wall.
    return datetime.combine(day, time.fromisoformat(clock), zone or UTC).astimezone(UTC)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError):
        return None  # a machine without time zone data: without changes of the clock the hours are nearly the same


def task_hours(service: Service, estate: Estate, usage: Usage) -> Spread:
    """Return the hours of a month that all tasks of a service run together.

    At least: the fewest tasks for as long as the schedule lets them. At most: the most tasks. Expected: what the usage
    asks of a worker, within these; a service that does not follow a queue is expected at its fewest.
    """
    on = open_hours(estate.schedule if service.scheduled else None)
    least, most = service.minimum * on, service.maximum * on
    if service.scaling != "backlog":
        return Spread(least, least, most)
    work = usage.task_hours(service.name)
    return Spread(least, min(max(work, least), most), most)


def on_market(service: Service, market: str, hours: Decimal, on: Decimal) -> Decimal:
    """Return how many of ``hours`` a service's tasks run on one market.

    The strategy's base comes first, for all of the ``on`` hours; what is above it is divided by weight, on average.
    """
    base = min(hours, sum(share.base for share in service.shares) * on)
    weights = sum(share.weight for share in service.shares)
    own = [share for share in service.shares if share.market == market]
    if not own:
        return Decimal(0)
    bases = sum(share.base for share in service.shares)
    first = base * sum(share.base for share in own) / bases if bases else Decimal(0)
    rest = (hours - base) * sum(share.weight for share in own) / weights if weights else Decimal(0)
    return first + rest


@dataclass(frozen=True)
class HostHours:
    """Hours of a month that the hosts of one pool run together, by market."""

    on_demand: Spread
    spot: Spread

    @property
    def all(self) -> Spread:
        """Both markets."""
        return self.on_demand + self.spot


def host_hours(pool: Pool, estate: Estate, usage: Usage) -> HostHours:
    """Return how long the hosts of ``pool`` run: as many as its services' tasks need, within the groups' bounds."""
    services = [one for one in estate.services if one.pool == pool.name]
    tasks = {one.name: task_hours(one, estate, usage) for one in services}
    on = {one.name: open_hours(estate.schedule if one.scheduled else None) for one in services}
    longest = max(on.values(), default=MONTH)

    def at(bound: str) -> tuple[Decimal, Decimal]:
        hours = [getattr(tasks[one.name], bound) for one in services]
        if not sum(hours):
            return Decimal(0), Decimal(0)
        hosts = _hosts(pool, services, hours, longest, whole=bound != "expected")
        spot = sum(on_market(one, SPOT, h, on[one.name]) for one, h in zip(services, hours, strict=True))
        share = spot / sum(hours)
        return (
            min(hosts * (1 - share), pool.on_demand_max * longest),
            min(hosts * share, pool.spot_max * longest),
        )

    least, expected, most = at("least"), at("expected"), at("most")
    return HostHours(*(Spread.of(least[n], expected[n], most[n]) for n in (0, 1)))


def _hosts(pool: Pool, services: Sequence[Service], hours: Sequence[Decimal], on: Decimal, *, whole: bool) -> Decimal:
    """Return host hours for task hours: as the scarcest of GPUs, CPU, memory and network interfaces asks.

    ``whole``: the number of tasks is constant, so that hosts run for whole tasks.
    """
    kind = GPU_INSTANCE_TYPES[pool.instance_types[0]]
    found = max(
        _needed([one.gpus for one in services], hours, kind.gpus),
        _needed([one.cpu for one in services], hours, kind.task_cpu),
        _needed([one.memory_mib for one in services], hours, kind.task_memory_mib),
        _needed([1] * len(services), hours, kind.task_enis),
    )
    if whole:
        return -(-found // on) * on
    # A task that is alone on its host pays for all of it.
    alone = max(h / min(_fit(kind.gpus, one.gpus, one.maximum), one.maximum or 1)
                for one, h in zip(services, hours, strict=True))  # fmt: skip
    return max(found, alone)


def _needed(need: Sequence[int], hours: Sequence[Decimal], room: int) -> Decimal:
    return sum((n * h for n, h in zip(need, hours, strict=True)), Decimal(0)) / room


def _fit(gpus: int, need: int, otherwise: int) -> int:
    return max(gpus // need, 1) if need else max(otherwise, 1)


def markets(pool: Pool) -> tuple[str, ...]:
    """Return the markets that a pool has a group for."""
    return tuple(m for m, most in ((ON_DEMAND, pool.on_demand_max), (SPOT, pool.spot_max)) if most)
