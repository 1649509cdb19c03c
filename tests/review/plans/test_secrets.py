"""Nothing that a plan keeps secret gets into a summary, wherever in the plan it is hidden."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thoth_infra.review.plan import as_document, as_markdown, as_text, review

SECRET = st.from_regex(r"\A[A-Za-z0-9+/=_.:@-]{8,40}\Z").map(lambda text: f"s3cr{text}")
TYPES = st.sampled_from(
    [
        "aws_autoscaling_group", "aws_backup_plan", "aws_cloudwatch_log_group", "aws_db_instance",
        "aws_db_parameter_group",
        "aws_ecr_lifecycle_policy", "aws_ecs_service", "aws_ecs_task_definition", "aws_iam_policy", "aws_iam_role",
        "aws_iam_role_policy_attachment", "aws_instance", "aws_kms_key", "aws_lambda_function", "aws_launch_template",
        "aws_lb", "aws_lb_listener", "aws_s3_bucket_cors_configuration", "aws_s3_bucket_lifecycle_configuration",
        "aws_secretsmanager_secret_version", "aws_security_group", "aws_sqs_queue", "aws_ssm_parameter",
        "aws_vpc_security_group_ingress_rule", "aws_wafv2_ip_set", "aws_wafv2_web_acl", "aws_appautoscaling_target",
        "aws_budgets_budget", "custom_thing",
    ]
)  # fmt: skip
ACTIONS = st.sampled_from([["create"], ["delete"], ["update"], ["delete", "create"], ["create", "delete"]])


def policy(secret: str) -> str:
    statement = {
        "Sid": secret, "Effect": "Allow", "Action": ["s3:Get*", secret], "Resource": f"arn:aws:s3:::{secret}/*",
        "Principal": {"AWS": secret}, "Condition": {"StringEquals": {"aws:SourceVpc": secret}},
    }  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def containers(secret: str) -> str:
    row = {
        "name": secret, "image": f"{secret}:1", "command": [secret], "user": secret,
        "environment": [{"name": "PASSWORD", "value": secret}, {"name": secret, "value": "1"}],
    }  # fmt: skip
    return json.dumps([row])


#: Attributes that hold secrets without being marked, each as a function of the secret.
HIDING = st.sampled_from(
    [
        lambda s: {"user_data": base64.b64encode(f"export TOKEN={s}\n".encode()).decode()},
        lambda s: {"user_data": f"export TOKEN={s}"},
        lambda s: {"container_definitions": containers(s)},
        lambda s: {"policy": policy(s)},
        lambda s: {"assume_role_policy": policy(s)},
        lambda s: {
            "policy": json.dumps({"rules": [{"selection": {"tagStatus": s, "countType": s, "countNumber": 5}}]})
        },
        lambda s: {"connection_string": f"postgres://thoth:{s}@db/thoth"},
        lambda s: {"environment": [{"variables": {"PASSWORD": s, s: "1"}}]},
        lambda s: {"tags": {"Token": s, s: "1"}, "tags_all": {s: s}},
        lambda s: {"parameter": [{"name": s, "value": s}]},
        lambda s: {"rule": [{"name": s, "status": "Enabled", "rule_name": s, "schedule": s, "id": s}]},
        lambda s: {"secret_string": s, "value": s, "password": s, "description": s, "name": s},
        lambda s: {"instance_type": s, "instance_class": s, "engine_version": s, "ssl_policy": s, "protocol": s},
        lambda s: {"addresses": [s], "cidr_ipv4": s, "ingress": [{"cidr_blocks": [s], "description": s}]},
        lambda s: {"policy_arn": f"arn:aws:iam::1:policy/{s}", "role": s, "security_group_id": "sg-1"},
        lambda s: {"cors_rule": [{"allowed_origins": [s]}], "default_action": [{"type": s, s: s}]},
        lambda s: {"metadata": {s: {s: s}}},
    ]
)
#: Settings that make rules speak.
LOUD: dict[str, Any] = {
    "retention_in_days": 30, "deletion_protection": True, "force_destroy": False, "allocated_storage": 50,
    "multi_az": True, "max_capacity": 4, "limit_amount": "100", "backup_retention_period": 7, "internal": True,
}  # fmt: skip
QUIET: dict[str, Any] = {
    "retention_in_days": 7, "deletion_protection": False, "force_destroy": True, "allocated_storage": 20,
    "multi_az": False, "max_capacity": 9, "limit_amount": "900", "backup_retention_period": 0, "internal": False,
}  # fmt: skip


@st.composite
def plans(draw: st.DrawFn) -> tuple[dict[str, Any], list[str]]:
    secrets = draw(st.lists(SECRET, min_size=1, max_size=4, unique=True))
    changes = []
    for index, secret in enumerate(secrets):
        actions, other = draw(ACTIONS), draw(SECRET)
        hide = draw(HIDING)
        before, after = {**LOUD, **hide(secret)}, {**QUIET, **hide(other)}
        secrets = [*secrets, other]
        marked = draw(st.sampled_from(["no", "all", "map", "nested"]))
        marks: Any = {}
        if marked == "all":
            marks = True
        elif marked == "map":
            before["settings"], after["settings"], marks = {secret: secret}, {other: other}, {"settings": True}
        elif marked == "nested":
            before["block"], after["block"] = [{"inner": [secret]}], [{"inner": [other]}]
            marks = {"block": [{"inner": [True]}]}
        kind = draw(TYPES)
        in_key = marked != "no" and draw(st.booleans())
        address = f'{kind}.this["{secret}"]' if in_key else f"{kind}.n{index}"
        change = {
            "actions": actions, "before": None if actions == ["create"] else before,
            "after": None if actions == ["delete"] else after, "after_unknown": {},
            "before_sensitive": marks, "after_sensitive": marks,
            "replace_paths": [["metadata", secret], ["name"]] if len(actions) == 2 else [],
        }  # fmt: skip
        changes.append({"address": address, "type": kind, "mode": "managed", "change": change})
        if in_key:  # a key that is marked: its text is among the sensitive values
            change["before_sensitive"] = change["after_sensitive"] = True
            before["key"] = after["key"] = secret
    password = {"before": secrets[0], "after": secrets[-1], "before_sensitive": True, "after_sensitive": True}
    outputs = {"password": {"actions": ["update"], **password}}
    return {"resource_changes": changes, "resource_drift": changes[:1], "output_changes": outputs}, secrets


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans())
def test_no_planted_secret_is_told(planted: tuple[dict[str, Any], list[str]]) -> None:
    plan, secrets = planted
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        report = review("staging", plan)
        said = as_text(report) + as_markdown(report) + json.dumps(as_document(report)) + repr(report)
    except Exception as error:
        said = repr(error)
        raise AssertionError("a plan can't be reviewed") from (None if any(s in said for s in secrets) else error)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    for secret in secrets:
        assert secret not in said + "".join(logged)


@pytest.mark.parametrize("number", [3, 14, 365])
def test_a_number_that_is_marked_is_not_told_either(number: int) -> None:
    change = {
        "actions": ["update"], "before": {"retention_in_days": 400}, "after": {"retention_in_days": number},
        "before_sensitive": {"retention_in_days": True}, "after_sensitive": {"retention_in_days": True},
    }  # fmt: skip
    entry = {
        "address": "aws_cloudwatch_log_group.a",
        "type": "aws_cloudwatch_log_group",
        "mode": "managed",
        "change": change,
    }
    report = review("staging", {"resource_changes": [entry]})
    assert report.entries[0].risk == "data loss"
    assert str(number) not in as_text(report).partition("\n")[2]
