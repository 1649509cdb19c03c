"""What a person sees of a reviewed plan: order, folding, room, and names that try to be more than names."""

from __future__ import annotations

import re
from itertools import cycle
from typing import Any

import pytest

from thoth_infra.review.plan import CostDelta, as_document, as_markdown, as_text, review

LIMIT = 65_536


def entry(address: str, *actions: str, kind: str = "", **details: Any) -> dict[str, Any]:
    found = kind or address.split(".")[0]
    return {"address": address, "type": found, "mode": "managed", "change": {"actions": list(actions), **details}}


def update(address: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return entry(address, "update", before=before, after=after)


PLAN = {
    "resource_changes": [
        entry("aws_sqs_queue.new", "create", before=None, after={}),
        update("aws_cloudwatch_log_group.a", {"retention_in_days": 30}, {"retention_in_days": 7}),
        entry("aws_db_instance.this", "delete", "create", before={"skip_final_snapshot": True}, after={},
              replace_paths=[["storage_encrypted"]]),
        *[update(f'aws_subnet.this["{zone}"]', {"map_public_ip_on_launch": False}, {"map_public_ip_on_launch": True})
          for zone in "abc"],
        *[update(f"aws_iam_role.r{n}", {"tags": {"a": "1"}}, {"tags": {"a": "2"}}) for n in range(30)],
        entry("aws_vpc.this", "no-op", before={}, after={}),
    ],
    "output_changes": {"url": {"actions": ["update"]}},
}  # fmt: skip


def test_the_worst_comes_first_with_its_reason() -> None:
    text = as_text(review("staging", PLAN))
    assert text.splitlines()[0] == "staging: 2 to add, 34 to change, 1 to destroy"
    order = [
        "Data loss (2)",
        "-/+ aws_db_instance.this",
        "~ aws_cloudwatch_log_group.a",
        "Security widening (3)",
        "Harmless",
    ]
    places = [text.index(each) for each in order]
    assert places == sorted(places)
    assert "no final snapshot is taken" in text
    assert "older logs are deleted: 7 days instead of 30 days" in text
    assert "(forced by storage_encrypted)" in text


def test_instances_of_one_resource_and_tags_take_a_line() -> None:
    text = as_text(review("staging", PLAN))
    assert "~ aws_subnet.this ×3: a, b, c" in text
    assert "30 tags only" in text
    assert "aws_iam_role" not in text


def test_a_plan_without_changes_says_so() -> None:
    assert "No changes." in as_markdown(review("dev", {"resource_changes": []}))


def test_money_is_told_where_somebody_knows_it() -> None:
    money = CostDelta("+12.30 US dollars a month", ("a NAT gateway: +32.85",))
    report = review("staging", PLAN, money=money)
    assert "+12.30 US dollars a month" in as_text(report)
    assert "a NAT gateway: +32.85" in as_markdown(report)
    assert as_document(report)["cost"]["headline"] == "+12.30 US dollars a month"


def test_data_has_every_resource_by_itself() -> None:
    found = as_document(review("staging", PLAN))
    assert (found["add"], found["change"], found["destroy"]) == (2, 34, 1)
    assert found["risks"]["data loss"] == 2
    assert len(found["changes"]) == 36
    subnets = [row for row in found["changes"] if row["address"].startswith("aws_subnet")]
    assert [row["risk"] for row in subnets] == ["security widening"] * 3


KINDS = ["aws_s3_bucket", "aws_iam_role", "aws_lb_listener", "aws_sns_topic", "aws_efs_file_system", "aws_kms_alias"]


def many(count: int, kinds: list[str]) -> dict[str, Any]:
    """A plan of changes of which no two are alike."""
    rows = [
        entry(
            f"module.part_{n}.{kind}.resource_with_a_long_name_{n}", "delete", kind=kind, before={"id": n}, after=None
        )
        for n, kind in zip(range(count), cycle(kinds), strict=False)
    ]
    return {"resource_changes": rows}


@pytest.mark.parametrize("kinds", [KINDS, KINDS[:1], KINDS[1:2]], ids=["mixed", "only losses", "only harmless"])
@pytest.mark.parametrize("count", [1000, 3000])
def test_a_thousand_changes_fit_a_comment_and_what_is_cut_is_counted(count: int, kinds: list[str]) -> None:
    text = as_markdown(review("production", many(count, kinds)))
    assert len(text) < LIMIT
    listed = len(re.findall(r"^- (?:\*\*delete\*\*|delete) `", text, re.MULTILINE))
    hidden = sum(int(n) for n in re.findall(r"\*\*(\d+) more are not shown here", text))
    assert listed + hidden == count
    assert text.count("<details>") == text.count("</details>")


def test_losses_stay_when_room_is_short() -> None:
    text = as_markdown(review("production", many(300, KINDS)), room=12_000)
    assert len(text) <= 12_000
    losses = text[text.index("Data loss") : text.index("#### 🟡")]
    assert "not shown" not in losses
    assert len(re.findall(r"- \*\*delete\*\*", losses)) == 100
    assert "not shown" in text


NASTY = [
    'a"] | <img src=x onerror=alert(1)> | ["',
    "`</code><script>alert(1)</script>`",
    "@everyone",
    "x\n\n# Approved\n",
    "\u202egnp.exe",
    "</details>",
    "[click](https://example.org)",
    "![](https://example.org/x.png)",
    "a" * 5000,
    "<!-- thoth-infra: plans -->",
]


@pytest.mark.parametrize("key", NASTY)
def test_a_name_stays_a_name(key: str) -> None:
    rows = [entry(f'aws_s3_bucket.this["{key}"]', "delete", before={}, after=None),
            entry('aws_s3_bucket.this["b"]', "delete", before={}, after=None)]  # fmt: skip
    for changes in (rows, rows[:1]):
        report = review("staging", {"resource_changes": changes})
        text = as_markdown(report)
        outside = re.sub(r"`[^`\n]*`", "", text)
        for mark in ("<img", "<script", "@everyone", "https://", "\u202e", "# Approved", "thoth-infra: plans"):
            assert mark not in outside
        assert outside.count("<details>") == outside.count("</details>")
        assert "\n# " not in text
        assert max(map(len, text.splitlines())) < 1000
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", as_text(report))
