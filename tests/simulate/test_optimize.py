"""The optimizer finds what is cheapest, proposes what can be pasted, and promises what comes true."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from tests.render.support import PROJECT
from thoth_infra.config import explain
from thoth_infra.config.load import Loaded, load
from thoth_infra.config.yaml_source import scalar
from thoth_infra.errors import ConfigInvalid
from thoth_infra.render.tree import render
from thoth_infra.simulate.defaults import work_of
from thoth_infra.simulate.optimize import paste
from thoth_infra.simulate.optimize.propose import Job, measured, pasted, propose
from thoth_infra.simulate.optimize.search import Measured, Search
from thoth_infra.simulate.optimize.space import Dimension, Settings, Space, space
from thoth_infra.simulate.workload import Rates, Workload
from thoth_infra.terraform.version import read_pin

BOUND = 600.0


def _production() -> Loaded:
    return load(PROJECT, "production", personal=False)


def _few() -> Space:
    """Return a space that can be looked at whole: min, messages per task and scale-in of the transcription."""
    whole = space(_production().environment)
    ends = (".min", ".messages_per_task", ".scale_in_minutes")
    found = [d for d in whole.dimensions if d.name.startswith("services.transcription.") and d.name.endswith(ends)]
    return Space(whole.environment, tuple(found))


def _toy(settings: Settings, seed: int) -> Measured | None:
    """Return what a made-up system costs: each task kept costs, each message that shares a task waits."""
    given: Mapping[str, Any] = {key.rpartition(".")[2]: scalar(value) for key, value in settings}
    least, per_task = given.get("min", 1), given.get("messages_per_task", 4)
    minutes = given.get("scale_in_minutes", 15)
    wait = 200.0 * per_task / (1 + least) + 20 * abs(minutes - 20) + seed
    return Measured(100.0 + 40 * least - 3 * per_task + 0.5 * minutes, wait, 0)


def test_a_small_space_is_tried_whole_and_its_cheapest_is_found() -> None:
    few = _few()
    found = Search(few, _toy, BOUND, (1, 2)).run(lambda _: None, exhaustive_up_to=few.size)
    everything = [outcome for outcome in found.ranking if outcome.keeps(BOUND)]

    assert found.exhaustive and found.tried == few.size
    assert found.ranking[0].mean_usd <= min(outcome.mean_usd for outcome in everything) * 1.01


def test_a_search_comes_as_near_as_trying_everything() -> None:
    few = _few()
    best = Search(few, _toy, BOUND, (1, 2)).run(lambda _: None, exhaustive_up_to=few.size).ranking[0]
    found = Search(few, _toy, BOUND, (1, 2)).run(lambda _: None, exhaustive_up_to=0)

    assert not found.exhaustive and found.settled
    assert found.tried < few.size / 2
    assert found.ranking[0].mean_usd <= best.mean_usd * 1.02
    assert found.ranking[0].keeps(BOUND)


def test_what_the_rules_refuse_is_never_proposed() -> None:
    def picky(settings: Settings, seed: int) -> Measured | None:
        return None if any(key.endswith(".min") for key, _ in settings) else _toy(settings, seed)

    found = Search(_few(), picky, BOUND, (1, 2)).run(lambda _: None, exhaustive_up_to=0)

    assert found.refused
    assert not [o for o in found.ranking if any(key.endswith(".min") for key, _ in o.settings)]


def test_nothing_is_better_than_a_configuration_that_is_the_best() -> None:
    few = Space(_production().environment, (Dimension("services.transcription.scaling.min", (1, 2, 3), 1),))
    found = Search(few, _toy, BOUND, (1, 2)).run(lambda _: None)

    assert found.ranking[0].settings == ()


def test_every_choice_of_the_space_can_be_rendered_or_is_refused() -> None:
    """Each value of each dimension alone, as settings that the loader reads."""
    loaded, whole = _production(), space(_production().environment)
    for dimension in whole.dimensions:
        for value in dimension.values:
            settings = whole.settings({**whole.shipped, dimension.name: value})
            assert (settings == ()) == (value == dimension.shipped)
            text = paste.text(loaded, settings)
            try:
                changed = pasted(PROJECT, loaded, text)
            except ConfigInvalid as error:
                assert error.problems
                continue
            for key, wanted in settings:
                assert explain.value(changed, key) == scalar(wanted), text


def test_the_paste_holds_only_what_changes_and_says_what_was() -> None:
    loaded = _production()
    settings = (("gpu_pools.main.on_demand.base_tasks", "0"), ("services.transcription.scaling.min", "0"))

    text = paste.text(loaded, settings)

    assert text.count(":") - text.count(": spot is") - text.count(": fewer") == 8
    assert "base_tasks: 0 # was 1" in text
    before = dict(explain.effective(loaded.environment))
    after = dict(explain.effective(pasted(PROJECT, loaded, text).environment))
    assert {key for key in before if before[key] != after[key]} == {"gpu_pools", "services"}


def _shape(name: str, hour: int) -> float:
    day = max(0.05, math.sin((hour % 24 - 7) / 12 * math.pi)) if 7 <= hour % 24 < 19 else 0.05
    match name:
        case "steady":
            return 40.0
        case "school day":
            return 120 * day * (1.0 if hour // 24 < 5 else 0.1)
        case _:  # all that was recorded the day before, sent at six
            return 400.0 if hour % 24 == 6 else 3.0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["steady", "school day", "burst after the night"])
def test_production_gets_cheaper_at_the_same_wait_as_promised(name: str) -> None:
    loaded, version = _production(), read_pin(PROJECT).version
    rates = Rates(tuple(_shape(name, hour) for hour in range(168)))
    workload = Workload(rates, work_of(loaded.environment), 168.0)
    job = Job(PROJECT, loaded, workload, None, 7, (), lambda one: render(PROJECT, one.environment, version))

    found = propose(job, lambda _: None)

    assert found.promised is not None
    assert found.promised.mean_usd < 0.95 * found.shipped.mean_usd
    assert found.promised.worst_p95 <= found.shipped.worst_p95
    assert found.floor_usd < found.promised.mean_usd
    again = measured(job, pasted(PROJECT, loaded, found.yaml), range(50, 58))
    margin = 3 * max(found.promised.spread_usd, 0.01 * found.promised.mean_usd)
    assert abs(again.mean_usd - found.promised.mean_usd) < margin
    assert again.lost == 0
    assert again.mean_p95 <= found.max_p95_minutes * 60
