"""Which of Terraform's resource types are billed, and why the others are not."""

from __future__ import annotations

from collections.abc import Iterable

# Types that an estate is read from (``planned``); each has lines of its own in an estimate.
BILLED = frozenset(
    {
        "aws_appautoscaling_policy",  # target tracking keeps alarms, which are billed
        "aws_autoscaling_group",
        "aws_backup_plan",
        "aws_cloudtrail",
        "aws_cloudwatch_composite_alarm",
        "aws_cloudwatch_dashboard",
        "aws_cloudwatch_log_group",
        "aws_cloudwatch_metric_alarm",
        "aws_db_instance",
        "aws_ecr_repository",
        "aws_ecs_capacity_provider",  # managed scaling keeps alarms
        "aws_ecs_cluster",  # Container Insights
        "aws_ecs_service",
        "aws_ecs_task_definition",
        "aws_efs_file_system",
        "aws_eip",
        "aws_flow_log",
        "aws_kms_key",
        "aws_launch_template",  # its volume and its detailed monitoring, with each instance
        "aws_lb",
        "aws_nat_gateway",
        "aws_s3_bucket",
        "aws_s3_bucket_lifecycle_configuration",
        "aws_secretsmanager_secret",
        "aws_sqs_queue",
        "aws_vpc_endpoint",  # interface endpoints; those of a gateway are free
        "aws_wafv2_web_acl",
    }
)

_NO_CHARGE = "AWS takes nothing for it"
_PART = "part of another resource, which is billed"
_LITTLE = "billed by use, cents a month here: not estimated"

FREE: dict[str, str] = {
    "aws_acm_certificate": "public certificates are free with a load balancer",
    "aws_acm_certificate_validation": _PART,
    "aws_appautoscaling_scheduled_action": _NO_CHARGE,
    "aws_appautoscaling_target": _NO_CHARGE,
    "aws_backup_selection": _PART,
    "aws_backup_vault": "what it holds is billed, by the plan",
    "aws_budgets_budget": "budgets without actions are free",
    "aws_chatbot_slack_channel_configuration": _NO_CHARGE,
    "aws_cloudwatch_log_resource_policy": _NO_CHARGE,
    "aws_cloudwatch_query_definition": "queries are billed by the data that they scan, when somebody asks",
    "aws_codedeploy_app": "free for ECS",
    "aws_codedeploy_deployment_group": "free for ECS",
    "aws_db_parameter_group": _PART,
    "aws_db_subnet_group": _PART,
    "aws_default_security_group": _NO_CHARGE,
    "aws_ecr_lifecycle_policy": _PART,
    "aws_ecr_repository_policy": _PART,
    "aws_ecs_cluster_capacity_providers": _PART,
    "aws_efs_access_point": _PART,
    "aws_efs_backup_policy": "what it copies is billed; ours is off",
    "aws_efs_file_system_policy": _PART,
    "aws_efs_mount_target": _PART,
    "aws_iam_instance_profile": _NO_CHARGE,
    "aws_iam_openid_connect_provider": _NO_CHARGE,
    "aws_iam_policy": _NO_CHARGE,
    "aws_iam_role": _NO_CHARGE,
    "aws_iam_role_policy": _NO_CHARGE,
    "aws_iam_role_policy_attachment": _NO_CHARGE,
    "aws_internet_gateway": "its traffic is billed as data transfer",
    "aws_kms_alias": _PART,
    "aws_lb_listener": _PART,
    "aws_lb_target_group": _PART,
    "aws_route": _NO_CHARGE,
    "aws_route53_record": "queries for an alias of a load balancer are free; the zone is somebody else's",
    "aws_route_table": _NO_CHARGE,
    "aws_route_table_association": _NO_CHARGE,
    "aws_s3_bucket_cors_configuration": _PART,
    "aws_s3_bucket_logging": "what it writes is billed as storage",
    "aws_s3_bucket_ownership_controls": _PART,
    "aws_s3_bucket_policy": _PART,
    "aws_s3_bucket_public_access_block": _PART,
    "aws_s3_bucket_server_side_encryption_configuration": _PART,
    "aws_s3_bucket_versioning": "older versions are billed as storage",
    "aws_security_group": _NO_CHARGE,
    "aws_sns_topic": _LITTLE,
    "aws_sns_topic_policy": _PART,
    "aws_sns_topic_subscription": _LITTLE,
    "aws_sqs_queue_policy": _PART,
    "aws_sqs_queue_redrive_allow_policy": _PART,
    "aws_subnet": _NO_CHARGE,
    "aws_vpc": _NO_CHARGE,
    "aws_vpc_peering_connection": "its traffic is billed as data transfer",
    "aws_vpc_peering_connection_accepter": _PART,
    "aws_vpc_security_group_egress_rule": _NO_CHARGE,
    "aws_vpc_security_group_ingress_rule": _NO_CHARGE,
    "aws_wafv2_ip_set": _PART,
    "aws_wafv2_web_acl_association": _PART,
    "aws_wafv2_web_acl_logging_configuration": "what it writes is billed as logs",
    "terraform_data": _NO_CHARGE,
}


def unknown(types: Iterable[str]) -> tuple[str, ...]:
    """Return the types that are neither known to be billed nor known to be free, sorted."""
    return tuple(sorted(set(types) - BILLED - FREE.keys()))
