"""The labels, written by hand from the templates and from what AWS does, not from what the classifier says."""

# ruff: noqa: E501

from __future__ import annotations

from tests.review.plans.case import DROP, Case

SERVICES = "module.ai_services."
STORAGE = "module.shared_storage."
GPU = 'module.ecs_gpu_cluster["main"].'

T_ALB = "15-load-balancer.tf.j2"
T_SG = "11-security-groups.tf.j2"
T_WAF = "17-firewall.tf.j2"
T_KEYS = "05-encryption.tf.j2"
T_RDS = "31-database.tf.j2"
T_QUEUES = "25-queues.tf.j2"
T_BACKUP = "33-backup.tf.j2"
T_GITHUB = "42-iam-github.tf.j2"
T_ROLES = "41-iam-services.tf.j2"
T_BUCKETS = "modules/shared-storage/buckets.tf.j2"
T_FILES = "modules/shared-storage/files.tf.j2"
T_SERVICES = "modules/ai-services/services.tf.j2"
T_TASKS = "modules/ai-services/task-definitions.tf.j2"
T_GPU = "modules/ecs-gpu-cluster/main.tf.j2"
T_EXTRAS = "60-extras.tf.j2"

DATABASE = "aws_db_instance.this"
TASKS = f"{SERVICES}aws_ecs_task_definition.this*"
LOG_GROUPS = "*aws_cloudwatch_log_group.*"

DATABASES = (
    Case("database-major-upgrade", config={"database.engine_version": "17.2"},
         downtime=(DATABASE,), keys={"aws_db_parameter_group.this": "database.engine_version"}),
    Case("database-minor-upgrade", config={"database.engine_version": "16.8"}, downtime=(DATABASE,)),
    Case("database-downgrade", config={"database.engine_version": "16.1"}, loss=(DATABASE,)),
    Case("database-bigger", config={"database.instance_class": "db.t4g.large"}, downtime=(DATABASE,), cost=(DATABASE,)),
    Case("database-smaller", on="production", config={"database.instance_class": "db.t4g.small"},
         downtime=(DATABASE,), cost=(DATABASE,)),
    Case("database-storage-up", config={"database.allocated_gib": 60}, cost=(DATABASE,)),
    # The provider plans no change: storage never shrinks, and autoscaling may have made it larger than it was.
    Case("database-storage-shrink", on="production", config={"database.allocated_gib": 20}),
    Case("database-storage-ceiling", config={"database.max_allocated_gib": 400}, cost=(DATABASE,)),
    Case("database-backups-off", config={"database.backup_days": 0}, loss=(DATABASE,)),
    Case("database-backups-shorter", on="production", config={"database.backup_days": 14},
         loss=(DATABASE, "aws_backup_plan.this")),
    Case("database-backups-longer", config={"database.backup_days": 14}),
    Case("database-standby", config={"database.multi_az": True}, cost=(DATABASE,)),
    Case("database-public", on="dev", template=((T_RDS, "publicly_accessible    = false", "publicly_accessible    = true"),),
         security=(DATABASE,)),
    Case("database-unencrypted", on="dev", template=((T_RDS, "storage_encrypted     = true", "storage_encrypted     = false"),),
         loss=(DATABASE,), security=(DATABASE,), downtime=(DATABASE,), keys={"": f"templates/{T_RDS}"}),
    Case("database-renamed", on="dev", template=((T_RDS, "db_name        = var.project", 'db_name        = "lessons"'),),
         loss=(DATABASE,), downtime=(DATABASE,), keys={"": f"templates/{T_RDS}"}),
    Case("database-no-iam", on="dev", template=((T_RDS, "iam_database_authentication_enabled = true",
                                       "iam_database_authentication_enabled = false"),), security=(DATABASE,)),
    Case("database-no-insights", on="dev", template=((T_RDS, "performance_insights_enabled        = true",
                                            "performance_insights_enabled        = false"),)),
    Case("database-no-protection", on="production",
         template=((T_RDS, "deletion_protection       = var.protection.deletion_protection",
                    "deletion_protection       = false"),), loss=(DATABASE,)),
    Case("database-no-final-snapshot", on="production",
         template=((T_RDS, "skip_final_snapshot       = !var.protection.final_snapshot",
                    "skip_final_snapshot       = true"),), loss=(DATABASE,)),
    Case("database-backups-go-with-it", on="production",
         template=((T_RDS, "delete_automated_backups  = !var.protection.deletion_protection",
                    "delete_automated_backups  = true"),), loss=(DATABASE,)),
    Case("database-tls-not-forced", on="dev", template=((T_RDS, 'name  = "rds.force_ssl"\n    value = "1"',
                                               'name  = "rds.force_ssl"\n    value = "0"'),),
         security=("aws_db_parameter_group.this",)),
    Case("database-slow-log", on="dev", template=((T_RDS, 'value = "1000"', 'value = "500"'),)),
    Case("database-apply-at-once", config={"database.instance_class": "db.t4g.medium"},
         template=((T_RDS, "copy_tags_to_snapshot     = true",
                    "copy_tags_to_snapshot     = true\n  apply_immediately         = true"),),
         downtime=(DATABASE,), cost=(DATABASE,)),
    Case("database-to-a-file", on="dev", config={"database": {"engine": "sqlite"}},
         loss=(DATABASE, 'aws_kms_key.this["database"]', LOG_GROUPS, "aws_backup_selection.this"),
         downtime=(DATABASE, f'{SERVICES}aws_ecs_service.rolling["orchestrator"]'),
         security=('aws_iam_role_policy.task["api"]',),  # it does the orchestrator's work too
         cost=(DATABASE, 'aws_kms_key.this["database"]'),
         keys={"": "database.engine"}),
)  # fmt: skip

