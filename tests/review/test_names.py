"""No two roots share a name, a state key or a domain; whatever costs money carries the cost tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import pytest

from tests.plans import managed
from tests.render.support import ENVIRONMENTS, ROOTS, parsed, unquoted

pytestmark = pytest.mark.terraform

each_root = pytest.mark.parametrize("root", ROOTS)
each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)

# The attribute that AWS knows a resource by, within one account (buckets: in all of AWS).
NAMES = {
    "aws_acm_certificate": "domain_name",
    "aws_appautoscaling_policy": "name",
    "aws_appautoscaling_scheduled_action": "name",
    "aws_appautoscaling_target": "resource_id",
    "aws_autoscaling_group": "name",
    "aws_backup_plan": "name",
    "aws_backup_selection": "name",
    "aws_backup_vault": "name",
    "aws_budgets_budget": "name",
    "aws_chatbot_slack_channel_configuration": "configuration_name",
    "aws_cloudtrail": "name",
    "aws_cloudwatch_composite_alarm": "alarm_name",
    "aws_cloudwatch_dashboard": "dashboard_name",
    "aws_cloudwatch_log_group": "name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_cloudwatch_query_definition": "name",
    "aws_codedeploy_app": "name",
    "aws_codedeploy_deployment_group": "deployment_group_name",
    "aws_db_instance": "identifier",
    "aws_db_parameter_group": "name",
    "aws_db_subnet_group": "name",
    "aws_ecr_repository": "name",
    "aws_ecs_capacity_provider": "name",
    "aws_ecs_cluster": "name",
    "aws_ecs_task_definition": "family",
    "aws_efs_file_system": "creation_token",
    "aws_iam_instance_profile": "name",
    "aws_iam_role": "name",
    "aws_kms_alias": "name",
    "aws_launch_template": "name",
    "aws_lb": "name",
    "aws_lb_target_group": "name",
    "aws_route53_record": "name",
    "aws_s3_bucket": "bucket",
    "aws_secretsmanager_secret": "name",
    "aws_security_group": "name",
    "aws_sns_topic": "name",
    "aws_sqs_queue": "name",
    "aws_wafv2_web_acl": "name",
}
# Names within something that has a name of its own: a cluster, a role.
WITHIN = {"aws_ecs_service", "aws_iam_role_policy", "aws_ecs_cluster_capacity_providers"}

COST_TAGS = {"Project", "Environment", "Owner", "CostCenter", "ManagedBy"}
# AWS tags none of these: parts and settings of a resource that is tagged, or free of charge.
UNTAGGABLE = {
    "aws_acm_certificate_validation", "aws_appautoscaling_policy", "aws_appautoscaling_scheduled_action",
    "aws_backup_selection", "aws_cloudwatch_dashboard", "aws_cloudwatch_query_definition",
    "aws_ecr_lifecycle_policy", "aws_ecr_repository_policy", "aws_ecs_cluster_capacity_providers",
    "aws_efs_backup_policy", "aws_efs_file_system_policy", "aws_efs_mount_target", "aws_iam_role_policy",
    "aws_iam_role_policy_attachment", "aws_kms_alias", "aws_route", "aws_route53_record",
    "aws_route_table_association", "aws_s3_bucket_cors_configuration", "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_logging", "aws_s3_bucket_ownership_controls", "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block", "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning", "aws_sns_topic_policy", "aws_sns_topic_subscription", "aws_sqs_queue_policy",
    "aws_sqs_queue_redrive_allow_policy", "aws_wafv2_web_acl_association",
    "aws_wafv2_web_acl_logging_configuration",
}  # fmt: skip
# Tagged by blocks of its own, which reach the instances too.
TAGGED_BY_BLOCKS = {"aws_autoscaling_group"}


def _after(root: str, *types: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for change in managed(root, *types):
        yield change["address"], change["type"], change["change"]["after"]


def _names(root: str) -> set[tuple[str, str]]:
    """Return the known names of a root's resources, each with its type."""
    return {(kind, after[NAMES[kind]]) for _, kind, after in _after(root) if kind in NAMES and after.get(NAMES[kind])}


