"""Plan summaries: counts, order, what forces a replacement."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from thoth_infra.terraform.summary import Action, drifted, summarise


def change(address: str, *actions: str, mode: str = "managed", **details: Any) -> dict[str, Any]:
    return {
        "address": address,
        "type": address.split(".")[-2],
        "mode": mode,
        "change": {"actions": list(actions), **details},
    }


PLAN = {
    "resource_changes": [
        change("aws_sqs_queue.jobs", "create"),
        change("aws_sqs_queue.results", "create"),
        change("aws_db_instance.this", "delete", "create", replace_paths=[["engine_version"], ["port"]]),
        change("module.storage.aws_efs_file_system.this", "delete"),
        change("aws_ecs_service.api", "update", before={"password": "hunter2"}, after={"password": "hunter3"}),
        change("aws_vpc.this", "no-op"),
        change("data.aws_partition.current", "read", mode="data"),
        change("aws_iam_role.gone", "forget"),
    ],
    "output_changes": {"url": {"actions": ["create"]}, "same": {"actions": ["no-op"]}},
}


def test_losses_come_first_and_replacements_name_their_cause() -> None:
    found = summarise("staging", PLAN)
    assert [c.action for c in found.changes] == [
        Action.DELETE, Action.REPLACE, Action.UPDATE, Action.CREATE, Action.CREATE,
    ]  # fmt: skip
    assert found.headline == "3 to add, 1 to change, 2 to destroy"
    assert found.outputs == 1
    assert {c.address: c.forced_by for c in found.changes if c.forced_by} == {
        "aws_db_instance.this": ("engine_version", "port")
    }
    assert "hunter" not in repr(found)


def test_drift_counts_only_where_the_plan_acts() -> None:
    plan = {
        "resource_changes": [change("aws_vpc.this", "update"), change("aws_ecs_service.api", "no-op")],
        "resource_drift": [change("aws_vpc.this", "update"), change("aws_ecs_service.api", "update")],
    }
    assert [c.address for c in drifted(plan)] == ["aws_vpc.this"]
    assert drifted({"resource_changes": []}) == ()


actions = st.sampled_from([["create"], ["delete"], ["update"], ["delete", "create"], ["create", "delete"], ["no-op"], ["read"]])


@given(st.lists(actions, max_size=30))
def test_counts_add_up(rows: list[list[str]]) -> None:
    plan = {"resource_changes": [change(f"aws_sqs_queue.q{n}", *row) for n, row in enumerate(rows)]}
    found = summarise("dev", plan)
    assert found.count(*Action) == len(found.changes) == sum(row not in (["no-op"], ["read"]) for row in rows)
