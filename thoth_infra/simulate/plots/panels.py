"""The parts of a figure. Times on the x axis are the workload's own clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, groupby
from typing import Any, Final, TypeAlias

from thoth_infra.simulate.plots.theme import Theme
from thoth_infra.simulate.result import Result, Series

Axes: TypeAlias = Any  # matplotlib.axes.Axes; imported by the one module that draws
Runs: TypeAlias = Sequence[tuple[str, Result]]

_LINES: Final = ("-", (0, (5, 2)), (0, (1, 1.2)))


def headline(result: Result) -> str:
    """Return what a person wants to know first."""
    jobs = f"{result.arrived:,} lessons in {_days(result.hours)}"
    lost = result.dead_letters + result.expired + result.unfinished
    return f"{result.environment}: {jobs}; {figures(result)}" + (f"; {lost:,} not done" if lost else "")


def figures(result: Result) -> str:
    """Return wait and cost of a run in a few words."""
    return (
        f"95 of 100 wait less than {duration(result.wait.p95)}, {result.usd:,.0f} US dollars"
        f" ({result.usd_per_audio_hour:.2f} per audio hour)"
    )


def duration(seconds: float) -> str:
    """Return seconds as a person says them on an axis."""
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.2g} {name}" if seconds < 100 * unit else f"{seconds / unit:.0f} {name}"
    return f"{seconds:.2g} s"


def short(label: str, most: int = 60) -> str:
    """Return a label that fits: of ``KEY=VALUE`` settings the last part of each key."""
    words = [word.rpartition(".")[2] if "=" in word else word for word in label.split()]
    text = " ".join(words)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _days(hours: float) -> str:
    return f"{hours:.0f} hours" if hours < 72 else f"{hours / 24:.3g} days"


def _times(series: Series, start: datetime) -> list[datetime]:
    return [start + timedelta(hours=hour) for hour in series.hours]


def _clock(axes: Axes, series: Series, start: datetime) -> None:
    """Label the x axis by hours, weekdays or dates, as it is long; shade off hours."""
    from matplotlib import dates

    hours = len(series.hours) * series.point_hours
    if hours <= 60:
        axes.xaxis.set_major_locator(dates.HourLocator(byhour=range(0, 24, 3 if hours <= 30 else 6)))
        axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M\n%a" if hours > 30 else "%H:%M"))
    elif hours <= 16 * 24:
        axes.xaxis.set_major_locator(dates.DayLocator())
        axes.xaxis.set_major_formatter(dates.DateFormatter("%a"))
    else:
        locator = dates.AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.set_xlim(start, start + timedelta(hours=hours))
    axes.set_ylim(bottom=0)


def _night(axes: Axes, series: Series, start: datetime, look: Theme) -> None:
    for begin, end in _stretches(series.off_hours):
        hours = (begin * series.point_hours, end * series.point_hours)
        axes.axvspan(*(start + timedelta(hours=hour) for hour in hours), color=look.night, lw=0, zorder=0)


def _stretches(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    at = 0
    for flag, group in groupby(flags):
        length = len(list(group))
        if flag:
            yield at, at + length
        at += length


def queue(axes: Axes, result: Result, look: Theme, start: datetime) -> None:
    """Draw the messages that wait, by stage."""
    series = result.series
    times = _times(series, start)
    for name, row, color in zip(series.stages, series.queue, look.series, strict=False):
        axes.plot(times, row, color=color, label=name.replace("-", " "))
        axes.fill_between(times, row, color=color, alpha=0.15, lw=0)
    title = "Messages waiting"
    if any(series.off_hours):
        title += "  (shaded: off hours)"
    _night(axes, series, start, look)
    _finish(axes, title, "messages", columns=len(series.stages))
    _clock(axes, series, start)


def hosts(axes: Axes, result: Result, look: Theme, start: datetime) -> None:
    """Draw GPU hosts by market, the GPU tasks that are ready, and interruptions."""
    series = result.series
    times = _times(series, start)
    colors = (look.on_demand, look.spot)
    labels = ("hosts on demand", "hosts on spot")
    axes.stackplot(times, series.on_demand, series.spot, colors=colors, labels=labels, step="post", alpha=0.75, lw=0)
    busiest = max(range(len(series.stages)), key=lambda i: result.stages[i].busy_hours, default=0)
    if series.stages:
        label = f"{series.stages[busiest].replace('-', ' ')} tasks ready"
        axes.step(times, series.running[busiest], where="post", color=look.text, lw=1.0, label=label)
    heights = [on + spot for on, spot in zip(series.on_demand, series.spot, strict=True)]
    taken = [(t, y) for t, y, count in zip(times, heights, series.interruptions, strict=True) if count]
    if taken:
        x, y = zip(*taken, strict=True)
        axes.plot(x, y, "v", color=look.warning, ms=5, label="interruption", clip_on=False, ls="none")
    _whole(axes)
    _night(axes, series, start, look)
    _finish(axes, "GPU hosts", "hosts", columns=4)
    _clock(axes, series, start)


def _whole(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def waits(axes: Axes, runs: Runs, look: Theme) -> None:
    """Draw how long jobs waited, on a log scale, with the percentiles; the share of jobs where runs are compared."""
    for index, (name, result) in enumerate(runs):
        edges, counts = result.histogram.edges, result.histogram.counts
        total = sum(counts) or 1
        shares = [100 * count / total for count in counts]
        color = look.series[1] if len(runs) == 1 else look.runs[index]
        axes.stairs(shares, edges, fill=len(runs) == 1, color=color, alpha=0.7 if len(runs) == 1 else 1.0, lw=1.4,
                    label=f"{short(name, 24)}: p95 {duration(result.wait.p95)}")  # fmt: skip
        marks = {"p50": result.wait.p50, "p95": result.wait.p95, "p99": result.wait.p99}
        for rank, (mark, value) in enumerate(marks.items() if len(runs) == 1 else [("p95", result.wait.p95)]):
            if value > 0:
                tone = look.text if len(runs) == 1 else color
                axes.axvline(value, color=tone, lw=1.0, ls=_LINES[rank if len(runs) == 1 else 1])
                if len(runs) == 1:
                    axes.annotate(f" {mark} {duration(value)}", (value, 1), xycoords=("data", "axes fraction"),
                                  va="top", fontsize=8, rotation=90, ha="right", color=look.text,
                                  bbox={"fc": look.ground, "ec": "none", "alpha": 0.75, "pad": 0.8})  # fmt: skip
    _seconds(axes, [result for _, result in runs])
    _finish(axes, "Time in queues", "% of lessons", columns=1, legend=len(runs) > 1)


def _seconds(axes: Axes, results: Sequence[Result]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    marks = (1, 10, 60, 600, 3600, 21600, 86400, 604800)
    axes.xaxis.set_major_locator(FixedLocator(marks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: duration(seconds)))
    used = [edge for r in results for edge, count in zip(r.histogram.edges, r.histogram.counts, strict=False) if count]
    low, high = min(used, default=1.0), max(used, default=3600.0)
    axes.set_xlim(max(low, 0.5) / 1.3, max(high, 60.0) * 1.6)


GROUPS: Final = ("GPU on demand", "GPU spot", "Fargate", "fixed and other")


def group(part: str) -> int:
    """Return the group of a line of the bill, as an index of ``GROUPS``."""
    words = part.lower()
    if "fargate" in words:
        return 2
    if "spot" in words:
        return 1
    return 0 if "demand" in words else 3


def by_group(result: Result) -> tuple[float, ...]:
    """Return US dollars by group."""
    return tuple(sum(part.usd for part in result.cost if group(part.part) == index) for index in range(len(GROUPS)))


def cost_over_time(axes: Axes, result: Result, look: Theme, start: datetime) -> None:
    """Draw how the bill grows, by group of parts: each in the rhythm of what it is paid for, up to its sum."""
    series = result.series
    tasks = [sum(rows) for rows in zip(*series.running, strict=True)]
    drivers = (series.on_demand, series.spot, tasks, [1.0] * len(series.hours))
    rows = []
    for usd, driver in zip(by_group(result), drivers, strict=True):
        total = sum(driver) or 1.0
        rows.append([usd * value / total for value in accumulate(driver)])
    paid = [index for index, usd in enumerate(by_group(result)) if usd > 0]
    labels = [f"{GROUPS[index]}: {by_group(result)[index]:,.0f}" for index in paid]
    colors = [look.parts[index] for index in paid]
    if paid:
        stack = [rows[index] for index in paid]
        axes.stackplot(_times(series, start), *stack, colors=colors, labels=labels, alpha=0.8, lw=0)
    _finish(axes, f"Cost: {result.usd:,.0f} US dollars", "US dollars", columns=1)
    _clock(axes, series, start)


def queues(axes: Axes, runs: Runs, look: Theme, start: datetime) -> None:
    """Draw all waiting messages of each run."""
    for index, (name, result) in enumerate(runs):
        rows = [sum(values) for values in zip(*result.series.queue, strict=True)]
        axes.plot(_times(result.series, start), rows, color=look.runs[index], ls=_LINES[index], label=short(name))
    _finish(axes, "Messages waiting", "messages", columns=len(runs))
    _clock(axes, _longest(runs), start)


def all_hosts(axes: Axes, runs: Runs, look: Theme, start: datetime) -> None:
    """Draw all GPU hosts of each run."""
    for index, (name, result) in enumerate(runs):
        rows = [on + spot for on, spot in zip(result.series.on_demand, result.series.spot, strict=True)]
        look_of = {"color": look.runs[index], "ls": _LINES[index]}
        axes.step(_times(result.series, start), rows, where="post", label=short(name), **look_of)
    _whole(axes)
    _finish(axes, "GPU hosts", "hosts", columns=len(runs))
    _clock(axes, _longest(runs), start)


def _longest(runs: Runs) -> Series:
    return max((result.series for _, result in runs), key=lambda series: len(series.hours) * series.point_hours)


def cost_by_part(axes: Axes, runs: Runs, look: Theme) -> None:
    """Draw the bill of each run as one bar of its groups."""
    for row, (_, result) in enumerate(runs):
        left = 0.0
        for index, usd in enumerate(by_group(result)):
            axes.barh(row, usd, left=left, color=look.parts[index], alpha=0.85, height=0.55,
                      label=GROUPS[index] if row == 0 else None)  # fmt: skip
            left += usd
        axes.annotate(f" {result.usd:,.0f}", (left, row), va="center", fontsize=9, color=look.text)
    axes.set_yticks(range(len(runs)), [short(name, 16) for name, _ in runs])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("US dollars")
    axes.set_title("Cost")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=4, handlelength=1.0, columnspacing=1.0)


def _finish(axes: Axes, title: str, unit: str, *, columns: int, legend: bool = True) -> None:
    axes.set_title(title)
    axes.set_ylabel(unit)
    if legend:
        place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0)} if columns > 1 else {"loc": "upper left"}
        axes.legend(ncols=columns, handlelength=1.4, borderaxespad=0.3, **place)