@pytest.mark.slow
def test_no_two_roots_share_a_name() -> None:
    names = {root: _names(root) for root in ROOTS}
    assert all(len(found) >= (100 if root in ENVIRONMENTS else 5) for root, found in names.items())
    for one, other in combinations(ROOTS, 2):
        assert names[one] & names[other] == set(), f"{one} and {other}"


@each_root
def test_no_root_uses_a_name_twice(root: str) -> None:
    found: dict[tuple[str, str], str] = {}
    for address, kind, after in _after(root):
        # One record name has several types; a certificate's validation and its record are different names.
        if kind not in NAMES or kind == "aws_route53_record" or not after.get(NAMES[kind]):
            continue
        if kind == "aws_appautoscaling_target":
            assert after["resource_id"].startswith(f"service/thoth-{root}/")
        assert found.setdefault((kind, after[NAMES[kind]]), address) == address


@each_environment
def test_every_name_carries_its_environment(environment: str) -> None:
    for kind, name in _names(environment):
        if kind not in {"aws_route53_record", "aws_acm_certificate"}:
            assert environment in name, f"{kind} {name}"


@each_root
def test_every_type_with_a_name_is_compared(root: str) -> None:
    """A new type must be put into one of the two tables above."""
    for address, kind, after in _after(root):
        named = {attribute for attribute in ("name", "bucket", "identifier") if isinstance(after.get(attribute), str)}
        assert not named or kind in NAMES or kind in WITHIN, address


@each_root
def test_a_name_within_something_is_only_of_types_that_have_it(root: str) -> None:
    clusters = {after["name"] for _, _, after in _after(root, "aws_ecs_cluster")}
    for _, _, after in _after(root, "aws_ecs_cluster_capacity_providers"):
        assert after["cluster_name"] in clusters


def test_no_two_roots_share_a_state_key() -> None:
    keys = []
    for root in ROOTS:
        (block,) = parsed(root, "00-backend.tf")["terraform"]
        (backend,) = block["backend"]
        keys.append((unquoted(backend['"s3"']["bucket"]), unquoted(backend['"s3"']["key"])))
    assert len(set(keys)) == len(ROOTS)
    assert len({key for _, key in keys}) == len(ROOTS), "not even in different buckets"


def test_no_two_environments_share_a_domain() -> None:
    domains = []
    for environment in ENVIRONMENTS:
        records = _after(environment, "aws_route53_record")
        domains.append(
            {after["name"] for address, _, after in records if address.startswith("aws_route53_record.this")}
        )
    for one, other in combinations(domains, 2):
        assert one & other == set()
    assert set().union(*domains) == {"thoth.tfs.services", "thoth-staging.tfs.services"}


@each_root
def test_everything_that_costs_money_carries_the_cost_tags(root: str) -> None:
    tagged = 0
    for address, kind, after in _after(root):
        if kind in UNTAGGABLE | TAGGED_BY_BLOCKS:
            assert "tags_all" not in after, f"{address} can be tagged"
            continue
        tags = after.get("tags_all")
        assert tags is not None, f"{address} has no tags: if AWS can't tag a {kind}, say so above"
        assert {key for key, value in tags.items() if value} >= COST_TAGS, address
        assert (tags["Environment"], tags["Project"]) == (root, "thoth"), address
        tagged += 1
    assert tagged >= 5


@each_environment
def test_what_autoscaling_and_ecs_start_carries_the_tags_too(environment: str) -> None:
    for _, _, template in _after(environment, "aws_launch_template"):
        kinds = {spec["resource_type"]: spec["tags"] for spec in template["tag_specifications"]}
        assert set(kinds) >= {"instance", "volume", "network-interface"}
        assert all(set(tags) >= COST_TAGS and tags["Environment"] == environment for tags in kinds.values())
    for _, _, group in _after(environment, "aws_autoscaling_group"):
        tags = {tag["key"]: tag["value"] for tag in group["tag"] if tag["propagate_at_launch"]}
        assert set(tags) >= COST_TAGS
        assert tags["Environment"] == environment
    services = [service for _, _, service in _after(environment, "aws_ecs_service")]
    assert services
    assert all(s["propagate_tags"] == "SERVICE" and s["enable_ecs_managed_tags"] for s in services)
