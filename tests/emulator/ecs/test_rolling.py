"""The simulated service scheduler: what a rolling deployment does, and when it gives up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulator.ecs.around import Around, Stage, stage
from thoth_infra.emulator.ecs.records import Behaviour, Service
from thoth_infra.emulator.ecs.rolling import threshold


def test_a_service_starts_what_it_should_run_and_says_so() -> None:
    found = stage(desired=3).open()

    assert found.running() == ["good:1"] * 3
    primary = found.service.primary
    assert primary is not None
    assert primary.rollout == "COMPLETED"
    assert "has reached a steady state" in found.service.events[0].message


def test_a_deployment_keeps_the_healthy_percentages_all_the_while() -> None:
    found = stage(desired=4, minimum_percent=75, maximum_percent=125).open().roll("good:2")
    for _ in range(400):
        found.after(2)
        assert sum(task.well for task in found.going) >= 3
        assert len(found.going) <= 5

    assert found.running() == ["good:2"] * 4
    assert len(found.service.sets) == 1


def test_without_room_the_old_tasks_stop_first() -> None:
    found = stage(desired=1, provider="gpu", minimum_percent=0, maximum_percent=100).open().roll("good:2")
    found.after(3)

    assert [task.phase for task in found.world.tasks.values() if task.revision.arn == "good:1"] == ["STOPPING"]
    assert found.after(600).running() == ["good:2"]
    assert found.around.launched == 1


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (None, "CannotPullContainerError"),
        (Behaviour(exit_code=1), "Essential container in task exited"),
        (Behaviour(out_of_memory=True, exit_code=137), "Essential container in task exited"),
        (Behaviour(healthy=False), "Task failed container health checks"),
    ],
)
def test_the_circuit_breaker_goes_back_after_three_failures(image: Behaviour | None, reason: str) -> None:
    found = stage(desired=2).open()
    found.around.images["bad:1"] = image
    found.roll("bad:1").after(6000)

    assert found.running() == ["good:1"] * 2
    assert len(found.service.sets) == 1
    messages = " ".join(event.message for event in found.service.events)
    assert "deployment failed: deployment circuit breaker: tasks failed to start." in messages
    assert "rolling back to" in messages


def test_without_a_circuit_breaker_it_goes_on_trying_ever_more_slowly() -> None:
    found = stage(desired=1, breaker=False).open()
    found.around.images["bad:1"] = Behaviour(exit_code=1)
    found.roll("bad:1").after(600)
    early = found.service.sets[0].failed
    found.after(6000)

    assert found.running() == ["good:1"]
    assert early < found.service.sets[0].failed < early + 15


def test_a_rollback_that_fails_too_stalls() -> None:
    found = stage(desired=1, minimum_percent=0, maximum_percent=100).open()
    found.around.images["bad:1"] = Behaviour(exit_code=1)
    found.roll("bad:1")
    found.after(20)
    found.around.images["good:1"] = None
    found.after(6000)

    assert found.running() == []
    primary = found.service.primary
    assert primary is not None
    assert (primary.revision.arn, primary.rollout) == ("good:1", "FAILED")


def test_an_alarm_during_a_deployment_sends_it_back() -> None:
    found = stage(desired=1, alarms=("failures",), alarms_roll_back=True).open().roll("good:2").after(40)
    found.around.alarms.add("failures")
    found.after(3000)

    assert found.running() == ["good:1"]
    assert "alarm failures is in ALARM" in " ".join(event.message for event in found.service.events)


def test_a_protected_task_is_not_stopped_before_its_time() -> None:
    found = stage(desired=1).open()
    (old,) = found.going
    old.protected_until = found.world.now + 1000
    found.roll("good:2").after(500)

    assert found.running() == ["good:1", "good:2"]
    assert found.after(1000).running() == ["good:2"]


def test_a_host_that_vanishes_is_replaced() -> None:
    found = stage(desired=1, provider="gpu").open()
    found.around.gone.add("i-1")
    found.after(1)
    lost = next(task for task in found.world.tasks.values() if not task.going)
    assert "Spot instance was interrupted" in lost.stopped_reason

    assert found.after(600).running() == ["good:1"]
    assert found.around.launched == 2


def test_without_capacity_a_task_waits_and_the_service_says_why() -> None:
    found = stage(desired=1, provider="gpu")
    found.around.capacity = 0
    found.open()

    assert [task.phase for task in found.going] == ["PROVISIONING"]
    assert "unable to place a task" in found.service.events[0].message
    found.around.capacity = 1
    assert found.after(600).running() == ["good:1"]


@pytest.mark.parametrize(("desired", "count"), [(0, 3), (1, 3), (6, 3), (7, 4), (100, 50), (1000, 200)])
def test_the_threshold_is_half_the_desired_count_within_bounds(desired: int, count: int) -> None:
    assert threshold(desired) == count


@settings(max_examples=150, deadline=None)
@given(
    desired=st.integers(1, 4),
    minimum=st.sampled_from([0, 50, 100]),
    maximum=st.sampled_from([100, 150, 200]),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("roll"), st.sampled_from(["good:2", "good:3", "bad:1", "sick:1", "gone:1"])),
            st.tuples(st.just("scale"), st.integers(1, 4)),
            st.tuples(st.just("wait"), st.integers(1, 300)),
        ),
        max_size=12,
    ),
)
def test_whatever_happens_a_service_settles_on_a_revision_that_works(
    desired: int, minimum: int, maximum: int, steps: list[tuple[str, object]]
) -> None:
    if (minimum, maximum) == (100, 100):
        minimum = 50
    service = Service(
        "ai", "worker", desired, (("FARGATE", 0, 1),), minimum_percent=minimum, maximum_percent=maximum,
        breaker=True, breaker_rolls_back=True,
    )  # fmt: skip
    around = Around(images={"bad:1": Behaviour(exit_code=1), "sick:1": Behaviour(healthy=False), "gone:1": None})
    found = Stage(around, service).open()
    for kind, value in steps:
        if kind == "roll":
            found.roll(str(value))
        elif kind == "scale":
            service.desired = int(str(value))
        found.after(float(str(value)) if kind == "wait" else 1)
    found.after(100_000)

    primary = service.primary
    assert primary is not None
    assert len(found.running()) == service.desired
    assert all(name.startswith("good") for name in found.running())
    assert len(set(found.running())) <= 1
