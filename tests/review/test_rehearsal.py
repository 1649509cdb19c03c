"""What a rehearsal makes of its steps: order, verdict, table and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from thoth_infra.emulator.leftovers import Item, Kept, Leftovers
from thoth_infra.errors import CheckFailed, EngineError, Interrupted, TerraformFailed, ThothError
from thoth_infra.review.rehearsal import Outcome, Rehearsal, Step, as_text, line, perform


def _returning(outcome: Outcome) -> Callable[[], Outcome]:
    return lambda: outcome


def _raising(error: ThothError) -> Callable[[], Outcome]:
    def action() -> Outcome:
        raise error

    return action


def _clock(*times: float) -> Callable[[], float]:
    left = iter(times)
    return lambda: next(left)


def _rehearsal(*steps: Step) -> Rehearsal:
    return Rehearsal("dev", (), "destroy", steps, 12.34)


def test_steps_run_in_order_and_are_timed() -> None:
    begun: list[str] = []
    ended: list[Step] = []
    actions = {"plan": _returning(Outcome(add=2)), "apply": _returning(Outcome(add=2, in_state=2))}

    steps = perform(actions, begin=begun.append, end=ended.append, clock=_clock(1, 3.25, 10, 110.06))

    assert steps == (Step("plan", 2.2, Outcome(add=2)), Step("apply", 100.1, Outcome(add=2, in_state=2)))
    assert begun == ["plan", "apply"]
    assert tuple(ended) == steps


def test_a_plan_that_is_not_empty_falls_short_but_the_destroy_is_still_rehearsed() -> None:
    steps = perform(
        {
            "plan-again": _returning(Outcome(change=1, shortfall="not empty: update a.b")),
            "destroy": _returning(Outcome(destroy=2, in_state=0)),
        }
    )

    assert [(step.name, step.ok, step.failed) for step in steps] == [
        ("plan-again", False, False),
        ("destroy", True, False),
    ]
    assert not _rehearsal(*steps).ok


@pytest.mark.parametrize("error", [TerraformFailed("terraform apply failed (1)"), CheckFailed("not formatted")])
def test_a_failed_step_is_the_last_one(error: ThothError) -> None:
    steps = perform({"apply": _raising(error), "destroy": _returning(Outcome())})

    assert [(step.name, step.failed, step.outcome.shortfall) for step in steps] == [("apply", True, error.message)]
    assert not _rehearsal(*steps).ok


@pytest.mark.parametrize("error", [Interrupted("Interrupted"), EngineError("no Terraform")])
def test_what_is_not_the_environments_fault_is_raised(error: ThothError) -> None:
    with pytest.raises(type(error)):
        perform({"apply": _raising(error)})


def test_no_step_is_no_proof() -> None:
    assert not _rehearsal().ok


def test_the_table_shows_seconds_and_counts_of_each_step() -> None:
    rehearsal = _rehearsal(
        Step("plan", 2.2, Outcome(add=253)),
        Step("apply", 130, Outcome(add=253, in_state=253)),
        Step("destroy", 90.5, Outcome(destroy=253, in_state=0)),
    )

    assert [row.split() for row in as_text(rehearsal).splitlines()] == [
        ["Rehearsal", "of", "dev:", "253", "resources"],
        ["step", "seconds", "add", "change", "destroy", "in", "state"],
        ["plan", "2.2", "253", "-", "-", "-", "ok"],
        ["apply", "130.0", "253", "-", "-", "253", "ok"],
        ["destroy", "90.5", "-", "-", "253", "0", "ok"],
        ["total", "12.3", "holds"],
    ]
    assert (rehearsal.ok, rehearsal.resources) == (True, 253)


def test_the_text_says_what_falls_short_what_is_left_and_what_stays_by_design() -> None:
    left = Leftovers(
        tuple(Item("111122223333", "queue", f"q{number}") for number in range(14)),
        (Kept("task definition", 5, "a rollback starts an earlier revision"),),
    )
    rehearsal = _rehearsal(Step("destroy", 1, Outcome(shortfall="left over in AWS: 14", left=left)))

    text = as_text(rehearsal)

    assert text.splitlines()[3].split() == ["total", "12.3", "FALLS", "SHORT"]
    assert "destroy: left over in AWS: 14" in text
    assert "left over in 111122223333: queue q0" in text
    assert "… and 2 more" in text
    assert "stays by design: 5 × task definition (a rollback starts an earlier revision)" in text


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step("init", 2.1), "init          2.1 s"),
        (Step("plan", 12, Outcome(add=253, change=2)), "plan         12.0 s  253 to add, 2 to change"),
        (Step("destroy", 90, Outcome(destroy=3, in_state=0)), "destroy      90.0 s  3 to destroy, 0 in the state"),
        (Step("apply", 9, Outcome(shortfall="it broke"), failed=True), "apply         9.0 s  FAILED: it broke"),
        (Step("plan-again", 9, Outcome(shortfall="not empty")), "plan-again    9.0 s  FALLS SHORT: not empty"),
    ],
)
def test_progress_is_one_line_per_step(step: Step, said: str) -> None:
    assert line(step) == said


def test_the_json_is_flat_and_complete() -> None:
    left = Leftovers((Item("111122223333", "queue", "q"),), (Kept("S3 object", 1, "state"),))
    destroy = Step("destroy", 1.5, Outcome(destroy=3, in_state=0, shortfall="1 thing", left=left))
    done = Rehearsal("dev", ("retention.logs_days=30",), "destroy", (destroy,), 9.0, ".thoth/dev/rehearsal")

    assert json.loads(json.dumps(done.as_json())) == {
        "environment": "dev",
        "ok": False,
        "settings": ["retention.logs_days=30"],
        "until": "destroy",
        "seconds": 9.0,
        "resources": 0,
        "steps": [
            {
                "name": "destroy",
                "ok": False,
                "failed": False,
                "seconds": 1.5,
                "add": 0,
                "change": 0,
                "destroy": 3,
                "in_state": 0,
                "shortfall": "1 thing",
            }
        ],
        "left_over": [{"account": "111122223333", "kind": "queue", "id": "q"}],
        "kept_by_design": [{"kind": "S3 object", "count": 1, "why": "state"}],
        "folder": ".thoth/dev/rehearsal",
    }
