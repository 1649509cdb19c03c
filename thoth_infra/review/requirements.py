"""Rows S1 and S2 of what the user asked for, part by part: where the rendered trees answer, and which test proves it.

Pure data; :mod:`thoth_infra.review.estate` looks the addresses up and writes ``docs/estate.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

# The files of the proofs, each with the start of its tests' names.
_ROWS = "tests/review/test_requirements.py::test_"
_ALARMS = "tests/alarms/test_alarms.py::test_"
_SCALING = "tests/alarms/test_scaling.py::test_"
_TREES = "tests/render/test_trees.py::test_"
_VARIABLES = "tests/render/test_variables.py::test_"
_NAMES = "tests/review/test_names.py::test_"

_SERVICES = "module.ai_services"
_SERVICE = f"{_SERVICES}.aws_ecs_service"
_TASK = f"{_SERVICES}.aws_ecs_task_definition.this"
_ALARM = "aws_cloudwatch_metric_alarm.this"
_STORAGE = "module.shared_storage"
_GPU = "module.ecs_gpu_cluster"

# What ``--set`` would be given for trees that no environment has today.
ANOTHER_IMAGE = ("services.api.image=registry.example.org/somebody/api:1",)
EXISTING_VPC = (
    "network.vpc_id=vpc-00000000000000001",
    "network.existing_subnets.public=subnet-a0000000000000001,subnet-a0000000000000002",
    "network.existing_subnets.private=subnet-b0000000000000001,subnet-b0000000000000002",
    "network.existing_subnets.isolated=subnet-c0000000000000001,subnet-c0000000000000002",
)
HIGH_LOAD = ("gpu_pools.main.instance_type=g4dn.4xlarge",)
MUSIC_TERMS_ON_GPU = (
    "services.music_terms.launch.type=gpu",
    "services.music_terms.launch.pool=main",
    "services.music_terms.launch.gpus=0",
    "services.music_terms.launch.cpu=1024",
    "services.music_terms.launch.memory_mib=2048",
    "services.transcription.launch.memory_mib=12288",
)
PEERING = ("network.peering.vpc_id=vpc-00000000000000002", "network.peering.cidr=10.99.0.0/16")


@dataclass(frozen=True)
class Part:
    """One part of a row.

    ``address`` is Terraform's, with ``provider.NAME``, ``terraform.backend.NAME`` and ``local.NAME`` besides; ``file``
    is needed only where an address stands in several (a variable's value in a tfvars file). With ``settings`` the
    staging tree is rendered with these keys; else the address is looked up in the committed trees. ``test`` is the
    proof, as ``FILE::NAME``.
    """

    row: str
    what: str
    address: str
    file: str = ""
    settings: tuple[str, ...] = ()
    test: str = ""

    @property
    def order(self) -> tuple[int, int]:
        """Section and number of the row."""
        section, number = self.row.removeprefix("S").split(".")
        return int(section), int(number)


def _proved(test: str, *parts: Part) -> Iterator[Part]:
    return (replace(part, test=test) for part in parts)


_PARTS: tuple[Part, ...] = (
    *_proved(
        _ROWS + "services_run_where_they_were_asked_to",
        Part("S1.1", "speech-to-text: task definition", f'{_TASK}["transcription"]'),
        Part("S1.1", "speech-to-text: service", f'{_SERVICE}.rolling["transcription"]'),
        Part("S1.2", "music terms: task definition", f'{_TASK}["music-terms"]'),
        Part("S1.2", "music terms: service", f'{_SERVICE}.rolling["music-terms"]'),
        Part("S1.3", "API on Fargate", f'{_SERVICE}.blue_green["api"]'),
        Part("S1.3", "job orchestration on Fargate", f'{_SERVICE}.rolling["orchestrator"]'),
        Part("S1.4", "audio extraction: task definition", f'{_TASK}["audio-extraction"]'),
        Part("S1.4", "audio extraction: service", f'{_SERVICE}.rolling["audio-extraction"]'),
        Part("S1.6", "music terms on Fargate", f'{_TASK}["music-terms"]'),
    ),
    *_proved(
        _VARIABLES + "somebody_elses_image_runs_its_own_command_and_needs_no_repository_of_ours",
        Part("S1.3", "another image for the API", f'{_TASK}["api"]', settings=ANOTHER_IMAGE),
    ),
    *_proved(
        _ROWS + "gpu_hosts_are_of_the_sizes_that_were_asked_for",
        Part("S1.5", "GPU hosts", "module.ecs_gpu_cluster"),
        Part("S1.5", "capacity provider of the GPU hosts", f"{_GPU}.aws_ecs_capacity_provider.this"),
        Part("S2.8", "g4dn.xlarge in dev and staging, g4dn.2xlarge in production", f"{_GPU}.aws_launch_template.this"),
        Part("S2.8", "gp3 volumes", f"{_GPU}.aws_launch_template.this"),
    ),
    *_proved(
        _ROWS + "music_terms_run_on_the_gpu_hosts_by_config",
        Part("S1.6", "music terms on the GPU hosts", f'{_TASK}["music-terms"]', settings=MUSIC_TERMS_ON_GPU),
    ),
    *_proved(
        _ROWS + "each_environment_has_its_domain",
        Part("S1.7", "domain", "aws_route53_record.this"),
        Part("S1.7", "certificate", "aws_acm_certificate.this"),
    ),
    *_proved(
        _ROWS + "files_are_encrypted_shared_and_backed_up",
        Part("S1.8", "EFS for active jobs", f'{_STORAGE}.aws_efs_access_point.this["jobs"]'),
        Part("S2.6", "EFS encrypted at rest", f"{_STORAGE}.aws_efs_file_system.this"),
        Part("S2.9", "models cached on EFS", f'{_STORAGE}.aws_efs_access_point.this["models"]'),
        Part("S2.13", "EFS backups", f"{_STORAGE}.aws_efs_backup_policy.this"),
        Part("S2.13", "backups in a vault", "aws_backup_selection.this"),
    ),
    *_proved(
        _ROWS + "buckets_are_encrypted_versioned_and_closed",
        Part("S1.8", "S3 for the long term", f'{_STORAGE}.aws_s3_bucket.this["archive"]'),
        Part("S2.6", "S3 encrypted", f"{_STORAGE}.aws_s3_bucket_server_side_encryption_configuration.this"),
        Part("S2.6", "S3 versioned", f"{_STORAGE}.aws_s3_bucket_versioning.this"),
    ),
    *_proved(
        _ROWS + "the_database_is_postgres_encrypted_and_out_of_reach",
        Part("S1.8", "RDS as database", "aws_db_instance.this"),
    ),
    *_proved(
        _ROWS + "accounts_and_region_are_those_of_the_user",
        Part("S1.9", "AI services account and region", "provider.aws"),
        Part("S1.9", "shared account: records", "provider.aws.shared"),
    ),
    *_proved(
        _ROWS + "images_are_scanned_and_never_moved",
        Part("S1.9", "shared account: ECR", "aws_ecr_repository.this"),
        Part("S2.7", "scanning of images", "aws_ecr_repository.this"),
    ),
    *_proved(
        _TREES + "the_files_and_modules_that_were_asked_for_are_there",
        Part("S2.1", "00-backend", "terraform.backend.s3", file="00-backend.tf"),
        Part("S2.1", "01-providers", "provider.aws", file="01-providers.tf"),
        Part("S2.1", "02-variables", "var.services", file="02-variables.tf"),
        Part("S2.1", "03-locals", "local.prefix", file="03-locals.tf"),
        Part("S2.1", "10-networking", "aws_vpc.this", file="10-networking.tf"),
        Part("S2.1", "20-compute-ecs", "aws_ecs_cluster.this", file="20-compute-ecs.tf"),
        Part("S2.1", "21-compute-gpu", "module.ecs_gpu_cluster", file="21-compute-gpu.tf"),
        Part("S2.1", "30-storage", "module.shared_storage", file="30-storage.tf"),
        Part("S2.1", "40-iam", "aws_iam_role.gpu_host", file="40-iam.tf"),
        Part("S2.1", "50-monitoring", "aws_sns_topic.alarms", file="50-monitoring.tf"),
        Part("S2.1", "99-outputs", "output.cluster_name", file="99-outputs.tf"),
        Part("S2.3", "module ecs-gpu-cluster", "module.ecs_gpu_cluster"),
        Part("S2.3", "module ai-services", "module.ai_services"),
        Part("S2.3", "module shared-storage", "module.shared_storage"),
    ),
    *_proved(
        _TREES + "the_tfvars_define_exactly_the_declared_variables",
        Part("S2.2", "tfvars of dev", "var.environment", file="dev.auto.tfvars"),
        Part("S2.2", "tfvars of staging", "var.environment", file="staging.auto.tfvars"),
        Part("S2.2", "tfvars of production", "var.environment", file="production.auto.tfvars"),
    ),
    *_proved(
        _ROWS + "the_network_has_three_tiers_in_several_zones",
        Part("S2.4", "a VPC of its own", "aws_vpc.this"),
        Part("S2.5", "flow logs", "aws_flow_log.this"),
    ),
    *_proved(
        _VARIABLES + "an_existing_vpc_brings_its_subnets_and_its_own_way_out",
        Part("S2.4", "an existing VPC by id", "data.aws_vpc.this", settings=EXISTING_VPC),
    ),
    *_proved(
        _ROWS + "services_stand_in_private_subnets_and_the_load_balancer_in_public_ones",
        Part("S2.5", "services in private subnets", "aws_subnet.private"),
        Part("S2.5", "load balancer in public subnets", "aws_lb.this"),
    ),
    *_proved(
        _ROWS + "the_firewall_stands_before_the_load_balancer",
        Part("S2.5", "WAF", "aws_wafv2_web_acl_association.this"),
    ),
    *_proved(
        _ROWS + "only_the_load_balancer_is_open_to_the_internet",
        Part("S2.5", "security groups: in", "aws_vpc_security_group_ingress_rule.flow"),
        Part("S2.5", "security groups: out", "aws_vpc_security_group_egress_rule.flow"),
    ),
    *_proved(
        _ROWS + "secrets_are_kept_in_secrets_manager",
        Part("S2.6", "secrets", "aws_secretsmanager_secret.this"),
        Part("S2.6", "database password", "aws_db_instance.this"),
    ),
    *_proved(
        _ROWS + "every_service_has_roles_of_its_own",
        Part("S2.6", "roles for services", "aws_iam_role.task"),
    ),
    *_proved(
        _ROWS + "what_users_leave_behind_is_erased_in_time",
        Part("S2.7", "retention of uploads and transcripts", f"{_STORAGE}.aws_s3_bucket_lifecycle_configuration.this"),
        Part("S2.7", "retention of messages", "aws_sqs_queue.this"),
        Part("S2.7", "retention of logs", f"{_SERVICES}.aws_cloudwatch_log_group.this"),
    ),
    *_proved(
        _ROWS + "access_is_on_record",
        Part("S2.7", "audit: requests", "aws_lb.this"),
        Part("S2.7", "audit: API keys", 'aws_cloudwatch_query_definition.this["api-audit"]'),
        Part("S2.7", "audit: firewall", "aws_wafv2_web_acl_logging_configuration.this"),
        Part("S2.7", "audit: lessons and transcripts", "aws_cloudtrail.data"),
        Part("S2.13", "Logs Insights queries", "aws_cloudwatch_query_definition.this"),
    ),
    *_proved(
        _ROWS + "high_load_takes_the_larger_host",
        Part("S2.8", "g4dn.4xlarge", f"{_GPU}.aws_launch_template.this", settings=HIGH_LOAD),
    ),
    *_proved(
        _ROWS + "spot_and_on_demand_are_groups_of_their_own",
        Part("S2.8", "spot", f"{_GPU}.aws_autoscaling_group.this"),
    ),
    *_proved(
        _ROWS + "hosts_follow_the_recommended_image",
        Part("S2.8", "AMI updates", "data.aws_ssm_parameter.gpu_ami"),
    ),
    *_proved(
        _SCALING + "the_first_message_wakes_a_service_without_tasks",
        Part("S2.9", "from zero", f'{_SERVICES}.aws_cloudwatch_metric_alarm.wake["transcription"]'),
    ),
    *_proved(
        _SCALING + "messages_per_task_never_divide_by_nought",
        Part("S2.9", "by backlog", f'{_SERVICES}.aws_appautoscaling_policy.backlog["transcription"]'),
    ),
    *_proved(
        _SCALING + "a_service_sleeps_only_after_minutes_without_any_open_message",
        Part("S2.9", "back to the minimum", f'{_SERVICES}.aws_cloudwatch_metric_alarm.sleep["transcription"]'),
    ),
    *_proved(
        _VARIABLES + "scaling_of_each_kind",
        Part("S2.9", "API by CPU", f'{_SERVICES}.aws_appautoscaling_policy.cpu["api"]'),
    ),
    *_proved(
        _ROWS + "off_hours_stop_the_workers_and_start_them_again",
        Part("S2.9", "off hours", f"{_SERVICES}.aws_appautoscaling_scheduled_action.stop"),
        Part("S2.9", "on again", f"{_SERVICES}.aws_appautoscaling_scheduled_action.start"),
    ),
    *_proved(
        _ROWS + "the_dashboard_shows_the_metrics_that_were_asked_for",
        Part("S2.10", "GPU utilisation, target 70 to 80 %", "aws_cloudwatch_dashboard.this"),
        Part("S2.10", "SQS queue depth", "aws_cloudwatch_dashboard.this"),
        Part("S2.10", "job processing time", "aws_cloudwatch_dashboard.this"),
        Part("S2.10", "error rates", "aws_cloudwatch_dashboard.this"),
        Part("S2.10", "cost per transcription", "aws_cloudwatch_dashboard.this"),
    ),
    *_proved(
        _ALARMS + "a_single_long_job_is_enough_and_so_is_a_rare_failing_one",
        Part("S2.10", "job processing time: alarm", f'{_ALARM}["transcription-processing-time"]'),
    ),
    *_proved(
        _ALARMS + "every_alarm_fires_on_a_bad_value_and_is_content_with_a_good_one",
        Part("S2.10", "error rates: requests", "aws_cloudwatch_metric_alarm.http_5xx"),
    ),
    *_proved(
        _ALARMS + "the_alarms_that_the_user_asked_for_are_there",
        Part("S2.11", "GPU utilisation over 90 %", f'{_ALARM}["transcription-gpu-utilization"]'),
        Part("S2.11", "backlog over 100 jobs", f'{_ALARM}["transcription-backlog"]'),
        Part("S2.11", "failed jobs over 5 %", "aws_cloudwatch_metric_alarm.failed_jobs"),
        Part("S2.11", "instance health", "aws_cloudwatch_metric_alarm.platform"),
    ),
    *_proved(
        _ROWS + "the_budget_warns_of_actual_and_forecast_cost",
        Part("S2.11", "budget", "aws_budgets_budget.monthly"),
    ),
    *_proved(
        _ROWS + "the_shared_account_allows_what_was_asked_for_and_no_more",
        Part("S2.12", "ECR pull: the four actions", "data.aws_iam_policy_document.cross_account"),
        Part("S2.12", "S3 get, put, list", "data.aws_iam_policy_document.cross_account"),
        Part("S2.12", "Secrets Manager read", "data.aws_iam_policy_document.cross_account"),
        Part("S2.12", "VPC peering: the four actions", "data.aws_iam_policy_document.cross_account"),
    ),
    *_proved(
        _ROWS + "the_shared_account_trusts_exact_roles",
        Part("S2.12", "ECR pull: who", "aws_ecr_repository_policy.this"),
        Part("S2.12", "the role that trusts the AI account", "aws_iam_role.cross_account"),
    ),
    *_proved(
        _ROWS + "peering_reaches_the_shared_account",
        Part("S2.12", "VPC peering: the connection", "aws_vpc_peering_connection.shared", settings=PEERING),
    ),
    *_proved(
        _ROWS + "revisions_stay_for_a_rollback",
        Part("S2.13", "versioned task definitions", f"{_SERVICES}.aws_ecs_task_definition.this"),
    ),
    *_proved(
        _NAMES + "everything_that_costs_money_carries_the_cost_tags",
        Part("S2.13", "tags on everything", "provider.aws"),
    ),
    *_proved(
        _NAMES + "what_autoscaling_and_ecs_start_carries_the_tags_too",
        Part("S2.13", "tags on hosts and volumes", f"{_GPU}.aws_launch_template.this"),
    ),
)  # fmt: skip
PARTS = tuple(sorted(_PARTS, key=lambda part: part.order))
