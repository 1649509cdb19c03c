"""``next_stage``, for every history that the orchestrator can come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from thoth_infra.contract.queues import Stage
from workers.api.flow import BUDGET, Ask, Finish, GiveUp, Next, Wait, next_stage
from workers.api.store.models import AttemptState

COMPLETED, FAILED = AttemptState.COMPLETED, AttemptState.FAILED
UNDER_WAY = (AttemptState.REQUESTED, AttemptState.RUNNING)


@dataclass(frozen=True)
class Row:
    """An attempt, as the table has it."""

    stage: Stage
    attempt: int
    tries: int
    state: AttemptState
    retryable: bool = False


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    """Draw attempts: wishes at each stage, and tries at each wish, whatever became of them."""
    rows: list[Row] = []
    for stage in Stage:
        attempt = 0
        for _ in range(draw(st.integers(0, 3))):
            for tries in range(1, draw(st.integers(1, BUDGET)) + 1):
                attempt += 1
                state = draw(st.sampled_from(AttemptState))
                rows.append(Row(stage, attempt, tries, state, state == FAILED and draw(st.booleans())))
    return draw(st.permutations(rows))


def _newest_wish(rows: Iterable[Row], stage: Stage) -> list[Row]:
    own = sorted((row for row in rows if row.stage == stage), key=lambda row: row.attempt)
    while any(row.tries == 1 for row in own[1:]):
        own = own[1:]
    return own


def _is_complete(rows: Iterable[Row], stage: Stage) -> bool:
    return any(row.state == COMPLETED for row in _newest_wish(rows, stage))


@given(histories(), st.integers(1, 5))
def test_a_stage_is_asked_for_only_after_those_before_it(rows: list[Row], budget: int) -> None:
    found = next_stage(rows, budget)
    open_stages = [stage for stage in Stage if not _is_complete(rows, stage)]
    if isinstance(found, Finish):
        assert open_stages == []
    else:
        assert found.stage == open_stages[0]


@given(histories(), st.integers(1, 5))
def test_no_attempt_is_asked_for_twice(rows: list[Row], budget: int) -> None:
    found = next_stage(rows, budget)
    if isinstance(found, Ask):
        own = [row.attempt for row in rows if row.stage == found.stage]
        assert found.attempt == max(own, default=0) + 1
        assert found.tries <= max(budget, 1)


@given(histories(), st.integers(1, 5))
def test_nothing_is_asked_for_while_the_last_attempt_is_under_way(rows: list[Row], budget: int) -> None:
    found = next_stage(rows, budget)
    if isinstance(found, Finish):
        return
    tried = _newest_wish(rows, found.stage)
    if not tried:
        assert found == Ask(found.stage, 1, 1)
    elif tried[-1].state in UNDER_WAY:
        assert found == Wait(found.stage, tried[-1].attempt)
    elif tried[-1].retryable and tried[-1].tries < budget:
        assert found == Ask(found.stage, tried[-1].attempt + 1, tried[-1].tries + 1)
    else:
        assert found == GiveUp(found.stage, tried[-1].attempt)


@given(histories(), st.randoms())
def test_the_order_of_the_rows_says_nothing(rows: list[Row], random: Random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert next_stage(shuffled) == next_stage(rows)


@given(histories())
def test_what_completes_late_never_leads_back(rows: list[Row]) -> None:
    before = next_stage(rows)
    order = list(Stage)
    for number, row in enumerate(rows):
        after = next_stage([*rows[:number], replace(row, state=COMPLETED, retryable=False), *rows[number + 1 :]])
        if isinstance(before, Finish):
            assert isinstance(after, Finish)
        elif not isinstance(after, Finish):
            assert order.index(after.stage) >= order.index(before.stage)


@given(st.lists(st.sampled_from(["completed", "passing", "poison"]), max_size=40), st.integers(1, 5))
def test_every_job_ends_within_its_budget(outcomes: list[str], budget: int) -> None:
    rows: list[Row] = []
    asked: list[Ask] = []
    fates = iter(outcomes)
    found: Next = next_stage(rows, budget)
    while isinstance(found, Ask):
        asked.append(found)
        rows.append(Row(found.stage, found.attempt, found.tries, AttemptState.REQUESTED))
        assert next_stage(rows, budget) == Wait(found.stage, found.attempt)
        fate = next(fates, "completed")
        rows[-1] = replace(rows[-1], state=COMPLETED if fate == "completed" else FAILED, retryable=fate == "passing")
        found = next_stage(rows, budget)
    assert isinstance(found, Finish | GiveUp)
    for stage in Stage:
        assert sum(ask.stage == stage for ask in asked) <= budget
    if isinstance(found, GiveUp):
        last = rows[-1]
        assert not last.retryable or last.tries == budget