STORED = (
    Case("logs-shorter", config={"retention.logs_days": 14}, loss=(LOG_GROUPS,)),
    Case("logs-longer", config={"retention.logs_days": 90}),
    Case("audit-shorter", config={"retention.audit_days": 90},
         loss=(LOG_GROUPS, f'{STORAGE}aws_s3_bucket_lifecycle_configuration.this["logs"]')),
    Case("audit-longer", config={"retention.audit_days": 365}),
    Case("transcripts-shorter", config={"retention.transcripts_days": 90},
         loss=(f'{STORAGE}aws_s3_bucket_lifecycle_configuration.this["archive"]', TASKS),
         keys={"": "retention.transcripts_days"}),
    Case("transcripts-longer", config={"retention.transcripts_days": 365}, keys={"": "retention.transcripts_days"}),
    Case("uploads-shorter", config={"retention.uploads_days": 3},
         loss=(f'{STORAGE}aws_s3_bucket_lifecycle_configuration.this["media"]',)),
    Case("uploads-longer", config={"retention.uploads_days": 30}),
    Case("versions-shorter", on="production", config={"retention.noncurrent_days": 7},
         loss=(f"{STORAGE}aws_s3_bucket_lifecycle_configuration.this*",)),
    Case("archive-later", config={"retention.archive_after_days": 60}),
    Case("job-files-shorter", config={"retention.job_files_days": 3}, loss=(TASKS,),
         keys={"": "retention.job_files_days"}),
    Case("job-files-longer", config={"retention.job_files_days": 30}, keys={"": "retention.job_files_days"}),
    Case("queues-shorter", config={"queues.retention_days": 1}, loss=("aws_sqs_queue.this*",)),
    Case("queues-longer", config={"queues.retention_days": 10}),
    Case("dead-letters-shorter", config={"queues.dead_letter_retention_days": 5}, loss=("aws_sqs_queue.dead_letter*",)),
    Case("fewer-deliveries", config={"queues.max_receive_count": 2}),
    # The provider keeps what is not given: the plan is empty.
    Case("queues-without-dead-letters", on="dev", template=((T_QUEUES, """  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter[each.key].arn
    maxReceiveCount     = var.queue_limits.max_receive_count
  })

""", ""),)),
    Case("versioning-off", on="dev", template=((T_BUCKETS, 'status = "Enabled"\n  }\n}\n\n# The logs bucket',
                                      'status = "Suspended"\n  }\n}\n\n# The logs bucket'),),
         loss=(f"{STORAGE}aws_s3_bucket_versioning.this*",)),
    Case("buckets-emptied-on-destroy", on="production",
         template=((T_BUCKETS, "force_destroy = var.allow_data_loss", "force_destroy = true"),),
         loss=(f"{STORAGE}aws_s3_bucket.this*",)),
    Case("lifecycle-for-ever", on="dev", template=((T_BUCKETS, "each.value.expiration_days > 0", "each.value.expiration_days > 9999"),)),
    Case("bucket-renamed", on="dev", template=((T_BUCKETS, 'bucket        = "${var.prefix}-${each.key}-${var.account_id}"',
                                      'bucket        = "${var.prefix}-${each.key}-files-${var.account_id}"'),),
         loss=(f"{STORAGE}aws_s3_bucket.this*",), keys={"": f"templates/{T_BUCKETS}"}),
    Case("files-unencrypted", on="dev", template=((T_FILES, "encrypted       = true\n  kms_key_id      = var.key_arn",
                                         "encrypted       = false"),),
         loss=(f"{STORAGE}aws_efs_file_system.this", f"{STORAGE}aws_efs_mount_target.this*",
               f"{STORAGE}aws_efs_access_point.this*"),
         security=(f"{STORAGE}aws_efs_file_system.this",),
         downtime=(f"{STORAGE}aws_efs_file_system.this", f"{STORAGE}aws_efs_mount_target.this*",
                   f"{STORAGE}aws_efs_access_point.this*"), keys={"": f"templates/{T_FILES}"}),
    Case("files-bursting", on="dev", template=((T_FILES, 'throughput_mode = "elastic"', 'throughput_mode = "bursting"'),)),
    Case("files-other-folder", on="dev", template=((T_FILES, "path = each.value", 'path = "/new${each.value}"'),),
         loss=(f"{STORAGE}aws_efs_access_point.this*",), downtime=(f"{STORAGE}aws_efs_access_point.this*",),
         keys={"": f"templates/{T_FILES}"}),
    Case("files-as-root", on="dev", template=((T_FILES, "posix_user {\n    uid = var.container_user.uid", "posix_user {\n    uid = 0"),),
         loss=(f"{STORAGE}aws_efs_access_point.this*",), security=(f"{STORAGE}aws_efs_access_point.this*",),
         downtime=(f"{STORAGE}aws_efs_access_point.this*",), keys={"": f"templates/{T_FILES}"}),
    Case("files-policy-without-mount-targets", on="dev", template=((T_FILES, """    condition {
      test     = "Bool"
      variable = "elasticfilesystem:AccessedViaMountTarget"
      values   = ["true"]
    }
""", ""),), security=(f"{STORAGE}aws_efs_file_system_policy.this",)),
    Case("keys-shorter-window", on="production",
         template=((T_KEYS, "var.protection.deletion_protection ? 30 : 7", "7"),), loss=("aws_kms_key.this*",)),
    Case("keys-not-rotated", on="dev", template=((T_KEYS, "enable_key_rotation     = true", "enable_key_rotation     = false"),),
         security=("aws_kms_key.this*",)),
    Case("keys-described-anew", on="dev", template=((T_KEYS, '"${local.prefix}: ${each.value.description}"',
                                           '"${local.prefix} ${each.value.description}"'),)),
    Case("a-key-less", on="dev", template=((T_KEYS, '    secrets  = { description = "Secrets Manager", services = [] }\n', ""),
                                 ("32-secrets.tf.j2", 'aws_kms_key.this["secrets"].arn', 'aws_kms_key.this["storage"].arn'),
                                 (T_RDS, 'aws_kms_key.this["secrets"].key_id', 'aws_kms_key.this["storage"].key_id'),
                                 (T_ROLES, 'aws_kms_key.this["secrets"].arn', 'aws_kms_key.this["storage"].arn')),
         loss=('aws_kms_key.this["secrets"]',),
         # The others have no secrets.
         security=('aws_iam_role_policy.execution["api"]', 'aws_iam_role_policy.execution["orchestrator"]'),
         cost=('aws_kms_key.this["secrets"]',)),
    Case("secrets-gone-at-once", on="production",
         template=(("32-secrets.tf.j2", "var.protection.deletion_protection ? 30 : 0", "0"),),
         loss=("aws_secretsmanager_secret.this*",)),
    Case("backups-shorter", on="dev", template=((T_BACKUP, "max(var.database.backup_days, 7)", "3"),), loss=("aws_backup_plan.this",)),
    Case("backups-weekly", on="dev", template=((T_BACKUP, "cron(0 8 * * ? *)", "cron(0 8 ? * SUN *)"),),
         loss=("aws_backup_plan.this",)),
    Case("backups-an-hour-later", on="dev", template=((T_BACKUP, "cron(0 8 * * ? *)", "cron(0 9 * * ? *)"),)),
    Case("backups-without-files", on="dev", template=((T_BACKUP, """\
[{{ "aws_db_instance.this.arn, " if env.database.engine == "postgres" else "" }}module.shared_storage.file_system_arn]""",
                                             "[aws_db_instance.this.arn]"),),
         loss=("aws_backup_selection.this",), keys={"": f"templates/{T_BACKUP}"}),
    Case("vault-emptied-on-destroy", on="production",
         template=((T_BACKUP, "force_destroy = !var.protection.deletion_protection", "force_destroy = true"),),
         loss=("aws_backup_vault.this",)),
    Case("fewer-images-kept", on="dev", template=(("23-images.tf.j2", "countNumber = 30", "countNumber = 5"),),
         loss=("aws_ecr_lifecycle_policy.this*",), keys={"": "templates/23-images.tf.j2"}),
    Case("more-images-kept", on="dev", template=(("23-images.tf.j2", "countNumber = 30", "countNumber = 60"),), keys={"": "templates/23-images.tf.j2"}),
    Case("images-in-the-shared-account", on="dev", config={"images.registry": "shared"},
         loss=("aws_ecr_repository.this*",), security=("aws_iam_role_policy.execution*", "aws_iam_role_policy.github_deploy"),
         keys={"": "images.registry"}),
    Case("table-without-recovery", on="dev", template=((T_EXTRAS, "point_in_time_recovery {\n    enabled = true",
                                                        "point_in_time_recovery {\n    enabled = false"),),
         loss=("aws_dynamodb_table.sessions",)),
    Case("table-unprotected", on="dev", template=((T_EXTRAS, "deletion_protection_enabled = true",
                                                   "deletion_protection_enabled = false"),),
         loss=("aws_dynamodb_table.sessions",)),
    Case("table-with-another-key", on="dev",
         template=((T_EXTRAS, 'hash_key                    = "id"', 'hash_key                    = "user"'),
                   (T_EXTRAS, 'name = "id"', 'name = "user"')),
         loss=("aws_dynamodb_table.sessions",), downtime=("aws_dynamodb_table.sessions",),
         keys={"": f"templates/{T_EXTRAS}"}),
    Case("volume-unencrypted", on="dev", template=((T_EXTRAS, "encrypted         = true", "encrypted         = false"),),
         loss=("aws_ebs_volume.scratch",), security=("aws_ebs_volume.scratch",), downtime=("aws_ebs_volume.scratch",),
         keys={"": f"templates/{T_EXTRAS}"}),
    Case("volume-bigger", on="dev", template=((T_EXTRAS, "size              = 20", "size              = 50"),),
         cost=("aws_ebs_volume.scratch",)),
)  # fmt: skip

