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
    """Label the x axis by hours, weekdays or dates, as it is long, in the start's own time zone."""
    import matplotlib.dates

    dates: Any = matplotlib.dates  # it has no types
    hours, zone = len(series.hours) * series.point_hours, start.tzinfo
    if hours <= 60:
        axes.xaxis.set_major_locator(dates.HourLocator(byhour=range(0, 24, 3 if hours <= 30 else 6), tz=zone))
        axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M\n%a" if hours > 30 else "%H:%M", tz=zone))
    elif hours <= 16 * 24:
        axes.xaxis.set_major_locator(dates.DayLocator(tz=zone))
        axes.xaxis.set_major_formatter(dates.DateFormatter("%a", tz=zone))
    else:
        locator = dates.AutoDateLocator(tz=zone)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=zone))
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
    """Draw which share of the jobs had waited how long at most, on a log scale, with the percentiles."""
    alone = len(runs) == 1
    for index, (name, result) in enumerate(runs):
        edges, counts = result.histogram.edges, result.histogram.counts
        total = sum(counts) or 1
        shares = [100 * count / total for count in accumulate(counts)]
        color = look.series[1] if alone else look.runs[index]
        style = {"color": color, "ls": "-" if alone else _LINES[index]}
        axes.step(edges[1:], shares, where="post", label=f"{short(name, 24)}: p95 {duration(result.wait.p95)}", **style)
        if alone:
            axes.fill_between(edges[1:], shares, step="post", color=color, alpha=0.15, lw=0)
            for share, wait, side in (
                (50, result.wait.p50, "left"),
                (95, result.wait.p95, "right"),
                (99, result.wait.p99, "left"),
            ):
                _percentile(axes, share, wait, side, look)
        else:
            axes.plot([result.wait.p95], [95], "o", color=color, ms=5)
    _seconds(axes, [result for _, result in runs])
    axes.set_ylim(0, 104)
    _finish(axes, "Waited at most", "% of lessons", columns=1, legend="" if alone else "lower right")


def _percentile(axes: Axes, share: int, wait: float, side: str, look: Theme) -> None:
    if wait <= 0:
        return
    axes.plot([wait], [share], "o", color=look.text, ms=4)
    axes.annotate(f"p{share} {duration(wait)}", (wait, share), xytext=(6, -12) if side == "left" else (-6, -3),
                  textcoords="offset points", ha=side,
                  fontsize=8.5, color=look.text)  # fmt: skip


def _seconds(axes: Axes, results: Sequence[Result]) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    marks = (1, 10, 60, 600, 3600, 21600, 86400, 604800)
    axes.xaxis.set_major_locator(FixedLocator(marks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: duration(seconds)))
    longest = max((result.wait.max for result in results), default=0.0)
    axes.set_xlim(1, max(longest, 600) * 3)


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


def _finish(axes: Axes, title: str, unit: str, *, columns: int, legend: str = "upper left") -> None:
    axes.set_title(title)
    axes.set_ylabel(unit)
    if legend and axes.get_legend_handles_labels()[0]:
        place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0)} if columns > 1 else {"loc": legend}
        axes.legend(ncols=columns, handlelength=1.4, borderaxespad=0.3, **place)
