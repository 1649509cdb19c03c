"""Pictures: the same result gives the same bytes, in each look; what can't be drawn is told."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.marks import slow
from tests.simulate import made
from thoth_infra.errors import ThothError
from thoth_infra.simulate.plots import THEMES, compared, picture
from thoth_infra.simulate.plots.panels import by_group, duration

RESULT = made.result()


@pytest.mark.parametrize("theme", THEMES)
def test_a_picture_has_its_ground_and_the_colours_of_both_markets(theme: str) -> None:
    image = Image.open(io.BytesIO(picture(RESULT, "png", theme))).convert("RGB")
    look = THEMES[theme]

    assert image.size[0] > image.size[1] > 600
    assert "#{:02x}{:02x}{:02x}".format(*image.getpixel((2, 2))) == look.ground  # type: ignore[misc]
    seen = {color for _, color in image.getcolors(1 << 20) or []}
    assert len(seen) > 100
    warning = tuple(int(look.warning[i : i + 2], 16) for i in (1, 3, 5))
    assert warning in seen  # the two interruptions
    calm = replace(RESULT, series=replace(RESULT.series, interruptions=tuple(0 for _ in RESULT.series.hours)))
    without = Image.open(io.BytesIO(picture(calm, "png", theme))).convert("RGB")
    assert warning not in {color for _, color in without.getcolors(1 << 20) or []}


@pytest.mark.parametrize("form", ["png", *slow("svg")])
def test_the_same_result_gives_the_same_bytes_in_another_process_too(form: str, tmp_path: Path) -> None:
    code = (
        "import sys; from tests.simulate import made; from thoth_infra.simulate.plots import picture;"
        f"sys.stdout.buffer.write(picture(made.result(), {form!r}))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True)

    assert done.stdout == picture(RESULT, form)
    assert picture(made.result(days=2), form) != done.stdout


@pytest.mark.parametrize("days", [1, 2, 40])
def test_a_day_and_a_season_can_be_drawn(days: int) -> None:
    assert picture(made.result(days), "svg").startswith(b"<?xml")


def test_nothing_at_all_can_be_drawn() -> None:
    assert picture(made.quiet()).startswith(b"\x89PNG")


def test_two_runs_are_drawn_beside_each_other() -> None:
    other = replace(RESULT, usd=RESULT.usd / 2, cost=RESULT.cost[1:])
    label = "gpu_pools.main.on_demand.base_tasks=0 services.transcription.scaling.max=4 " * 3

    first = compared([("staging", RESULT), (label, other)])
    assert first.startswith(b"\x89PNG")
    assert first != compared([("staging", RESULT), (label, RESULT)])


def test_every_part_of_the_bill_is_in_one_group() -> None:
    assert by_group(RESULT) == (68.25, 45.5, 1.82, 3.78)
    assert sum(by_group(RESULT)) == pytest.approx(RESULT.usd)


def test_an_unknown_format_is_told() -> None:
    with pytest.raises(ThothError, match="no format of a plot"):
        picture(RESULT, "bmp")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.5, "0.5 s"), (90, "1.5 min"), (600, "10 min"), (7200, "2 h"), (86400, "1 d")]
)
def test_durations_are_said_in_the_unit_that_fits(seconds: float, said: str) -> None:
    assert duration(seconds) == said
