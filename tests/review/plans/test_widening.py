"""When a policy lets anybody do more: each pair by thinking what AWS would let through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thoth_infra.review.plan.widening import UNKNOWN, widenings


def allow(action: Any = "s3:GetObject", resource: Any = "arn:aws:s3:::a/*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "s3:*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


EQUALS = {"Condition": {"StringEquals": {"aws:SourceVpc": ["a", "b"]}}}
FEWER = {"Condition": {"StringEquals": {"aws:SourceVpc": "a"}}}
LIKE = {"Condition": {"StringLike": {"aws:SourceVpc": "a*"}}}
NOT = {"Condition": {"StringNotEquals": {"aws:SourceVpc": ["a"]}}}
NOT_MORE = {"Condition": {"StringNotEquals": {"aws:SourceVpc": ["a", "b"]}}}
EXISTS = {"Condition": {"StringEqualsIfExists": {"aws:SourceVpc": ["a", "b"]}}}

WIDER = {
    "an action": (policy(allow()), policy(allow(["s3:GetObject", "s3:PutObject"]))),
    "a star": (policy(allow("s3:GetObject")), policy(allow("s3:Get*"))),
    "a question mark does not stand for a star": (policy(allow("s3:Ge?")), policy(allow("s3:Ge*"))),
    "a resource": (policy(allow()), policy(allow(resource=["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]))),
    "everything but": (
        policy(allow()),
        policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::a/*"}),
    ),
    "a condition gone": (policy(allow(**EQUALS)), policy(allow())),
    "a condition's value": (policy(allow(**FEWER)), policy(allow(**EQUALS))),
    "only if it exists": (policy(allow(**EQUALS)), policy(allow(**EXISTS))),
    "fewer exceptions": (policy(allow(**NOT_MORE)), policy(allow(**NOT))),
    "a principal": (policy(allow(Principal={"AWS": "1"})), policy(allow(Principal={"AWS": ["1", "2"]}))),
    "anybody": (policy(allow(Principal={"AWS": "1"})), policy(allow(Principal="*"))),
    "a denial gone": (policy(allow(), deny()), policy(allow())),
    "a denial of less": (policy(deny()), policy(deny("s3:Put*"))),
    "a denial under a condition": (policy(deny()), policy(deny(**EQUALS))),
    "a denial with more exceptions": (
        policy({"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::a"}),
        policy({"Effect": "Deny", "Action": "s3:*", "NotResource": ["arn:aws:s3:::a", "arn:aws:s3:::b"]}),
    ),
    "from nothing": (None, policy(allow())),
    "unreadable": (policy(allow()), "{"),
    "an unknown statement": (policy(allow()), policy(allow(), allow("iam:PassRole", UNKNOWN))),
}
NOT_WIDER = {
    "the same": (policy(allow()), policy(allow())),
    "statements turned": (policy(allow(), deny()), policy(deny(), allow())),
    "a list of one": (policy(allow("s3:GetObject")), policy(allow(["s3:GetObject"]))),
    "case of actions": (policy(allow("s3:GetObject")), policy(allow("S3:getobject"))),
    "another name": (policy(allow(Sid="A")), policy(allow(Sid="B"))),
    "split in two": (
        policy(allow(["s3:GetObject", "s3:PutObject"])),
        policy(allow("s3:PutObject"), allow("s3:GetObject")),
    ),
    "within a star": (policy(allow("s3:*", "*")), policy(allow())),
    "a condition more": (policy(allow()), policy(allow(**EQUALS))),
    "fewer values": (policy(allow(**EQUALS)), policy(allow(**FEWER))),
    "equal instead of like": (policy(allow(**LIKE)), policy(allow(**FEWER))),
    "more exceptions": (policy(allow(**NOT)), policy(allow(**NOT_MORE))),
    "more is denied": (policy(deny("s3:Put*")), policy(deny("s3:*"))),
    "anybody in two ways": (policy(allow(Principal="*")), policy(allow(Principal={"AWS": "*"}))),
    "to nothing": (policy(allow()), None),
    "a name not known yet": (policy(allow()), policy(allow(resource=UNKNOWN))),
}  # fmt: skip


@pytest.mark.parametrize("pair", WIDER.values(), ids=WIDER)
def test_more_is_let_through(pair: tuple[str | None, str | None]) -> None:
    assert widenings(*pair)


@pytest.mark.parametrize("pair", NOT_WIDER.values(), ids=NOT_WIDER)
def test_no_more_is_let_through(pair: tuple[str | None, str | None]) -> None:
    assert not widenings(*pair)


actions = st.lists(st.sampled_from(["s3:GetObject", "s3:Get*", "s3:*", "iam:PassRole", "*"]), min_size=1, max_size=3)
statements = st.builds(lambda effect, action, resource: {"Effect": effect, "Action": action, "Resource": resource},
                       st.sampled_from(["Allow", "Deny"]), actions,
                       st.sampled_from(["*", "arn:aws:s3:::a/*", "arn:aws:s3:::a/b"]))  # fmt: skip


@given(st.lists(statements, max_size=4), st.randoms())
def test_order_means_nothing_and_adding_an_allowance_never_hides(rows: list[dict[str, Any]], random: Any) -> None:
    turned = list(rows)
    random.shuffle(turned)
    assert not widenings(policy(*rows), policy(*turned))
    more = allow("sts:AssumeRole", "*")
    if not any(row["Effect"] == "Allow" and "*" in row["Action"] and row["Resource"] == "*" for row in rows):
        assert widenings(policy(*rows), policy(*rows, more))
