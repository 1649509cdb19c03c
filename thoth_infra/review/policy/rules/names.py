"""Names carry their environment, since environments share one account."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from thoth_infra.review.policy.findings import Finding
from thoth_infra.review.policy.plan import Plan, Resource

NAMES: Final = "name-carries-environment"

# Types whose name stands under another attribute than `name`.
_ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "aws_chatbot_slack_channel_configuration": ("configuration_name",),
    "aws_cloudwatch_composite_alarm": ("alarm_name",),
    "aws_cloudwatch_dashboard": ("dashboard_name",),
    "aws_cloudwatch_metric_alarm": ("alarm_name",),
    "aws_codedeploy_deployment_group": ("deployment_group_name",),
    "aws_db_instance": ("identifier", "final_snapshot_identifier"),
    "aws_default_security_group": (),  # AWS names it "default"
    "aws_ecs_task_definition": ("family",),
    "aws_efs_file_system": ("creation_token",),
    "aws_s3_bucket": ("bucket",),
}
# Known only by the tag `Name`.
_TAGGED: Final = frozenset(
    {
        "aws_acm_certificate", "aws_default_security_group", "aws_efs_access_point", "aws_efs_file_system",
        "aws_eip", "aws_flow_log", "aws_internet_gateway", "aws_kms_key", "aws_nat_gateway", "aws_route_table",
        "aws_subnet", "aws_vpc", "aws_vpc_endpoint", "aws_vpc_peering_connection",
    }
)  # fmt: skip
# The name is unique only within something that carries the environment, or a standard gives it.
_SCOPED: Final[Mapping[str, str]] = {
    "aws_ecs_service": "within its cluster",
    "aws_iam_role_policy": "within its role",
    "aws_route53_record": "a host name, from the configuration",
    "aws_vpc_security_group_egress_rule": "within its group",
    "aws_vpc_security_group_ingress_rule": "within its group",
}


def names(plan: Plan) -> Iterator[Finding]:
    """Yield names without the environment, and what should have a name and has none."""
    if plan.variable("environment") is None:
        return  # the shared account's side, of which there is one
    word = re.compile(rf"(?<![a-z0-9]){re.escape(plan.environment)}(?![a-z0-9])", re.IGNORECASE)
    for resource in plan.managed:
        for attribute, name in _names(resource):
            if name is None:
                right = 'tags = { Name = "${local.prefix}-…" }'
                yield Finding(NAMES, resource.address, "has no tag Name, by which people know it", right)
            elif not word.search(name):
                wrong = f"{attribute} is {name!r}, without {plan.environment!r}"
                yield Finding(NAMES, resource.address, wrong, "begin it with local.prefix")


def _names(resource: Resource) -> Iterator[tuple[str, str | None]]:
    if resource.type in _SCOPED:
        return
    for attribute in _ATTRIBUTES.get(resource.type, ("name",)):
        value: Any = resource.get(attribute)
        if isinstance(value, str):
            yield attribute, value
    tag = (resource.get("tags") or {}).get("Name")
    if tag or resource.type in _TAGGED:
        yield "tag Name", tag