DOORS = (
    Case("allow-list-closes", config={"edge.allow_list": ["203.0.113.0/24"]}),
    Case("allow-list-gone", on="dev", config={"edge.allow_list": []},
         security=('aws_vpc_security_group_ingress_rule.public["80-0.0.0.0/0"]', "aws_wafv2_web_acl.this")),
    Case("allow-list-shorter", on="dev", config={"edge.allow_list": ["203.0.113.0/24"]}),
    Case("allow-list-longer", on="dev", config={"edge.allow_list": ["203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24"]},
         security=('aws_vpc_security_group_ingress_rule.public["80-192.0.2.0/24"]', "aws_wafv2_ip_set.allowed")),
    Case("allow-list-wider", on="dev", config={"edge.allow_list": ["203.0.112.0/23", "198.51.100.0/24"]},
         security=('aws_vpc_security_group_ingress_rule.public["80-203.0.112.0/23"]', "aws_wafv2_ip_set.allowed")),
    Case("allow-list-narrower", on="dev", config={"edge.allow_list": ["203.0.113.0/25", "198.51.100.0/24"]}),
    Case("rate-limit-up", config={"edge.requests_per_5_minutes": 10000}, security=("aws_wafv2_web_acl.this",)),
    Case("rate-limit-down", config={"edge.requests_per_5_minutes": 1000}),
    Case("idle-timeout", config={"edge.idle_timeout_seconds": 60}),
    Case("firewall-only-counts", on="dev", template=((T_WAF, '"AWSManagedRulesSQLiRuleSet", "priority": 40, "action": "none"',
                                            '"AWSManagedRulesSQLiRuleSet", "priority": 40, "action": "count"'),),
         security=("aws_wafv2_web_acl.this",)),
    Case("firewall-blocks-more", on="dev", template=((T_WAF, '"AWSManagedRulesAnonymousIpList", "priority": 15, "action": "count"',
                                            '"AWSManagedRulesAnonymousIpList", "priority": 15, "action": "none"'),)),
    Case("firewall-a-rule-less", on="dev", template=((T_WAF, '  {"name": "AWSManagedRulesSQLiRuleSet", "priority": 40, "action": "none", "counted": []},\n', ""),),
         security=("aws_wafv2_web_acl.this",)),
    Case("firewall-not-logged", on="dev", template=((T_WAF, """  redacted_fields {
    single_header {
      name = "authorization"
    }
  }
""", ""),), security=("aws_wafv2_web_acl_logging_configuration.this",)),
    Case("firewall-taken-away", on="dev", template=((T_WAF, """resource "aws_wafv2_web_acl_association" "this" {
  resource_arn = aws_lb.this.arn
  web_acl_arn  = aws_wafv2_web_acl.this.arn
}
""", ""),), security=("aws_wafv2_web_acl_association.this",)),
    Case("test-port-for-all", on="dev", template=((T_SG, "cidr_ipv4         = var.network.cidr", 'cidr_ipv4         = "0.0.0.0/0"'),),
         security=("aws_vpc_security_group_ingress_rule.test",)),
    Case("test-port-for-fewer", on="dev", template=((T_SG, "cidr_ipv4         = var.network.cidr",
                                           "cidr_ipv4         = cidrsubnet(var.network.cidr, 2, 1)"),)),
    Case("public-ports", on="dev", template=((T_SG, "to_port           = each.value.port\n  description       = \"Clients\"",
                                    "to_port           = 65535\n  description       = \"Clients\""),),
         security=("aws_vpc_security_group_ingress_rule.public*",)),
    Case("egress-narrower", on="dev", template=((T_SG, 'cidr_ipv4         = "0.0.0.0/0"', 'cidr_ipv4         = "10.0.0.0/8"'),)),
    Case("egress-all-ports", on="dev", template=((T_SG, '  ip_protocol       = "tcp"\n  from_port         = 443\n  to_port           = 443\n',
                                        '  ip_protocol       = "-1"\n'),),
         security=("aws_vpc_security_group_egress_rule.https*",)),
    Case("rules-described-anew", on="dev", template=((T_SG, 'description       = "Clients"', 'description       = "All clients"'),)),
    Case("inline-group-wider", on="dev", template=((T_EXTRAS, '"203.0.113.0/24"', '"203.0.0.0/16"'),),
         security=("aws_security_group.inline",)),
    Case("inline-group-narrower", on="dev", template=((T_EXTRAS, '"203.0.113.0/24"', '"203.0.113.7/32"'),)),
    Case("inline-group-closed", on="dev", template=((T_EXTRAS, """  ingress {
    description = "Office"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["203.0.113.0/24"]
  }
""", "  ingress = []\n"),)),
    Case("old-tls", template=((T_ALB, "ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-2016-08"),),
         security=("aws_lb_listener.production", "aws_lb_listener.test")),
    Case("stricter-tls", template=((T_ALB, "ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-TLS13-1-3-2021-06"),)),
    Case("headers-kept", on="dev", template=((T_ALB, "drop_invalid_header_fields = true", "drop_invalid_header_fields = false"),),
         security=("aws_lb.this",)),
    Case("access-logs-off", on="dev", template=((T_ALB, 'prefix  = "alb"\n    enabled = true', 'prefix  = "alb"\n    enabled = false'),),
         security=("aws_lb.this",)),
    Case("balancer-unprotected", on="production",
         template=((T_ALB, "enable_deletion_protection = var.protection.deletion_protection",
                    "enable_deletion_protection = false"),), downtime=("aws_lb.this",)),
    Case("no-redirect-to-https", template=((T_ALB, """    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
""", """    type             = "forward"
    target_group_arn = aws_lb_target_group.api["blue"].arn
"""),), security=("aws_lb_listener.http",)),
    Case("without-a-domain", config={"domain": None},
         security=("aws_lb_listener.production", "aws_lb_listener.test"),
         downtime=("aws_route53_record.this", "aws_lb_listener.http"), keys={"": "domain"}),
    Case("another-domain", config={"domain.name": "lessons-staging.tfs.services"},
         security=(f'{STORAGE}aws_s3_bucket_cors_configuration.this["media"]',),
         downtime=("aws_route53_record.this",), keys={"": "domain.name"}),
    Case("public-access", on="dev", template=((T_BUCKETS, "block_public_policy     = true", "block_public_policy     = false"),),
         security=(f"{STORAGE}aws_s3_bucket_public_access_block.this*",)),
    Case("buckets-with-amazons-key", on="dev", template=((T_BUCKETS, 'each.key == "logs" ? "AES256" : "aws:kms"', '"AES256"'),
                                               (T_BUCKETS, 'each.key == "logs" ? null : var.key_arn', "null")),
         security=(f'{STORAGE}aws_s3_bucket_server_side_encryption_configuration.this["archive"]',
                   f'{STORAGE}aws_s3_bucket_server_side_encryption_configuration.this["media"]')),
    Case("objects-owned-by-writers", on="dev", template=((T_BUCKETS, "BucketOwnerEnforced", "BucketOwnerPreferred"),),
         security=(f"{STORAGE}aws_s3_bucket_ownership_controls.this*",)),
    Case("bucket-access-not-logged", on="dev", template=((T_BUCKETS, 'toset(["archive", "media"])', 'toset(["archive"])'),),
         security=(f'{STORAGE}aws_s3_bucket_logging.this["media"]',)),
    Case("queues-unencrypted", on="dev", template=((T_QUEUES, 'kms_master_key_id                 = aws_kms_key.this["messages"].arn\n'
                                          "  kms_data_key_reuse_period_seconds = 300\n\n  redrive",
                                          "sqs_managed_sse_enabled           = false\n\n  redrive"),),
         security=("aws_sqs_queue.this*",)),
    Case("trail-off", config={"audit.trail": False}, security=("aws_cloudtrail.data",)),
    Case("trail-without-digests", template=(("54-audit.tf.j2", "enable_log_file_validation    = true",
                                             "enable_log_file_validation    = false"),), security=("aws_cloudtrail.data",)),
    Case("flow-log-of-rejects-only", on="dev", template=(("10-networking.tf.j2", '"ALL"', '"REJECT"'),),
         security=("aws_flow_log.this",), keys={"": "templates/10-networking.tf.j2"}),
    Case("logs-without-a-key", on="dev", template=((T_TASKS, "  kms_key_id        = var.log_key_arn\n", ""),),
         security=(f"{SERVICES}aws_cloudwatch_log_group.this*",)),
    Case("host-metadata-open", on="dev", template=((T_GPU, 'http_tokens                 = "required"',
                                          'http_tokens                 = "optional"'),),
         security=(f"{GPU}aws_launch_template.this",)),
    Case("host-volumes-unencrypted", on="dev", template=((T_GPU, "encrypted             = true\n      kms_key_id            = var.volume_key_arn",
                                                "encrypted             = false"),),
         security=(f"{GPU}aws_launch_template.this",)),
    Case("host-agent-setting", on="dev", template=((T_GPU, "ECS_CONTAINER_STOP_TIMEOUT=120s", "ECS_CONTAINER_STOP_TIMEOUT=100s"),)),
    Case("public-addresses", on="dev", template=((T_SERVICES, "assign_public_ip = false", "assign_public_ip = true"),),
         security=(f"{SERVICES}aws_ecs_service.*",)),
    Case("subnets-give-public-addresses", on="dev", template=(("10-networking.tf.j2", "map_public_ip_on_launch = false",
                                                     "map_public_ip_on_launch = true"),), security=("aws_subnet.public*",)),
    Case("containers-write-anywhere", on="dev", template=((T_TASKS, "readonlyRootFilesystem = true", "readonlyRootFilesystem = false"),),
         security=(TASKS,), keys={"": f"templates/{T_TASKS}"}),
    Case("containers-as-root", on="dev", template=((T_TASKS, '"${var.container_user.uid}:${var.container_user.gid}"', '"0:0"'),),
         security=(TASKS,), keys={"": f"templates/{T_TASKS}"}),
    Case("files-in-clear-over-the-wire", on="dev", template=((T_TASKS, 'transit_encryption = "ENABLED"', 'transit_encryption = "DISABLED"'),
                                                   (T_TASKS, 'iam             = "ENABLED"', 'iam             = "DISABLED"')),
         security=(TASKS,), keys={"": f"templates/{T_TASKS}"}),
    Case("exec-on", config={"services.orchestrator.exec_enabled": True},
         security=(f'{SERVICES}aws_ecs_service.rolling["orchestrator"]', 'aws_iam_role_policy.task["orchestrator"]')),
    Case("exec-off", config={"services.api.exec_enabled": False}),
    Case("images-can-be-moved", on="dev", template=(("23-images.tf.j2", '"IMMUTABLE"', '"MUTABLE"'),),
         security=("aws_ecr_repository.this*",)),
    Case("images-not-scanned", on="dev", template=(("23-images.tf.j2", "scan_on_push = true", "scan_on_push = false"),),
         security=("aws_ecr_repository.this*",)),
    Case("exec-log-in-clear", on="dev", template=(("20-compute-ecs.tf.j2", "cloud_watch_encryption_enabled = true",
                                         "cloud_watch_encryption_enabled = false"),), security=("aws_ecs_cluster.this",)),
)  # fmt: skip

