"""One figure a run: who waited, on how many hosts, how long, and what it cost. The same result gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from thoth_infra.errors import ThothError
from thoth_infra.simulate.plots import panels
from thoth_infra.simulate.plots.theme import THEMES, Theme
from thoth_infra.simulate.result import Result
from thoth_infra.simulate.workload import MONDAY

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Format: TypeAlias = Literal["png", "svg"]
FORMATS: Final[tuple[Format, ...]] = ("png", "svg")
_INCHES: Final = (11.0, 8.6)
_DPI: Final = 110


def picture(result: Result, form: str = "png", theme: str = "light", start: datetime = MONDAY) -> bytes:
    """Return a picture of one run: queue, hosts, waits and cost; ``start`` is the moment of its hour 0.

    Raises ThothError without the extra ``simulate``, or for a format that is not in ``FORMATS``.
    """

    def draw(figure: Figure, look: Theme) -> None:
        grid = figure.add_gridspec(3, 2, height_ratios=(1.0, 1.0, 1.05))
        queue = figure.add_subplot(grid[0, :])
        hosts = figure.add_subplot(grid[1, :], sharex=queue)
        panels.queue(queue, result, look, start)
        panels.hosts(hosts, result, look, start)
        panels.waits(figure.add_subplot(grid[2, 0]), ((result.environment, result),), look)
        panels.cost_over_time(figure.add_subplot(grid[2, 1]), result, look, start)
        figure.suptitle(panels.headline(result), x=0.012, ha="left", fontsize=12.5, fontweight="bold", color=look.text)

    return _drawn(draw, form, THEMES[theme])


def compared(
    runs: Sequence[tuple[str, Result]], form: str = "png", theme: str = "light", start: datetime = MONDAY
) -> bytes:
    """Return a picture of two or three named runs of the same workload, side by side. Raises as ``picture`` does."""

    def draw(figure: Figure, look: Theme) -> None:
        grid = figure.add_gridspec(3, 2, height_ratios=(1.0, 1.0, 1.05))
        queue = figure.add_subplot(grid[0, :])
        panels.queues(queue, runs, look, start)
        panels.all_hosts(figure.add_subplot(grid[1, :], sharex=queue), runs, look, start)
        panels.waits(figure.add_subplot(grid[2, 0]), runs, look)
        panels.cost_by_part(figure.add_subplot(grid[2, 1]), runs, look)
        title = "\n".join(f"{panels.short(name)}: {panels.figures(result)}" for name, result in runs)
        figure.suptitle(title, x=0.012, ha="left", fontsize=11, fontweight="bold", color=look.text)

    return _drawn(draw, form, THEMES[theme])


def _drawn(draw: Callable[[Figure, Theme], None], form: str, look: Theme) -> bytes:
    if form not in FORMATS:
        raise ThothError(f"{form!r} is no format of a plot", f"name a file that ends in .{' or .'.join(FORMATS)}")
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ThothError(
            f"plots need a package that is not installed: {error.name}", "pip install 'thoth-infra[simulate]'"
        ) from None
    # No file of the user's own may change the picture; neither time nor version stand in it.
    settings: dict[str, Any] = {**look.settings(), "svg.hashsalt": "thoth", "svg.fonttype": "path"}
    with mpl.rc_context():
        mpl.rcdefaults()
        kept_settings: Any = mpl.rcParams  # its type lists every key there is
        kept_settings.update(settings)
        figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
        draw(figure, look)
        out = io.BytesIO()
        kept: dict[str, Any] = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
        figure.savefig(out, format=form, metadata=kept, facecolor=look.ground)
    return out.getvalue()
