"""What holds of every estimate: it adds up to the cent, its bounds are in order, schedules count real hours."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.render.support import PROJECT
from tests.switches.switches import BY_NAME
from thoth_infra.config import prices
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load
from thoth_infra.errors import ConfigInvalid, ThothError
from thoth_infra.review.cost import report
from thoth_infra.review.cost.estate import Schedule
from thoth_infra.review.cost.estimate import Estimate, estimate
from thoth_infra.review.cost.hours import open_hours
from thoth_infra.review.cost.usage import Usage, usage_of

BOUNDS = ("least", "expected", "most")
NUMBERS = {
    "services.api.scaling.min": st.integers(0, 6),
    "services.api.scaling.max": st.integers(1, 40),
    "services.transcription.scaling.min": st.integers(0, 3),
    "services.transcription.scaling.max": st.integers(1, 12),
    "services.audio_extraction.launch.spot_percent": st.integers(0, 100),
    "services.audio_extraction.scaling.min": st.integers(0, 4),
    "gpu_pools.main.instance_type": st.sampled_from(["g4dn.xlarge", "g4dn.2xlarge", "g6e.xlarge"]),
    "gpu_pools.main.on_demand.max": st.integers(0, 4),
    "gpu_pools.main.on_demand.base_tasks": st.integers(0, 3),
    "gpu_pools.main.spot.max": st.integers(0, 6),
    "gpu_pools.main.spot.weight_percent": st.integers(0, 100),
    "gpu_pools.main.spot.max_price": st.decimals("0.01", "1.05", places=3),
    "gpu_pools.main.volume_gib": st.integers(50, 2000),
    "network.nat": st.sampled_from(["single", "per_zone"]),
    "database.multi_az": st.sampled_from(["true", "false"]),
    "database.backup_days": st.integers(0, 35),
    "database.max_allocated_gib": st.integers(20, 5000),
    "retention.job_files_days": st.integers(1, 400),
    "retention.transcripts_days": st.integers(31, 2000),
    "retention.archive_after_days": st.integers(30, 100),
    "off_hours.start_at": st.sampled_from(["00:00", "02:30", "06:15"]),
    "off_hours.stop_at": st.sampled_from(["01:30", "19:00", "23:59"]),
}


@st.composite
def environments(draw: st.DrawFn) -> Environment | None:
    """Staging with some of its values changed; None where the configuration refuses them together."""
    chosen = draw(st.lists(st.sampled_from(sorted(NUMBERS)), unique=True, max_size=6))
    assignments = [f"{key}={draw(NUMBERS[key])}" for key in chosen]
    switch = draw(st.sampled_from(["", "no-rds", "images-in-own-account", "interface-endpoints", "two-pools"]))
    try:
        made = load(PROJECT, "staging", settings=(*(BY_NAME[switch].settings if switch else ()), *assignments))
    except ConfigInvalid:
        return None
    return made.environment


usages = st.builds(
    Usage,
    audio_hours=st.decimals(0, 20_000, places=2),
    transcription_speed=st.decimals("0.1", 100, places=1),
    busy_share=st.decimals("0.01", 1, places=2),
    api_gb=st.decimals(0, 1000, places=1),
    most_factor=st.decimals(1, 10, places=1),
    job_files_days=st.integers(0, 200).map(Decimal),
)


@settings(max_examples=60, deadline=None)
@given(environments(), usages)
def test_an_estimate_adds_up_exactly_and_its_bounds_are_in_order(env: Environment | None, usage: Usage) -> None:
    if env is None:
        return
    found = estimate(env, prices.load(), usage)
    for bound in BOUNDS:
        costs = [getattr(line.cost, bound) for line in found.lines]
        parts = [getattr(part.cost, bound) for part in found.parts]
        assert sum(costs) == sum(parts) == getattr(found.total, bound)
        assert all(cost == cost.quantize(Decimal("0.01")) and cost >= 0 for cost in costs)
    for part in found.parts:
        assert sum(line.cost.expected for line in found.lines if line.part == part.name) == part.cost.expected
    for line in found.lines:
        assert line.cost.least <= line.cost.expected <= line.cost.most, line
        assert line.quantity.least <= line.quantity.expected <= line.quantity.most, line
        assert line.price.least <= line.price.expected <= line.price.most, line


def staging(*assignments: str, **usage: Decimal) -> Estimate:
    """Return an estimate of staging with some settings."""
    env = load(PROJECT, "staging", settings=assignments, personal=False).environment
    return estimate(env, prices.load(), usage_of(env).model_copy(update=usage))


def test_more_room_for_autoscaling_moves_the_upper_bound_alone() -> None:
    # Two containers more: neither hosts nor anything expected.
    before, after = staging(), staging("services.api.scaling.max=5")
    assert after.total.least == before.total.least
    assert after.total.expected == before.total.expected
    assert after.total.most > before.total.most


def test_an_hour_of_audio_is_cheaper_the_more_there_are() -> None:
    few, many = staging(audio_hours=Decimal(50)), staging(audio_hours=Decimal(500))
    assert few.per_audio_hour is not None
    assert many.per_audio_hour is not None
    assert few.per_audio_hour.whole > many.per_audio_hour.whole > many.per_audio_hour.marginal > 0
    assert float(few.per_audio_hour.whole) == pytest.approx(float(few.total.expected) / 50, abs=0.001)
    assert staging(audio_hours=Decimal(0)).per_audio_hour is None


def test_an_instance_class_without_a_price_is_named() -> None:
    with pytest.raises(ThothError, match=r"no rds\.db\.x2g\.large") as caught:
        staging("database.instance_class=db.x2g.large")
    assert "environments/_prices.json" in str(caught.value.hint)


WEEKDAYS, EVERY_DAY = ("MON", "TUE", "WED", "THU", "FRI"), ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


@pytest.mark.parametrize(
    ("zone", "start", "stop", "days", "hours_a_week"),
    [
        ("America/New_York", "07:00", "20:00", WEEKDAYS, 65.0),
        ("UTC", "09:00", "17:30", ("MON",), 8.5),
        ("Europe/Berlin", "22:00", "06:00", EVERY_DAY, 56.0),
        # From Friday evening to Saturday morning.
        ("Europe/Berlin", "18:00", "08:00", ("FRI",), 14.0),
        # In one night of the year the clock jumps over the start, in another it strikes twice.
        ("Europe/Berlin", "02:30", "10:00", ("SUN",), 7.5),
    ],
)
def test_a_schedule_counts_the_hours_of_its_weeks(
    zone: str, start: str, stop: str, days: tuple[str, ...], hours_a_week: float
) -> None:
    found = open_hours(Schedule(zone, start, stop, days))
    assert float(found) == pytest.approx(730 * hours_a_week / 168, rel=0.003)


def test_the_nights_in_which_the_clock_changes_count_as_long_as_they_are() -> None:
    def week_hours(zone: str, start: str, stop: str) -> Decimal:
        return open_hours(Schedule(zone, start, stop, ("SUN",))) / 730 * 168

    # From midnight to six: one night of five hours and one of seven in a year.
    assert week_hours("America/New_York", "00:00", "06:00") == week_hours("UTC", "00:00", "06:00")
    # From 01:30 to 02:30: in spring the second half does not exist (and stops at 03:30, which is an hour later all the
    # same); in autumn 01:30 is struck twice, of which the first counts: two hours.
    assert round(week_hours("America/New_York", "01:30", "02:30") * 52) == 53
    assert open_hours(None) == 730


def test_a_file_of_assumptions_replaces_what_it_names(tmp_path: Path) -> None:
    env = load(PROJECT, "staging", personal=False).environment
    file = tmp_path / "usage.yaml"
    file.write_text("audio_hours: 250\nupload_gb_per_audio_hour: 0.5\n")
    found = usage_of(env, file)
    assert [found.audio_hours, found.upload_gb, found.job_files_days] == [Decimal(250), Decimal(125), Decimal(14)]
    assert usage_of(env, file, Decimal(10)).audio_hours == Decimal(10)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("audio_hour: 3", "audio_hour"),
        ("audio_hours: -1", "audio_hours"),
        ("busy_share: 2", "busy_share"),
        ("audio_hours: .nan", "audio_hours"),
        ("- 1", "no mapping"),
        ("a: [", "can't be read"),
    ],
)
def test_a_wrong_assumption_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "usage.yaml"
    file.write_text(text)
    with pytest.raises(ThothError, match=said) as caught:
        usage_of(load(PROJECT, "staging", personal=False).environment, file)
    assert str(file) in caught.value.message


def test_the_budget_is_held_against_the_expected_cost_and_with_strict_against_the_bound() -> None:
    found = staging()
    within = found.total.expected
    assert report.judged(found, within, "x", strict=False).holds
    assert not report.judged(found, within - Decimal("0.01"), "x", strict=False).holds
    assert not report.judged(found, within, "x", strict=True).holds
    assert report.judged(found, found.total.most, "x", strict=True).holds
    said = report.complaint(found, report.judged(found, Decimal(200), "budget.monthly_usd", strict=True))
    assert said.startswith(f"staging is expected to cost ${within} a month, ${within - 200} above $200.00")
    assert "most of it: Storage, $" in said
    said = report.complaint(found, report.judged(found, Decimal(800), "budget.monthly_usd", strict=True))
    assert "staging can cost $1," in said
    assert "most of it: GPU hosts, $667.57" in said
