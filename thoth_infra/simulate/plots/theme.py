"""Colours, light and dark: those of Okabe and Ito (2008), which colour-blind people tell apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Theme:
    """Colours of one look."""

    ground: str
    text: str
    faint: str
    night: str
    """Shade of off hours."""
    on_demand: str
    spot: str
    warning: str
    """Interruptions."""
    series: tuple[str, ...]
    """Of stages."""
    runs: tuple[str, ...]
    """Of runs that are compared."""
    parts: tuple[str, ...]
    """Of the bill."""

    def settings(self) -> dict[str, Any]:
        """Return matplotlib's settings for it."""
        return {
            "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 10, "axes.titleweight": "bold",
            "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
            "axes.grid": True, "axes.grid.axis": "y", "axes.axisbelow": True, "grid.linewidth": 0.6,
            "grid.color": self.faint, "axes.edgecolor": self.faint, "axes.facecolor": self.ground,
            "figure.facecolor": self.ground, "text.color": self.text, "axes.labelcolor": self.text,
            "axes.titlecolor": self.text, "xtick.color": self.text, "ytick.color": self.text,
            "legend.frameon": False, "legend.fontsize": 8.5, "lines.linewidth": 1.4,
        }  # fmt: skip


THEMES: Final[dict[str, Theme]] = {
    "light": Theme(
        ground="#ffffff", text="#1f2328", faint="#d9dde2", night="#e9edf2", on_demand="#0072b2", spot="#e69f00",
        warning="#d55e00", series=("#009e73", "#0072b2", "#cc79a7"),
        runs=("#6b7682", "#0072b2", "#d55e00"), parts=("#0072b2", "#e69f00", "#009e73", "#9aa4af"),
    ),
    "dark": Theme(
        ground="#0d1117", text="#e6edf3", faint="#30363d", night="#1c2330", on_demand="#56b4e9", spot="#f0b429",
        warning="#ff7b4a", series=("#2fc79a", "#56b4e9", "#e79bc6"),
        runs=("#9aa4af", "#56b4e9", "#ff7b4a"), parts=("#56b4e9", "#f0b429", "#2fc79a", "#6e7681"),
    ),
}  # fmt: skip
