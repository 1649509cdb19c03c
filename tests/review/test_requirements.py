"""What the user asked for (rows S1 and S2), in the plans of the committed environments.

``thoth_infra.review.requirements`` names these tests as proofs in docs/estate.md. What only apply tells is read from
the configuration that the plan carries, as references.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.plans import managed, plan_of
from tests.render.support import ENVIRONMENTS, PROJECT, ROOTS
from thoth_infra.config.load import load
from thoth_infra.contract import metrics
from thoth_infra.contract.services import SERVICES
from thoth_infra.render.tree import render
from thoth_infra.review.requirements import HIGH_LOAD, MUSIC_TERMS_ON_GPU, PEERING
from thoth_infra.terraform.version import read_pin

pytestmark = pytest.mark.terraform

each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)
INTERNET = "0.0.0.0/0"


def _after(environment: str, *types: str) -> dict[str, dict[str, Any]]:
    """Return the planned values of resources by their addresses."""
    return {change["address"]: change["change"]["after"] for change in managed(environment, *types)}


def _only(environment: str, kind: str) -> dict[str, Any]:
    (found,) = _after(environment, kind).values()
    return found


def _value(root: str, name: str) -> Any:
    return plan_of(root)["variables"][name]["value"]


def _resources(module: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from ((prefix + entry["address"], entry) for entry in module.get("resources", ()))
    for name, call in module.get("module_calls", {}).items():
        yield from _resources(call["module"], f"{prefix}module.{name}.")


def _references(environment: str, address: str, attribute: str) -> set[str]:
    found = dict(_resources(plan_of(environment)["configuration"]["root_module"]))[address]
    return set(found["expressions"][attribute]["references"])


def _tree(settings: tuple[str, ...]) -> Mapping[str, str]:
    return render(
        PROJECT, load(PROJECT, "staging", settings=settings, personal=False).environment, read_pin(PROJECT).version
    )


@each_environment
def test_services_run_where_they_were_asked_to(environment: str) -> None:
    tasks = {
        task["family"]: task["requires_compatibilities"]
        for task in _after(environment, "aws_ecs_task_definition").values()
    }
    services = {s["name"]: s for s in _after(environment, "aws_ecs_service").values()}
    configured = _value(environment, "services")

    assert set(services) == {service.name for service in SERVICES}
    assert tasks == {f"thoth-{environment}-{s.name}": ["EC2" if s.gpu else "FARGATE"] for s in SERVICES}
    assert {name for name, service in configured.items() if service["gpus"]} == {"transcription"}
    for name, service in services.items():
        providers = {strategy["capacity_provider"] for strategy in service["capacity_provider_strategy"]}
        if name == "transcription":
            assert providers and all(provider.startswith(f"thoth-{environment}-main-") for provider in providers)
        else:
            assert providers <= {"FARGATE", "FARGATE_SPOT"}


def test_music_terms_run_on_the_gpu_hosts_by_config() -> None:
    tfvars = _tree(MUSIC_TERMS_ON_GPU)["staging.auto.tfvars"]
    block = tfvars[tfvars.index("  music-terms = {") :]
    assert re.search(r'launch_type = "(\w+)"', block)[1] == "EC2"  # type: ignore[index]
    assert re.search(r'provider = "([^"]+)"', block)[1].startswith("main/")  # type: ignore[index]


@pytest.mark.parametrize(
    ("environment", "domain"),
    [("dev", None), ("staging", "thoth-staging.tfs.services"), ("production", "thoth.tfs.services")],
)
def test_each_environment_has_its_domain(environment: str, domain: str | None) -> None:
    records = [
        r["name"]
        for a, r in _after(environment, "aws_route53_record").items()
        if a.startswith("aws_route53_record.this")
    ]
    certificates = [c["domain_name"] for c in _after(environment, "aws_acm_certificate").values()]

    assert set(records) == set(certificates) == ({domain} if domain else set())
    if domain:
        listener = _after(environment, "aws_lb_listener")["aws_lb_listener.production"]
        assert (listener["protocol"], listener["ssl_policy"]) == ("HTTPS", "ELBSecurityPolicy-TLS13-1-2-2021-06")


@pytest.mark.parametrize("root", ROOTS)
def test_accounts_and_region_are_those_of_the_user(root: str) -> None:
    own, shared = "087439708020", "542876199144"
    assert _value(root, "region") == "us-east-1"
    assert _value(root, "account_id") == (shared if root == "shared" else own)
    providers = plan_of(root)["configuration"]["provider_config"]
    assert providers["aws"]["expressions"]["allowed_account_ids"]["references"] == ["var.account_id"]
    if "aws.shared" in providers:
        assert _value(root, "shared_account_id") == shared
        assert providers["aws.shared"]["expressions"]["allowed_account_ids"]["references"] == ["var.shared_account_id"]


@each_environment
def test_the_network_has_three_tiers_in_several_zones(environment: str) -> None:
    subnets = _after(environment, "aws_subnet")
    assert len(_after(environment, "aws_vpc")) == 1
    for tier in ("public", "private", "isolated"):
        wanted = 2 if environment == "dev" else 3
        zones = {s["availability_zone"] for a, s in subnets.items() if a.startswith(f"aws_subnet.{tier}[")}
        assert len(zones) == wanted, tier
    assert not any(subnet["map_public_ip_on_launch"] for subnet in subnets.values())
    assert _only(environment, "aws_flow_log")["traffic_type"] == "ALL"


@each_environment
def test_services_stand_in_private_subnets_and_the_load_balancer_in_public_ones(environment: str) -> None:
    for service in _after(environment, "aws_ecs_service").values():
        assert [network["assign_public_ip"] for network in service["network_configuration"]] == [False]
    calls = plan_of(environment)["configuration"]["root_module"]["module_calls"]
    assert "local.private_subnets" in calls["ai_services"]["expressions"]["subnet_ids"]["references"]
    assert "local.private_subnets" in calls["ecs_gpu_cluster"]["expressions"]["subnet_ids"]["references"]
    assert "local.public_subnets" in _references(environment, "aws_lb.this", "subnets")
    assert _only(environment, "aws_lb")["internal"] is False


@each_environment
def test_the_firewall_stands_before_the_load_balancer(environment: str) -> None:
    rules = {rule["name"] for rule in _only(environment, "aws_wafv2_web_acl")["rule"]}
    assert "aws_lb.this.arn" in _references(environment, "aws_wafv2_web_acl_association.this", "resource_arn")
    assert {
        "rate-limit", "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet",
        "AWSManagedRulesSQLiRuleSet", "AWSManagedRulesAmazonIpReputationList",
    } <= rules  # fmt: skip


@each_environment
def test_only_the_load_balancer_is_open_to_the_internet(environment: str) -> None:
    rules = _after(environment, "aws_vpc_security_group_ingress_rule")
    open_ = {address for address, rule in rules.items() if rule["cidr_ipv4"] or rule["cidr_ipv6"]}
    flows = {a for a in rules if a.startswith("aws_vpc_security_group_ingress_rule.flow[")}

    assert flows and not open_ & flows
    for address in open_:
        name = re.sub(r"\[.*", "", address)
        group = _references(environment, name, "security_group_id")
        assert 'aws_security_group.this["alb"].id' in group, address
    # The listener of deployments is for the VPC alone.
    anywhere = {re.sub(r"\[.*", "", a) for a in open_ if rules[a]["cidr_ipv4"] == INTERNET or rules[a]["cidr_ipv6"]}
    assert anywhere == {"aws_vpc_security_group_ingress_rule.public"}
    # A flow is one port from one group to another, on both sides.
    for side in ("ingress", "egress"):
        found = _after(environment, f"aws_vpc_security_group_{side}_rule")
        pairs = {a: r for a, r in found.items() if ".flow[" in a}
        assert {re.sub(r".*\[", "", a) for a in pairs} == {f'"{key}"]' for key in _value(environment, "flows")}
        assert all(rule["from_port"] == rule["to_port"] and rule["ip_protocol"] == "tcp" for rule in pairs.values())


@each_environment
def test_files_are_encrypted_shared_and_backed_up(environment: str) -> None:
    system = _only(environment, "aws_efs_file_system")
    points = {point["root_directory"][0]["path"] for point in _after(environment, "aws_efs_access_point").values()}
    covered = _references(environment, "aws_backup_selection.this", "resources")

    assert (system["encrypted"], system["throughput_mode"]) == (True, "elastic")
    assert points == {"/jobs", "/models"}
    assert len(_after(environment, "aws_efs_mount_target")) == (2 if environment == "dev" else 3)
    assert {"module.shared_storage.file_system_arn", "aws_db_instance.this.arn"} <= covered
    assert _after(environment, "aws_backup_plan")["aws_backup_plan.this"]["rule"][0]["schedule"].startswith("cron(")
    volumes = [v for task in _after(environment, "aws_ecs_task_definition").values() for v in task["volume"]]
    for efs in (efs for volume in volumes for efs in volume["efs_volume_configuration"]):
        assert efs["transit_encryption"] == "ENABLED"
        assert efs["authorization_config"][0]["iam"] == "ENABLED"


@each_environment
def test_buckets_are_encrypted_versioned_and_closed(environment: str) -> None:
    buckets = [f'module.shared_storage.{{}}.this["{name}"]' for name in ("archive", "logs", "media")]
    assert set(_after(environment, "aws_s3_bucket")) == {bucket.format("aws_s3_bucket") for bucket in buckets}
    for bucket in buckets:
        rules = _after(environment, "aws_s3_bucket_server_side_encryption_configuration")
        (rule,) = rules[bucket.format("aws_s3_bucket_server_side_encryption_configuration")]["rule"]
        # The load balancer writes its logs with S3's own keys only.
        wanted = "AES256" if '"logs"' in bucket else "aws:kms"
        assert rule["apply_server_side_encryption_by_default"][0]["sse_algorithm"] == wanted
        versioning = _after(environment, "aws_s3_bucket_versioning")[bucket.format("aws_s3_bucket_versioning")]
        assert versioning["versioning_configuration"][0]["status"] == "Enabled"
        closed = _after(environment, "aws_s3_bucket_public_access_block")[
            bucket.format("aws_s3_bucket_public_access_block")
        ]
        names = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
        assert all(closed[name] for name in names)


@each_environment
def test_the_database_is_postgres_encrypted_and_out_of_reach(environment: str) -> None:
    database = _only(environment, "aws_db_instance")
    production = environment == "production"

    assert (database["engine"], database["storage_encrypted"], database["publicly_accessible"]) == (
        "postgres",
        True,
        False,
    )
    assert (database["multi_az"], database["deletion_protection"], not database["skip_final_snapshot"]) == (
        production,
    ) * 3
    assert database["backup_retention_period"] >= (14 if production else 1)


@each_environment
def test_secrets_are_kept_in_secrets_manager(environment: str) -> None:
    assert _after(environment, "aws_secretsmanager_secret")
    database = _only(environment, "aws_db_instance")
    assert (database["manage_master_user_password"], database["password"]) == (True, None)
    assert not _after(environment, "aws_secretsmanager_secret_version"), "a value in Terraform is a value in its state"


@each_environment
def test_every_service_has_roles_of_its_own(environment: str) -> None:
    names = {role["name"] for role in _after(environment, "aws_iam_role").values()}
    for service in SERVICES:
        assert {f"thoth-{environment}-{service.name}-task", f"thoth-{environment}-{service.name}-execution"} <= names


@each_environment
def test_what_users_leave_behind_is_erased_in_time(environment: str) -> None:
    for address, bucket in _after(environment, "aws_s3_bucket_lifecycle_configuration").items():
        rule = next(rule for rule in bucket["rule"] if rule["id"] == "retention")
        assert rule["expiration"][0]["days"] > 0, address
        assert rule["noncurrent_version_expiration"][0]["noncurrent_days"] > 0, address
    assert all(group["retention_in_days"] for group in _after(environment, "aws_cloudwatch_log_group").values())
    assert all(
        queue["message_retention_seconds"] <= 14 * 86_400 for queue in _after(environment, "aws_sqs_queue").values()
    )


@each_environment
def test_access_is_on_record(environment: str) -> None:
    assert _only(environment, "aws_lb")["access_logs"][0]["enabled"]
    assert len(_after(environment, "aws_wafv2_web_acl_logging_configuration")) == 1
    queries = {
        query["name"]: query["query_string"]
        for query in _after(environment, "aws_cloudwatch_query_definition").values()
    }
    assert "api_access" in queries[f"thoth-{environment}/api-audit"]
    assert {f"thoth-{environment}/{name}" for name in ("errors", "failed-jobs", "slowest-jobs", "job-trail")} <= set(
        queries
    )
    if environment != "dev":
        trail = _only(environment, "aws_cloudtrail")
        (selector,) = trail["event_selector"]
        assert (trail["enable_log_file_validation"], selector["read_write_type"]) == (True, "All")


def test_images_are_scanned_and_never_moved() -> None:
    repositories = _after("shared", "aws_ecr_repository")
    assert len(repositories) == len({service.image for service in SERVICES})
    for repository in repositories.values():
        assert repository["image_scanning_configuration"][0]["scan_on_push"]
        assert repository["image_tag_mutability"] == "IMMUTABLE"


@pytest.mark.parametrize(
    ("environment", "size"), [("dev", "g4dn.xlarge"), ("staging", "g4dn.xlarge"), ("production", "g4dn.2xlarge")]
)
def test_gpu_hosts_are_of_the_sizes_that_were_asked_for(environment: str, size: str) -> None:
    template = _only(environment, "aws_launch_template")
    (mapping,) = template["block_device_mappings"]
    assert template["instance_type"] == size
    assert (mapping["ebs"][0]["volume_type"], mapping["ebs"][0]["encrypted"]) == ("gp3", "true")
    assert template["metadata_options"][0]["http_tokens"] == "required"
    assert all(
        provider["name"].startswith(f"thoth-{environment}-main-")
        for provider in _after(environment, "aws_ecs_capacity_provider").values()
    )


def test_high_load_takes_the_larger_host() -> None:
    assert 'instance_types = ["g4dn.4xlarge"' in _tree(HIGH_LOAD)["staging.auto.tfvars"]


@each_environment
def test_spot_and_on_demand_are_groups_of_their_own(environment: str) -> None:
    shares = {}
    for group in _after(environment, "aws_autoscaling_group").values():
        assert (group["min_size"], group["protect_from_scale_in"]) == (0, True)
        (distribution,) = group["mixed_instances_policy"][0]["instances_distribution"]
        shares[group["name"].removeprefix(f"thoth-{environment}-main-")] = distribution[
            "on_demand_percentage_above_base_capacity"
        ]
    assert shares == {"on-demand": 100, "spot": 0}


@each_environment
def test_hosts_follow_the_recommended_image(environment: str) -> None:
    text = (PROJECT / "terraform" / environment / "21-compute-gpu.tf").read_text()
    assert "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id" in text
    for group in _after(environment, "aws_autoscaling_group").values():
        assert group["instance_refresh"][0]["strategy"] == "Rolling"


@each_environment
def test_off_hours_stop_the_workers_and_start_them_again(environment: str) -> None:
    found = _after(environment, "aws_appautoscaling_scheduled_action")
    stops = [action for address, action in found.items() if ".stop[" in address]
    starts = [action for address, action in found.items() if ".start[" in address]

    assert bool(found) == (environment != "production"), "lessons for production are uploaded around the clock"
    assert {action["resource_id"] for action in stops} == {action["resource_id"] for action in starts}
    for action in stops:
        assert action["scalable_target_action"][0] == {"min_capacity": "0", "max_capacity": "0"}
        assert action["timezone"] == "America/New_York"
    assert all(int(action["scalable_target_action"][0]["max_capacity"]) > 0 for action in starts)


@each_environment
def test_the_dashboard_shows_the_metrics_that_were_asked_for(environment: str) -> None:
    text = (PROJECT / "terraform" / environment / "52-dashboard.tf").read_text()
    body = " ".join(text.split())
    for metric in (metrics.GPU_UTILIZATION, metrics.STAGE_SECONDS, metrics.JOBS_FAILED, metrics.COST_PER_AUDIO_MINUTE):
        assert f'["{metrics.NAMESPACE}", "{metric.name}", "Environment", var.environment, "Service", name' in body
    assert '"AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.this[name].name' in body
    assert '{ label = "target", value = 70 }, { label = "target", value = 80 }' in body


@each_environment
def test_the_budget_warns_of_actual_and_forecast_cost(environment: str) -> None:
    budget = _only(environment, "aws_budgets_budget")
    assert {notice["notification_type"] for notice in budget["notification"]} == {"ACTUAL", "FORECASTED"}
    assert budget["cost_filter"] == [{"name": "TagKeyValue", "values": [f"user:Environment${environment}"]}]


def _allowed() -> dict[str, set[str]]:
    """Return the actions of the cross-account role by service."""
    (document,) = (
        c for c in plan_of("shared")["resource_changes"] if c["address"] == "data.aws_iam_policy_document.cross_account"
    )
    found: dict[str, set[str]] = {}
    for statement in document["change"]["after"]["statement"]:
        for action in statement["actions"]:
            found.setdefault(action.split(":")[0], set()).add(action.split(":")[1])
    return found


def test_the_shared_account_allows_what_was_asked_for_and_no_more() -> None:
    allowed = _allowed()
    assert allowed.pop("ecr") == {
        "GetAuthorizationToken",
        "BatchCheckLayerAvailability",
        "BatchGetImage",
        "GetDownloadUrlForLayer",
    }
    assert allowed.pop("s3") == {"GetObject", "PutObject", "ListBucket"}
    assert allowed.pop("secretsmanager") == {"DescribeSecret", "GetSecretValue"}
    assert allowed.pop("ec2") == {
        "AcceptVpcPeeringConnection", "CreateVpcPeeringConnection", "DeleteVpcPeeringConnection",
        "DescribeVpcPeeringConnections",
    }  # fmt: skip
    assert set(allowed) == {"route53"}


def test_the_shared_account_trusts_exact_roles() -> None:
    roles = {role["name"]: role["assume_role_policy"] for role in _after("shared", "aws_iam_role").values()}
    repositories = [policy["policy"] for policy in _after("shared", "aws_ecr_repository_policy").values()]

    assert "tfs-ai-cross-account-access" in roles
    for policy in (*roles.values(), *repositories):
        for statement in json.loads(policy)["Statement"]:
            trusted = statement["Principal"]["AWS"]
            trusted = [trusted] if isinstance(trusted, str) else trusted
            assert trusted and all(re.fullmatch(r"arn:aws:iam::087439708020:role/[\w-]+", arn) for arn in trusted)


def test_peering_reaches_the_shared_account() -> None:
    text = _tree(PEERING)["12-peering.tf"]
    assert re.search(r"peer_owner_id\s+= var\.shared_account_id", text)
    assert re.search(r"provider\s+= aws\.shared", text)


@each_environment
def test_revisions_stay_for_a_rollback(environment: str) -> None:
    tasks = _after(environment, "aws_ecs_task_definition").values()
    assert len(tasks) == len(SERVICES)
    assert all(task["skip_destroy"] for task in tasks)