POLICIES = (
    Case("queues-for-anybody", on="dev", template=((T_QUEUES, '    effect    = "Deny"\n    actions   = ["sqs:*"]',
                                          '    effect    = "Allow"\n    actions   = ["sqs:*"]'),),
         security=("aws_sqs_queue_policy.*",)),
    Case("secrets-more-actions", on="dev", template=((T_ROLES, 'actions   = ["secretsmanager:GetSecretValue"]',
                                            'actions   = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]'),),
         security=("aws_iam_role_policy.execution*",)),
    Case("logs-fewer-actions", on="dev", template=((T_ROLES, 'actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]',
                                          'actions   = ["logs:PutLogEvents"]'),)),
    Case("logs-of-everybody", on="dev", template=((T_ROLES, "log-group:/thoth/${var.environment}/${each.key}:*", "log-group:*"),),
         security=("aws_iam_role_policy.execution*",)),
    Case("apply-as-administrator", on="dev", template=((T_GITHUB, "aws:policy/PowerUserAccess", "aws:policy/AdministratorAccess"),),
         security=("aws_iam_role_policy_attachment.github_apply",), keys={"": f"templates/{T_GITHUB}"}),
    Case("apply-as-reader", on="dev", template=((T_GITHUB, "aws:policy/PowerUserAccess", "aws:policy/ReadOnlyAccess"),),
         keys={"": f"templates/{T_GITHUB}"}),
    Case("any-branch", on="dev", template=((T_GITHUB, 'test     = "StringEquals"\n      variable = "${local.github_issuer}:sub"\n'
                                  '      values   = ["repo:${var.github_repository}:${each.value}"]',
                                  'test     = "StringLike"\n      variable = "${local.github_issuer}:sub"\n'
                                  '      values   = ["repo:${var.github_repository}:*"]'),),
         security=("aws_iam_role.github*",)),
    Case("any-audience", on="dev", template=((T_GITHUB, """    condition {
      test     = "StringEquals"
      variable = "${local.github_issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }

""", ""),), security=("aws_iam_role.github*",)),
    Case("another-repository", config={"github.repository": "somebody/else"}, security=("aws_iam_role.github*",)),
    Case("other-environments-too", on="dev", template=((T_GITHUB, 'variable = "aws:ResourceTag/Environment"\n      values   = [var.environment, "shared"]',
                                              'variable = "aws:ResourceTag/Environment"\n      values   = [var.environment, "shared", "production"]'),),
         security=("aws_iam_role_policy.github_apply",)),
    Case("own-environment-only", on="dev", template=((T_GITHUB, 'values   = [var.environment, "shared"]', "values   = [var.environment]"),)),
    Case("contents-readable", on="dev", template=((T_GITHUB, '      "secretsmanager:GetSecretValue",\n      "sqs:ReceiveMessage",\n    ]\n    resources = ["*"]',
                                         '      "sqs:ReceiveMessage",\n    ]\n    resources = ["*"]'),),
         security=("aws_iam_role_policy.github_plan", "aws_iam_role_policy.github_watch", "aws_iam_role_policy.github_apply")),
    Case("more-is-denied", on="dev", template=((T_GITHUB, '      "sqs:ReceiveMessage",\n    ]\n    resources = ["*"]',
                                      '      "sqs:ReceiveMessage",\n      "ssm:GetParameter",\n    ]\n    resources = ["*"]'),)),
    Case("statements-renamed", on="dev", template=((T_ROLES, 'sid       = "WriteLogs"', 'sid       = "Logs"'),)),
    Case("key-for-anybody", on="dev", template=((T_KEYS, 'Principal = { AWS = "arn:${local.partition}:iam::${var.account_id}:root" }',
                                       'Principal = "*"'),), security=("aws_kms_key.this*",)),
    Case("key-for-another-service", on="dev", template=((T_KEYS, '"budgets.amazonaws.com", "events.amazonaws.com"]',
                                               '"budgets.amazonaws.com", "events.amazonaws.com", "s3.amazonaws.com"]'),),
         security=('aws_kms_key.this["messages"]',)),
    Case("key-for-a-service-less", on="dev", template=((T_KEYS, '"budgets.amazonaws.com", "events.amazonaws.com"]',
                                              '"events.amazonaws.com"]'),)),
    Case("alarms-from-anybody", on="dev", template=(("50-monitoring.tf.j2", """    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
""", ""),), security=("aws_sns_topic_policy.alarms",)),
    Case("role-for-lambda-too", on="dev", template=((T_EXTRAS, '"ec2.amazonaws.com"', '["ec2.amazonaws.com", "lambda.amazonaws.com"]'),),
         security=("aws_iam_role.reader",)),
    Case("policy-from-any-network", on="dev", template=((T_EXTRAS, """        Condition = {
          StringEquals = { "aws:SourceVpc" = ["vpc-1", "vpc-2"] }
        }
""", ""),), security=("aws_iam_policy.reader",)),
    Case("policy-from-one-more-network", on="dev", template=((T_EXTRAS, '["vpc-1", "vpc-2"]', '["vpc-1", "vpc-2", "vpc-3"]'),),
         security=("aws_iam_policy.reader",)),
    Case("policy-from-one-network", on="dev", template=((T_EXTRAS, '["vpc-1", "vpc-2"]', '["vpc-1"]'),)),
    Case("policy-of-every-object", on="dev", template=((T_EXTRAS, '"arn:aws:s3:::thoth-dev-archive-087439708020/*"', '"arn:aws:s3:::thoth-dev-*"'),),
         security=("aws_iam_policy.reader",)),
    Case("policy-of-fewer-objects", on="dev", template=((T_EXTRAS, "thoth-dev-archive-087439708020/*", "thoth-dev-archive-087439708020/jobs/*"),)),
    Case("policy-writes", on="dev", template=((T_EXTRAS, '["s3:GetObject", "s3:GetObjectVersion"]', '["s3:GetObject*", "s3:PutObject"]'),),
         security=("aws_iam_policy.reader",)),
    Case("policy-reads-less", on="dev", template=((T_EXTRAS, '["s3:GetObject", "s3:GetObjectVersion"]', '"s3:GetObject"'),)),
    Case("policy-with-actions-turned", on="dev", template=((T_EXTRAS, '["s3:GetObject", "s3:GetObjectVersion"]', '["s3:GetObjectVersion", "s3:getobject"]'),)),
    Case("policy-denies-less", on="dev", template=((T_EXTRAS, 'Action   = "s3:*"', 'Action   = "s3:Get*"'),),
         security=("aws_iam_policy.reader",)),
    Case("policy-not-attached", on="dev", template=((T_EXTRAS, """resource "aws_iam_role_policy_attachment" "reader" {
  role       = aws_iam_role.reader.name
  policy_arn = aws_iam_policy.reader.arn
}
""", ""),)),
    Case("policy-attached-besides", on="dev", template=(("", "", """resource "aws_iam_role_policy_attachment" "more" {
  role       = aws_iam_role.reader.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
}
"""),), security=("aws_iam_role_policy_attachment.more",)),
    Case("door-opened-besides", on="dev", template=(("", "", """resource "aws_vpc_security_group_ingress_rule" "ssh" {
  security_group_id = aws_security_group.this["gpu-hosts"].id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}
"""),), security=("aws_vpc_security_group_ingress_rule.ssh",)),
)  # fmt: skip

