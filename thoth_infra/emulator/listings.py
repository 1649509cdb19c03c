"""Where each kind of thing that the estate makes is listed in AWS: one row per kind.

A row names the Terraform types that it finds. Types that are part of another thing and can't outlive it (the rules of a
security group, the versioning of a bucket) stand in ``PARTS``; a test holds both against the templates, so that a new
type without a row does not go unwatched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Parent:
    """A listing is asked once for each id that ``operation`` answers, given as ``parameter``."""

    service: str
    operation: str
    ids: str
    parameter: str


@dataclass(frozen=True)
class Listing:
    """``operation`` of ``service`` lists things of ``kind``; ``ids`` (JMESPath) is a list of their ids.

    A parameter of the value ``ACCOUNT`` stands for the account's id.
    """

    kind: str
    service: str
    operation: str
    ids: str
    types: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    parent: Parent | None = None


_ZONES = Parent("route53", "list_hosted_zones", "HostedZones[].Id", "HostedZoneId")
_BUCKETS = Parent("s3", "list_buckets", "Buckets[].Name", "Bucket")
_CLUSTERS = Parent("ecs", "list_clusters", "clusterArns[]", "cluster")
_VAULTS = Parent("backup", "list_backup_vaults", "BackupVaultList[].BackupVaultName", "BackupVaultName")
_BACKUP_PLANS = Parent("backup", "list_backup_plans", "BackupPlansList[].BackupPlanId", "BackupPlanId")
_KEYS = Parent("kms", "list_keys", "Keys[].KeyId", "KeyId")
_FILE_SYSTEMS = Parent("efs", "describe_file_systems", "FileSystems[].FileSystemId", "FileSystemId")
_APPLICATIONS = Parent("codedeploy", "list_applications", "applications[]", "applicationName")

_NETWORK = (
    Listing("VPC", "ec2", "describe_vpcs", "Vpcs[].VpcId", ("aws_vpc",)),
    Listing("subnet", "ec2", "describe_subnets", "Subnets[].SubnetId", ("aws_subnet",)),
    Listing("route table", "ec2", "describe_route_tables", "RouteTables[].RouteTableId", ("aws_route_table",)),
    Listing("internet gateway", "ec2", "describe_internet_gateways", "InternetGateways[].InternetGatewayId",
            ("aws_internet_gateway",)),
    Listing("NAT gateway", "ec2", "describe_nat_gateways", "NatGateways[?State != 'deleted'].NatGatewayId",
            ("aws_nat_gateway",)),
    Listing("Elastic IP", "ec2", "describe_addresses", "Addresses[].AllocationId", ("aws_eip",)),
    Listing("security group", "ec2", "describe_security_groups", "SecurityGroups[].GroupId", ("aws_security_group",)),
    Listing("VPC endpoint", "ec2", "describe_vpc_endpoints", "VpcEndpoints[?State != 'deleted'].VpcEndpointId",
            ("aws_vpc_endpoint",)),
    Listing("flow log", "ec2", "describe_flow_logs", "FlowLogs[].FlowLogId", ("aws_flow_log",)),
    Listing("VPC peering", "ec2", "describe_vpc_peering_connections",
            "VpcPeeringConnections[?Status.Code != 'deleted'].VpcPeeringConnectionId",
            ("aws_vpc_peering_connection", "aws_vpc_peering_connection_accepter")),
    Listing("network interface", "ec2", "describe_network_interfaces", "NetworkInterfaces[].NetworkInterfaceId"),
    Listing("launch template", "ec2", "describe_launch_templates", "LaunchTemplates[].LaunchTemplateId",
            ("aws_launch_template",)),
    Listing("instance", "ec2", "describe_instances",
            "Reservations[].Instances[?State.Name != 'terminated'][].InstanceId"),
    Listing("volume", "ec2", "describe_volumes", "Volumes[].VolumeId"),
)  # fmt: skip

_EDGE = (
    Listing("load balancer", "elbv2", "describe_load_balancers", "LoadBalancers[].LoadBalancerArn", ("aws_lb",)),
    Listing("target group", "elbv2", "describe_target_groups", "TargetGroups[].TargetGroupArn",
            ("aws_lb_target_group",)),
    Listing("web ACL", "wafv2", "list_web_acls", "WebACLs[].ARN", ("aws_wafv2_web_acl",), {"Scope": "REGIONAL"}),
    Listing("IP set", "wafv2", "list_ip_sets", "IPSets[].ARN", ("aws_wafv2_ip_set",), {"Scope": "REGIONAL"}),
    Listing("certificate", "acm", "list_certificates", "CertificateSummaryList[].CertificateArn",
            ("aws_acm_certificate",)),
    Listing("hosted zone", "route53", "list_hosted_zones", "HostedZones[].Id"),
    Listing("DNS record", "route53", "list_resource_record_sets", "ResourceRecordSets[].join(' ', [Type, Name])",
            ("aws_route53_record",), parent=_ZONES),
)  # fmt: skip

_COMPUTE = (
    Listing("ECS cluster", "ecs", "list_clusters", "clusterArns[]", ("aws_ecs_cluster",)),
    Listing("ECS service", "ecs", "list_services", "serviceArns[]", ("aws_ecs_service",), parent=_CLUSTERS),
    Listing("capacity provider", "ecs", "describe_capacity_providers",
            "capacityProviders[?status != 'INACTIVE'].name", ("aws_ecs_capacity_provider",)),
    Listing("task definition", "ecs", "list_task_definitions", "taskDefinitionArns[]", ("aws_ecs_task_definition",)),
    Listing("Auto Scaling group", "autoscaling", "describe_auto_scaling_groups",
            "AutoScalingGroups[].AutoScalingGroupName", ("aws_autoscaling_group",)),
    Listing("scalable target", "application-autoscaling", "describe_scalable_targets",
            "ScalableTargets[].join(' ', [ResourceId, ScalableDimension])",
            ("aws_appautoscaling_target",), {"ServiceNamespace": "ecs"}),
    Listing("scaling policy", "application-autoscaling", "describe_scaling_policies", "ScalingPolicies[].PolicyARN",
            ("aws_appautoscaling_policy",), {"ServiceNamespace": "ecs"}),
    Listing("scheduled action", "application-autoscaling", "describe_scheduled_actions",
            "ScheduledActions[].ScheduledActionARN",
            ("aws_appautoscaling_scheduled_action",), {"ServiceNamespace": "ecs"}),
    Listing("queue", "sqs", "list_queues", "QueueUrls[]", ("aws_sqs_queue",)),
    Listing("DNS namespace", "servicediscovery", "list_namespaces", "Namespaces[].Id",
            ("aws_service_discovery_private_dns_namespace", "aws_service_discovery_http_namespace")),
    Listing("image repository", "ecr", "describe_repositories", "repositories[].repositoryArn",
            ("aws_ecr_repository",)),
)  # fmt: skip

_DELIVERY = (
    Listing("CodeDeploy application", "codedeploy", "list_applications", "applications[]", ("aws_codedeploy_app",)),
    Listing("deployment group", "codedeploy", "list_deployment_groups", "deploymentGroups[]",
            ("aws_codedeploy_deployment_group",), parent=_APPLICATIONS),
    Listing("IAM role", "iam", "list_roles", "Roles[].Arn", ("aws_iam_role",)),
    Listing("IAM policy", "iam", "list_policies", "Policies[].Arn", ("aws_iam_policy",), {"Scope": "Local"}),
    Listing("instance profile", "iam", "list_instance_profiles", "InstanceProfiles[].Arn",
            ("aws_iam_instance_profile",)),
    Listing("OIDC provider", "iam", "list_open_id_connect_providers", "OpenIDConnectProviderList[].Arn",
            ("aws_iam_openid_connect_provider",)),
    Listing("IAM user", "iam", "list_users", "Users[].Arn", ("aws_iam_user",)),
)  # fmt: skip

_STORAGE = (
    Listing("S3 bucket", "s3", "list_buckets", "Buckets[].Name", ("aws_s3_bucket",)),
    Listing("S3 object", "s3", "list_objects_v2", "Contents[].join('', [Key, '@', ETag])", ("aws_s3_object",),
            parent=_BUCKETS),
    Listing("S3 object version", "s3", "list_object_versions",
            "Versions[].join('', [Key, '@', VersionId])", parent=_BUCKETS),
    Listing("S3 delete marker", "s3", "list_object_versions",
            "DeleteMarkers[].join('', [Key, '@', VersionId])", parent=_BUCKETS),
    Listing("file system", "efs", "describe_file_systems", "FileSystems[].FileSystemId", ("aws_efs_file_system",)),
    Listing("mount target", "efs", "describe_mount_targets", "MountTargets[].MountTargetId",
            ("aws_efs_mount_target",), parent=_FILE_SYSTEMS),
    Listing("access point", "efs", "describe_access_points", "AccessPoints[].AccessPointId",
            ("aws_efs_access_point",)),
    Listing("database", "rds", "describe_db_instances", "DBInstances[].DBInstanceIdentifier", ("aws_db_instance",)),
    Listing("database snapshot", "rds", "describe_db_snapshots", "DBSnapshots[].DBSnapshotIdentifier",
            ("aws_db_snapshot",)),
    Listing("automated database backup", "rds", "describe_db_instance_automated_backups",
            "DBInstanceAutomatedBackups[].DBInstanceIdentifier"),
    Listing("database parameter group", "rds", "describe_db_parameter_groups",
            "DBParameterGroups[?!starts_with(DBParameterGroupName, 'default.')].DBParameterGroupName",
            ("aws_db_parameter_group",)),
    Listing("database subnet group", "rds", "describe_db_subnet_groups", "DBSubnetGroups[].DBSubnetGroupName",
            ("aws_db_subnet_group",)),
    Listing("KMS key", "kms", "describe_key",
            "[KeyMetadata][?KeyState != 'PendingDeletion' && KeyManager == 'CUSTOMER'].KeyId",
            ("aws_kms_key",), parent=_KEYS),
    Listing("KMS alias", "kms", "list_aliases", "Aliases[?!starts_with(AliasName, 'alias/aws/')].AliasName",
            ("aws_kms_alias",)),
    Listing("secret", "secretsmanager", "list_secrets", "SecretList[].ARN", ("aws_secretsmanager_secret",)),
    Listing("backup vault", "backup", "list_backup_vaults", "BackupVaultList[].BackupVaultName",
            ("aws_backup_vault",)),
    Listing("recovery point", "backup", "list_recovery_points_by_backup_vault", "RecoveryPoints[].RecoveryPointArn",
            parent=_VAULTS),
    Listing("backup plan", "backup", "list_backup_plans", "BackupPlansList[].BackupPlanId", ("aws_backup_plan",)),
    Listing("backup selection", "backup", "list_backup_selections", "BackupSelectionsList[].SelectionId",
            ("aws_backup_selection",), parent=_BACKUP_PLANS),
    Listing("parameter", "ssm", "describe_parameters", "Parameters[?!starts_with(Name, '/aws/')].Name",
            ("aws_ssm_parameter",)),
)  # fmt: skip

_MONITORING = (
    Listing("log group", "logs", "describe_log_groups", "logGroups[].logGroupName", ("aws_cloudwatch_log_group",)),
    Listing("log query", "logs", "describe_query_definitions", "queryDefinitions[].queryDefinitionId",
            ("aws_cloudwatch_query_definition",)),
    Listing("metric filter", "logs", "describe_metric_filters", "metricFilters[].join(' ', [logGroupName, filterName])",
            ("aws_cloudwatch_log_metric_filter",)),
    Listing("log resource policy", "logs", "describe_resource_policies", "resourcePolicies[].policyName",
            ("aws_cloudwatch_log_resource_policy",)),
    Listing("alarm", "cloudwatch", "describe_alarms", "[MetricAlarms, CompositeAlarms][][].AlarmName",
            ("aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm"),
            {"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}),
    Listing("dashboard", "cloudwatch", "list_dashboards", "DashboardEntries[].DashboardName",
            ("aws_cloudwatch_dashboard",)),
    Listing("SNS topic", "sns", "list_topics", "Topics[].TopicArn", ("aws_sns_topic",)),
    Listing("SNS subscription", "sns", "list_subscriptions", "Subscriptions[].SubscriptionArn",
            ("aws_sns_topic_subscription",)),
    Listing("budget", "budgets", "describe_budgets", "Budgets[].BudgetName", ("aws_budgets_budget",),
            {"AccountId": "ACCOUNT"}),
    Listing("trail", "cloudtrail", "list_trails", "Trails[].TrailARN", ("aws_cloudtrail",)),
    Listing("event rule", "events", "list_rules", "Rules[].Name", ("aws_cloudwatch_event_rule",)),
)  # fmt: skip

LISTINGS: tuple[Listing, ...] = (*_NETWORK, *_EDGE, *_COMPUTE, *_DELIVERY, *_STORAGE, *_MONITORING)

#: Terraform types that are part of something listed and go with it, by that something's kind.
PARTS: Mapping[str, str] = {
    "aws_acm_certificate_validation": "certificate",
    "aws_backup_vault_lock_configuration": "backup vault",
    "aws_backup_vault_policy": "backup vault",
    "aws_cloudwatch_event_target": "event rule",
    "aws_default_security_group": "VPC",
    "aws_ecr_lifecycle_policy": "image repository",
    "aws_ecr_repository_policy": "image repository",
    "aws_ecs_cluster_capacity_providers": "ECS cluster",
    "aws_efs_backup_policy": "file system",
    "aws_efs_file_system_policy": "file system",
    "aws_iam_role_policy": "IAM role",
    "aws_iam_role_policy_attachment": "IAM role",
    "aws_lb_listener": "load balancer",
    "aws_lb_listener_rule": "load balancer",
    "aws_route": "route table",
    "aws_route_table_association": "route table",
    "aws_s3_bucket_cors_configuration": "S3 bucket",
    "aws_s3_bucket_lifecycle_configuration": "S3 bucket",
    "aws_s3_bucket_logging": "S3 bucket",
    "aws_s3_bucket_ownership_controls": "S3 bucket",
    "aws_s3_bucket_policy": "S3 bucket",
    "aws_s3_bucket_public_access_block": "S3 bucket",
    "aws_s3_bucket_server_side_encryption_configuration": "S3 bucket",
    "aws_s3_bucket_versioning": "S3 bucket",
    "aws_secretsmanager_secret_policy": "secret",
    "aws_secretsmanager_secret_rotation": "secret",
    "aws_secretsmanager_secret_version": "secret",
    "aws_sns_topic_policy": "SNS topic",
    "aws_sqs_queue_policy": "queue",
    "aws_sqs_queue_redrive_allow_policy": "queue",
    "aws_vpc_security_group_egress_rule": "security group",
    "aws_vpc_security_group_ingress_rule": "security group",
    "aws_wafv2_web_acl_association": "web ACL",
    "aws_wafv2_web_acl_logging_configuration": "web ACL",
}

#: Terraform types that the emulator can't make, and why nothing of them can be left in it.
UNLISTED: Mapping[str, str] = {
    "aws_chatbot_slack_channel_configuration": "the emulator has no Chatbot: applying it ends with an error",
}
