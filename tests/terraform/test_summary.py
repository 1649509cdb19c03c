"""Plan summaries: counts, order, what forces a replacement, and never a value."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from thoth_infra.terraform.summary import Action, as_markdown, as_text, drifted, summarise


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
    text = as_text(found)
    assert text.splitlines()[:3] == [
        "staging: 3 to add, 1 to change, 2 to destroy",
        "  - module.storage.aws_efs_file_system.this",
        "  -/+ aws_db_instance.this  (forced by engine_version, port)",
    ]
    assert "  +   2 aws_sqs_queue" in text


def test_markdown_is_a_table_with_creations_folded() -> None:
    text = as_markdown(summarise("staging", PLAN))
    assert "| replace | `aws_db_instance.this` | engine_version, port |" in text
    assert text.index("| delete |") < text.index("| update |") < text.index("<details>")
    assert "- 2 × `aws_sqs_queue`" in text


def test_no_value_is_shown() -> None:
    found = summarise("staging", PLAN)
    assert "hunter" not in as_text(found) + as_markdown(found) + repr(found)


def test_a_long_list_is_cut_and_says_so() -> None:
    plan = {"resource_changes": [change(f"aws_sqs_queue.q{n:03}", "delete") for n in range(50)]}
    text = as_text(summarise("dev", plan), limit=10)
    assert "… and 40 more" in text
    assert len(text.splitlines()) == 12


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