COMPUTE = (
    Case("bigger-hosts", config={"gpu_pools.main.instance_type": "g4dn.2xlarge",
                                 "gpu_pools.main.spot.alternatives": ["g4dn.xlarge", "g5.xlarge"]},
         cost=(f"{GPU}aws_launch_template.this", f"{GPU}aws_autoscaling_group.this*"),
         keys={"": "gpu_pools.main.instance_type"}),
    Case("more-hosts", config={"gpu_pools.main.on_demand.max": 3},
         cost=(f'{GPU}aws_autoscaling_group.this["on-demand"]',)),
    Case("no-spot", config={"gpu_pools.main.spot.enabled": False},
         downtime=(f'{GPU}aws_autoscaling_group.this["spot"]', f'{GPU}aws_ecs_capacity_provider.this["spot"]',
                   f'{SERVICES}aws_ecs_service.rolling["transcription"]'),
         cost=(f'{GPU}aws_autoscaling_group.this["spot"]',), keys={"": "gpu_pools.main.spot.enabled"}),
    Case("bigger-host-volumes", config={"gpu_pools.main.volume_gib": 200}, cost=(f"{GPU}aws_launch_template.this",)),
    Case("pinned-host-image", config={"gpu_pools.main.ami_id": "ami-0123456789abcdef0"}),
    Case("spot-price", config={"gpu_pools.main.spot.max_price": 0.3}),
    Case("more-tasks", config={"services.api.scaling.max": 10},
         cost=(f'{SERVICES}aws_appautoscaling_target.this["api"]',)),
    Case("more-tasks-always", config={"services.api.scaling.min": 2},
         cost=(f'{SERVICES}aws_appautoscaling_target.this["api"]',)),
    Case("another-cpu-target", config={"services.api.scaling.target_percent": 40}),
    Case("fixed-size", config={"services.api.scaling": {"kind": "fixed", "tasks": 1}},
         downtime=(f'{SERVICES}aws_appautoscaling_target.this["api"]',)),
    Case("bigger-tasks", config={"services.api.launch.cpu": 1024, "services.api.launch.memory_mib": 2048},
         cost=(TASKS,), keys={TASKS: "services.api.launch.cpu"}),
    Case("smaller-tasks", on="production", config={"services.orchestrator.launch.memory_mib": 2048},
         cost=(TASKS,), keys={TASKS: "services.orchestrator.launch.memory_mib"}),
    Case("somebody-elses-api", config={"services.api.image": "ghcr.io/somebody/api:1.2.3"}, keys={"": "services.api.image"}),
    Case("another-image", config={"images.digests.api": "sha256:" + "ab" * 32}, keys={TASKS: "images.digests.api"}),
    Case("always-on", config={"off_hours": None}, cost=(f"{SERVICES}aws_appautoscaling_scheduled_action.*",)),
    Case("off-at-night", on="production",
         config={"off_hours": {"time_zone": "America/New_York", "stop_at": "22:00", "start_at": "06:00", "days": ["MON", "FRI"]}},
         downtime=(f"{SERVICES}aws_appautoscaling_scheduled_action.stop*",),
         cost=(f"{SERVICES}aws_appautoscaling_scheduled_action.stop*",)),
    Case("off-an-hour-later", config={"off_hours.stop_at": "21:00"}),
    Case("longer-visibility", config={"timeouts.transcription.visibility_seconds": 900},
         keys={"": "timeouts.transcription.visibility_seconds"}),
    Case("shorter-stop", config={"timeouts.stop_seconds": 90}, keys={"": "timeouts.stop_seconds"}),
    Case("another-model", config={"whisper.model": "medium"}, keys={"": "whisper.model"}),
    Case("more-logging", config={"logging.level": "DEBUG"}, keys={"": "logging.level"}),
    Case("all-tasks-at-once", on="dev", template=((T_SERVICES, "deployment_minimum_healthy_percent = each.value.deployment.minimum_percent",
                                         "deployment_minimum_healthy_percent = 0"),),
         downtime=(f'{SERVICES}aws_ecs_service.rolling["audio-extraction"]', f'{SERVICES}aws_ecs_service.rolling["music-terms"]',
                   f'{SERVICES}aws_ecs_service.rolling["orchestrator"]')),
    Case("no-circuit-breaker", on="dev", template=((T_SERVICES, "    enable   = true\n    rollback = true\n  }\n\n  dynamic \"alarms\"",
                                          "    enable   = true\n    rollback = false\n  }\n\n  dynamic \"alarms\""),)),
    Case("no-container-insights", on="dev", template=(("20-compute-ecs.tf.j2", 'value = "enabled"', 'value = "disabled"'),)),
    Case("another-name-of-the-cluster", on="dev", template=(("20-compute-ecs.tf.j2", "  name = local.prefix\n", '  name = "${local.prefix}-main"\n'),),
         downtime=("aws_ecs_cluster.this", f"{SERVICES}aws_ecs_service.*", "aws_ecs_cluster_capacity_providers.this",
                   f"{SERVICES}aws_appautoscaling_target.this*"),
         keys={"": "templates/20-compute-ecs.tf.j2"}),
)  # fmt: skip

