"""The evaluator's rules, each by an example out of AWS's documentation of them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from thoth_infra.review.iam import Decision, PolicyUnreadable, Principal, Request, authorize, evaluate, parse
from thoth_infra.review.iam.estate import policies, resources, roles, unknown

ROLE = Principal("AWS", "arn:aws:iam::111111111111:role/worker")
QUEUE = "arn:aws:sqs:us-east-1:111111111111:jobs"
ALLOWED, NOT_ALLOWED, DENIED = Decision.ALLOWED, Decision.NOT_ALLOWED, Decision.DENIED


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}


def decide(statement: dict[str, Any], action: str = "sqs:SendMessage", on: str = QUEUE, **context: str) -> Decision:
    keys = {key.replace("__", ":"): value for key, value in context.items()}
    return evaluate([parse(document(statement))], Request(action, on, ROLE, keys))


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ({"Action": "sqs:SendMessage", "Resource": QUEUE}, ALLOWED),
        ({"Action": ["sqs:ReceiveMessage", "SQS:sendmessage"], "Resource": ["arn:*"]}, ALLOWED),
        ({"Action": "sqs:Send*", "Resource": f"{QUEUE}*"}, ALLOWED),
        ({"Action": "sqs:SendMessag?", "Resource": "*"}, ALLOWED),
        ({"Action": "sqs:SendMessage?", "Resource": "*"}, NOT_ALLOWED),
        ({"Action": "sqs:SendMessage", "Resource": QUEUE.upper()}, NOT_ALLOWED),
        ({"Action": "sqs:SendMessage", "Resource": f"{QUEUE}-dlq"}, NOT_ALLOWED),
        ({"Action": "sqs.SendMessage", "Resource": "*"}, NOT_ALLOWED),
        ({"NotAction": "iam:*", "Resource": "*"}, ALLOWED),
        ({"NotAction": ["iam:*", "sqs:*"], "Resource": "*"}, NOT_ALLOWED),
        ({"Action": "*", "NotResource": f"{QUEUE}-dlq"}, ALLOWED),
        ({"Action": "*", "NotResource": ["arn:aws:sqs:*"]}, NOT_ALLOWED),
        ({"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}, DENIED),
        ({"Effect": "Deny", "NotAction": "sqs:*", "Resource": "*"}, NOT_ALLOWED),
    ],
)
def test_actions_and_resources(statement: dict[str, Any], wanted: Decision) -> None:
    assert decide(statement) is wanted


@pytest.mark.parametrize(
    ("operator", "wanted", "found", "holds"),
    [
        ("StringEquals", "staging", "staging", True),
        ("StringEquals", "staging", "Staging", False),
        ("StringEquals", "stag*", "staging", False),
        ("StringEquals", ["dev", "staging"], "staging", True),
        ("StringEquals", "staging", None, False),
        ("StringEqualsIfExists", "staging", None, True),
        ("StringEqualsIfExists", "staging", "dev", False),
        ("StringNotEquals", ["dev", "staging"], "staging", False),
        ("StringNotEquals", "staging", "dev", True),
        ("StringNotEquals", "staging", None, True),
        ("StringLike", "repo:a/b:*", "repo:a/b:ref:x", True),
        ("StringLike", "repo:a/b:?", "repo:a/b:ref", False),
        ("StringNotLike", "repo:*", "repo:a", False),
        ("ArnLike", "arn:aws:iam::*:role/a*", "arn:aws:iam::1:role/ab", True),
        ("ArnLike", "arn:aws:iam*role/a", "arn:aws:iam::1:role/a", False),
        ("ArnEquals", "arn:aws:iam::1:role/*", "arn:aws:iam::1:role/a", True),
        ("ArnNotEquals", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a", False),
        ("Bool", "false", "false", True),
        ("Bool", False, "false", True),
        ("Bool", "false", "true", False),
        ("Bool", "false", None, False),
        ("BoolIfExists", "true", None, True),
        ("Null", "true", None, True),
        ("Null", "true", "x", False),
        ("Null", "false", "x", True),
    ],
)
def test_conditions(operator: str, wanted: Any, found: str | None, holds: bool) -> None:
    statement = {"Action": "*", "Resource": "*", "Condition": {operator: {"aws:Key": wanted}}}
    context = {} if found is None else {"AWS__key": found}
    assert decide(statement, **context) is (ALLOWED if holds else NOT_ALLOWED)


def test_all_conditions_must_hold() -> None:
    both = {"StringEquals": {"aws:a": "1", "aws:b": "2"}, "Bool": {"aws:c": "true"}}
    statement = {"Action": "*", "Resource": "*", "Condition": both}
    assert decide(statement, aws__a="1", aws__b="2", aws__c="true") is ALLOWED
    for wrong in ({"aws__a": "2"}, {"aws__b": "1"}, {"aws__c": "false"}):
        assert decide(statement, **{"aws__a": "1", "aws__b": "2", "aws__c": "true", **wrong}) is NOT_ALLOWED


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ({"Version": "2008-10-17", "Statement": []}, "2008-10-17"),
        ({"Statement": []}, "version is None"),
        ({**document(), "Rules": []}, "Rules"),
        (document({"Action": "*", "Resource": "*", "NotPrincipal": "*"}), "NotPrincipal"),
        (document({"Action": "*", "Resource": "*", "Effect": "allow"}), "allow"),
        (document({"Resource": "*"}), "without Action"),
        (document({"Action": "*"}), "neither Resource nor Principal"),
        (document({"Action": "*", "NotAction": "*", "Resource": "*"}), "both Action and NotAction"),
        (document({"Action": "*", "Principal": {"CanonicalUser": "x"}}), "CanonicalUser"),
        (document({"Action": "*", "Principal": "me"}), "'me'"),
        (document({"Action": "*", "Resource": "arn:aws:s3:::b/${aws:username}/*"}), "aws:username"),
        *(
            (document({"Action": "*", "Resource": "*", "Condition": {operator: {"aws:k": "1"}}}), operator)
            for operator in ("DateLessThan", "IpAddress", "NumericEquals", "ForAnyValue:StringLike", "NullIfExists")
        ),
        (document({"Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:k": 5}}}), "5"),
    ],
)
def test_what_is_not_known_is_an_error_and_never_an_answer(policy: dict[str, Any], told: str) -> None:
    with pytest.raises(PolicyUnreadable, match=re.escape(told)) as caught:
        parse(policy)
    assert caught.value.hint


OWN, ROOT, STRANGER = ROLE.id, "arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:role/worker"
ANY = document({"Action": "*", "Resource": "*"})


@pytest.mark.parametrize(
    ("principal", "asking", "identity", "usual", "strict"),
    [
        ({"AWS": OWN}, OWN, None, ALLOWED, ALLOWED),
        ({"AWS": [STRANGER, OWN]}, OWN, None, ALLOWED, ALLOWED),
        ("*", OWN, None, ALLOWED, ALLOWED),
        ({"AWS": ROOT}, OWN, None, NOT_ALLOWED, NOT_ALLOWED),
        ({"AWS": ROOT}, OWN, ANY, ALLOWED, ALLOWED),
        ({"AWS": "111111111111"}, OWN, ANY, ALLOWED, ALLOWED),
        ({"AWS": OWN + "2"}, OWN, None, NOT_ALLOWED, NOT_ALLOWED),
        ({"Service": "s3.amazonaws.com"}, OWN, ANY, ALLOWED, NOT_ALLOWED),
        ({"AWS": STRANGER}, STRANGER, None, NOT_ALLOWED, NOT_ALLOWED),
        ({"AWS": STRANGER}, STRANGER, ANY, ALLOWED, ALLOWED),
        ({"AWS": STRANGER.replace("role/worker", "root")}, STRANGER, ANY, ALLOWED, ALLOWED),
        ({"AWS": ROOT}, STRANGER, ANY, NOT_ALLOWED, NOT_ALLOWED),
    ],
)
def test_policies_of_resources(principal: Any, asking: str, identity: Any, usual: Decision, strict: Decision) -> None:
    of_resource = parse(document({"Action": "sqs:*", "Principal": principal}))
    carried = [parse(identity)] if identity else []
    request = Request("sqs:SendMessage", QUEUE, Principal("AWS", asking))
    assert authorize(request, carried, of_resource) is usual
    assert authorize(request, carried, of_resource, resource_decides=True) is strict


def test_a_deny_on_either_side_ends_it() -> None:
    deny = {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}
    request = Request("sqs:SendMessage", QUEUE, ROLE)
    everyone = document({"Action": "*", "Principal": "*"})
    assert authorize(request, [parse(document(deny))], parse(everyone)) is DENIED
    for principal in ("*", {"AWS": OWN}, {"AWS": ROOT}):
        assert authorize(request, [parse(ANY)], parse(document({**deny, "Principal": principal}))) is DENIED
    assert authorize(request, [parse(ANY)], parse(document({**deny, "Principal": {"AWS": STRANGER}}))) is ALLOWED


def test_services_and_providers_are_let_in_by_name_only() -> None:
    trust = parse(document({"Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}))
    for name, wanted in (("ecs-tasks", ALLOWED), ("ec2", NOT_ALLOWED)):
        request = Request("sts:AssumeRole", OWN, Principal("Service", f"{name}.amazonaws.com"))
        assert authorize(request, [], trust, resource_decides=True) is wanted


PLAN = {
    "planned_values": {
        "root_module": {
            "resources": [
                {"address": "aws_iam_role.a", "mode": "managed", "type": "aws_iam_role",
                 "values": {"name": "a", "assume_role_policy": '{"Version": "2012-10-17", "Statement": []}'}},
                {"address": "aws_iam_role_policy.a", "mode": "managed", "type": "aws_iam_role_policy",
                 "values": {"role": "a", "policy": '{"Version": "2012-10-17", "Statement": []}'}},
                {"address": "aws_iam_role_policy.later", "mode": "managed", "type": "aws_iam_role_policy",
                 "values": {"role": "a"}},
                {"address": "aws_iam_role_policy_attachment.a", "mode": "managed",
                 "type": "aws_iam_role_policy_attachment", "values": {"role": "a", "policy_arn": "arn:x"}},
                {"address": "aws_ecr_lifecycle_policy.a", "mode": "managed", "type": "aws_ecr_lifecycle_policy",
                 "values": {"policy": '{"rules": []}'}},
                {"address": "data.aws_x.a", "mode": "data", "type": "aws_x", "values": {"policy": "{}"}},
            ],
            "child_modules": [{"resources": [
                {"address": "module.m.aws_sqs_queue_policy.q", "mode": "managed", "type": "aws_sqs_queue_policy",
                 "values": {"policy": '{"Version": "2012-10-17", "Statement": []}'}},
            ]}],
        }
    },
    "resource_changes": [
        {"address": "aws_iam_role_policy.later", "type": "aws_iam_role_policy",
         "change": {"after_unknown": {"policy": True}}},
        {"address": "aws_iam_role_policy.a", "type": "aws_iam_role_policy", "change": {"after_unknown": {"id": True}}},
        {"address": "aws_sqs_queue.gone", "type": "aws_sqs_queue", "change": {"after_unknown": None}},
    ],
}  # fmt: skip


def test_policies_are_found_in_a_plan_and_what_is_not_known_yet_is_named() -> None:
    assert set(policies(PLAN)) == {"aws_iam_role.a", "aws_iam_role_policy.a", "module.m.aws_sqs_queue_policy.q"}
    assert unknown(PLAN) == ("aws_iam_role_policy.later",)
    (role,) = roles(PLAN).values()
    assert (role.name, len(role.inline), role.attached) == ("a", 1, ("arn:x",))
    state = {"values": PLAN["planned_values"]}
    assert set(policies(state)) == set(policies(PLAN))
    assert len(list(resources(state))) == 6
    assert list(resources({})) == []