ESTATE = (
    Case("a-gateway-per-zone", config={"network.nat": "per_zone"}, cost=("aws_nat_gateway.this*",)),
    Case("one-gateway", on="production", config={"network.nat": "single"},
         downtime=("aws_nat_gateway.this*", "aws_eip.nat*"), cost=("aws_nat_gateway.this*",)),
    Case("endpoints", config={"network.interface_endpoints": ["sqs", "logs"]}, cost=("aws_vpc_endpoint.interface*",)),
    Case("an-endpoint-less", on="production",
         config={"network.interface_endpoints": ["ecr.api", "ecr.dkr", "logs", "secretsmanager"]},
         cost=('aws_vpc_endpoint.interface["sqs"]',)),
    Case("more-budget", config={"budget.monthly_usd": 3000}, cost=("aws_budgets_budget.monthly",)),
    Case("less-budget", config={"budget.monthly_usd": 500}),
    Case("no-budget", config={"budget": None}, cost=("aws_budgets_budget.monthly",)),
    Case("another-recipient", config={"alarms.emails": ["infrastructure@truefirestudios.com", "night@truefirestudios.com"]}),
    Case("no-recipient", config={"alarms.emails": []}),
    Case("other-thresholds", config={"alarms.backlog_jobs": 50, "alarms.database_cpu_percent": 70}),
    Case("another-cost-centre", config={"tags.CostCenter": "learning"}),
    Case("one-more-tag", on="dev", config={"tags.Team": "learning"}),
    Case("a-new-alarm", on="dev", template=(("", "", """resource "aws_cloudwatch_metric_alarm" "more" {
  alarm_name          = "${local.prefix}-more"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  metric_name         = "NumberOfMessagesSent"
  namespace           = "AWS/SQS"
  period              = 60
  statistic           = "Sum"
  threshold           = 5
}
"""),)),
    Case("nothing"),
    Case("asked-for", options={"replace": 'aws_sqs_queue.this["audio-extraction"]'},
         loss=('aws_sqs_queue.this["audio-extraction"]',), keys={"": "--replace"}),
    Case("retention-changed-by-hand", outside="log_retention", loss=('module.ai_services.aws_cloudwatch_log_group.this["api"]',),
         keys={}),
    Case("versioning-suspended-by-hand", outside="versioning"),
    Case("door-opened-by-hand", outside="door"),
)  # fmt: skip

CASES = (*DATABASES, *STORED, *DOORS, *POLICIES, *COMPUTE, *ESTATE)
__all__ = ["CASES", "DROP"]
