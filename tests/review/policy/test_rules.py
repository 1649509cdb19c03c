"""Each rule of ours holds for staging's real plan, and notices what is taken from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.review.policy.conftest import Damage, Draft
from thoth_infra.review.policy.findings import Level
from thoth_infra.review.policy.plan import Plan
from thoth_infra.review.policy.rules import RULES

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("policy-plan")]

API_TASKS = 'module.ai_services.aws_ecs_task_definition.this["api"]'
TASK_API = "data.aws_iam_policy_document.task_api"
QUEUE = 'aws_sqs_queue.this["transcription"]'
LETTERS = 'aws_sqs_queue.dead_letter["transcription"]'
BUCKET = 'module.shared_storage.aws_s3_bucket.this["media"]'
BLOCK = 'module.shared_storage.aws_s3_bucket_public_access_block.this["media"]'
SUBNET = 'aws_subnet.private["us-east-1a"]'
GROUP = 'module.ecs_gpu_cluster["main"].aws_autoscaling_group.this["spot"]'
TEMPLATE = 'module.ecs_gpu_cluster["main"].aws_launch_template.this'
API_SERVICE = 'module.ai_services.aws_ecs_service.blue_green["api"]'
FAILED_JOBS = 'aws_cloudwatch_metric_alarm.failed_jobs["transcription"]'
GPU_ALARM = 'aws_cloudwatch_metric_alarm.this["transcription-gpu-utilization"]'
BACKLOG_ALARM = 'aws_cloudwatch_metric_alarm.this["transcription-backlog"]'
SCALING = 'module.ai_services.aws_appautoscaling_policy.backlog["transcription"]'
WEB = 'aws_vpc_security_group_ingress_rule.public["443-0.0.0.0/0"]'
FLOW = 'aws_vpc_security_group_ingress_rule.flow["alb-to-api"]'
ANYWHERE = "0.0.0.0/0"


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_a_rule_holds_for_staging(draft: Draft, rule: str) -> None:
    assert [f for f in draft.findings(rule) if f.level is Level.FAILURE] == []


def test_every_rule_sees_something_of_staging(draft: Draft) -> None:
    """A rule that looked for a type or an attribute that is not there would hold always."""
    plan = Plan(draft.document)
    assert plan.environment == "staging"
    assert len(plan.managed) > 200
    assert len(plan.deferred) > 10


# -- tags and names --


def _untag(address: str, key: str) -> Damage:
    return lambda d: d.after(address)["tags_all"].pop(key)


def _group_tags(*keys: str) -> Damage:
    def damage(draft: Draft) -> None:
        group = draft.after(GROUP)
        group["tag"] = [t for t in group["tag"] if t["key"] not in keys]

    return damage


def _template_tags(resource_type: str) -> Damage:
    def damage(draft: Draft) -> None:
        template = draft.after(TEMPLATE)
        template["tag_specifications"] = [
            s for s in template["tag_specifications"] if s["resource_type"] != resource_type
        ]

    return damage


@pytest.mark.parametrize(
    ("damage", "address", "wrong"),
    [
        (_untag(QUEUE, "CostCenter"), QUEUE, "lacks the tag CostCenter"),
        (lambda d: d.after(QUEUE)["tags_all"].update(Owner=""), QUEUE, "lacks the tag Owner"),
        (lambda d: d.after(QUEUE)["tags_all"].update(Environment="production"), QUEUE, "Environment = production"),
        (_group_tags("Project", "Owner"), GROUP, "lacks the tags Project, Owner on its instances"),
        (_template_tags("volume"), TEMPLATE, "on each volume"),
        (_template_tags("instance"), TEMPLATE, "on each instance"),
        (lambda d: d.know(API_SERVICE, propagate_tags=None), API_SERVICE, "its tasks run without tags"),
    ],
)
def test_what_lacks_a_cost_tag_is_found(draft: Draft, damage: Damage, address: str, wrong: str) -> None:
    damage(draft)
    (finding,) = draft.findings("cost-tags")
    assert finding.address == address
    assert wrong in finding.wrong


def test_a_group_that_keeps_its_tags_to_itself_is_found(draft: Draft) -> None:
    for tag in draft.after(GROUP)["tag"]:
        tag["propagate_at_launch"] = False
    (finding,) = draft.findings("cost-tags")
    assert finding.address == GROUP


def test_tags_that_wait_for_apply_are_the_providers_and_its_own(draft: Draft) -> None:
    change = draft.change(QUEUE)
    del change["after"]["tags_all"]
    change["after_unknown"]["tags_all"] = True
    assert draft.findings("cost-tags") == []
    del draft.document["variables"]["tags"]["value"]["Owner"]
    assert [finding.address for finding in draft.findings("cost-tags")] == [QUEUE]


@pytest.mark.parametrize(
    ("address", "values", "wrong"),
    [
        (QUEUE, {"name": "thoth-transcription"}, "name is 'thoth-transcription', without 'staging'"),
        (QUEUE, {"name": "thoth-production-transcription"}, "without 'staging'"),
        (QUEUE, {"name": "thoth-stagings-transcription"}, "without 'staging'"),
        (BUCKET, {"bucket": "thoth-media-087439708020"}, "bucket is"),
        (API_TASKS, {"family": "thoth-api"}, "family is"),
        ("aws_db_instance.this", {"identifier": "thoth"}, "identifier is"),
        ("aws_db_instance.this", {"final_snapshot_identifier": "thoth-final"}, "final_snapshot_identifier is"),
        (FAILED_JOBS, {"alarm_name": "failed-jobs"}, "alarm_name is"),
        ("aws_codedeploy_deployment_group.api", {"deployment_group_name": "api"}, "deployment_group_name is"),
        ("aws_cloudwatch_dashboard.this", {"dashboard_name": "thoth"}, "dashboard_name is"),
        ('aws_kms_alias.this["logs"]', {"name": "alias/thoth-logs"}, "name is"),
        (SUBNET, {"tags": {"Name": "private"}}, "tag Name is 'private'"),
        (SUBNET, {"tags": None}, "has no tag Name"),
    ],
)
def test_a_name_without_its_environment_is_found(
    draft: Draft, address: str, values: dict[str, Any], wrong: str
) -> None:
    draft.know(address, **values)
    (finding,) = draft.findings("name-carries-environment")
    assert finding.address == address
    assert wrong in finding.wrong


def test_the_shared_accounts_side_names_no_environment(draft: Draft) -> None:
    draft.know(QUEUE, name="thoth")
    del draft.document["variables"]["environment"]
    assert draft.findings("name-carries-environment") == []
    assert Plan(draft.document).environment == "staging"  # by its tags


# -- identity policies and trust --


def _statement(index: int, **values: Any) -> Damage:
    return lambda d: d.after(TASK_API)["statement"][index].update(values)


def _inline(body: dict[str, Any]) -> Damage:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "Wide", "Effect": "Allow", **body}]})
    return lambda d: d.know("aws_iam_role_policy.github_plan", policy=policy)


@pytest.mark.parametrize(
    ("damage", "address", "wrong"),
    [
        (_statement(0, actions=["s3:*"]), TASK_API, "statement ObjectsMedia allows s3:*"),
        (_statement(0, actions=["s3:GetObject", "s3:Put*"]), TASK_API, "allows s3:Put*"),
        (_statement(0, not_actions=["iam:*"]), TASK_API, "allows everything but"),
        (_inline({"Action": "sqs:*", "Resource": "arn:aws:sqs:us-east-1:1:q"}), "aws_iam_role_policy.github_plan",
         "statement Wide allows sqs:*"),
        (_inline({"NotAction": "iam:PassRole", "Resource": "arn:aws:sqs:us-east-1:1:q"}),
         "aws_iam_role_policy.github_plan", "everything but"),
    ],
)  # fmt: skip
def test_a_wildcard_action_is_found(draft: Draft, damage: Damage, address: str, wrong: str) -> None:
    damage(draft)
    (finding,) = draft.findings("no-wildcard-action")
    assert finding.address == address
    assert wrong in finding.wrong


@pytest.mark.parametrize(
    ("damage", "wrong"),
    [
        (_statement(0, resources=["*"]), "s3:AbortMultipartUpload"),
        (_statement(0, resources=["arn:aws:s3:::*"]), "on every resource"),
        (_inline({"Action": "sqs:SendMessage", "Resource": "*"}), "sqs:SendMessage on every resource"),
    ],
)
def test_an_action_on_every_resource_is_found(draft: Draft, damage: Damage, wrong: str) -> None:
    damage(draft)
    (finding,) = draft.findings("no-wildcard-resource")
    assert wrong in finding.wrong


def test_a_refusal_may_be_wide(draft: Draft) -> None:
    _statement(0, effect="Deny", actions=["s3:*"], resources=["*"])(draft)
    assert draft.findings("no-wildcard-action") == []
    assert draft.findings("no-wildcard-resource") == []


def test_a_managed_policy_that_nobody_judged_is_found(draft: Draft) -> None:
    address = "aws_iam_role_policy_attachment.backup"
    draft.know(address, policy_arn="arn:aws:iam::aws:policy/AdministratorAccess")
    (finding,) = draft.findings("known-managed-policy")
    assert finding.address == address
    assert "AdministratorAccess" in finding.wrong


def test_a_managed_policy_of_ours_is_judged_by_its_statements(draft: Draft) -> None:
    arn = "arn:aws:iam::087439708020:policy/ours"
    draft.know("aws_iam_role_policy_attachment.backup", policy_arn=arn)
    assert draft.findings("known-managed-policy") == []


def _trusting(principal: Any, condition: dict[str, Any] | None = None, **more: Any) -> str:
    body = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **more}
    if condition is not None:
        body["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": body})


OIDC = {"Federated": "arn:aws:iam::087439708020:oidc-provider/token.actions.githubusercontent.com"}
SUB, AUD = "token.actions.githubusercontent.com:sub", "token.actions.githubusercontent.com:aud"
EXACT = {AUD: "sts.amazonaws.com", SUB: "repo:o/r:environment:staging"}
ECS = {"Service": "ecs-tasks.amazonaws.com"}
SOURCE = {"aws:SourceAccount": "087439708020"}


@pytest.mark.parametrize(
    ("policy", "wrong"),
    [
        (_trusting("*"), "trusts *"),
        (_trusting({"AWS": "*"}, {"StringEquals": SOURCE}), "trusts *"),
        (_trusting({"AWS": "arn:aws:iam::542876199144:root"}), "the whole account"),
        (_trusting({"AWS": "542876199144"}), "the whole account"),
        (_trusting({"AWS": "arn:aws:iam::542876199144:role/*"}), "anybody"),
        (_trusting(ECS), "confused deputy"),
        (_trusting(ECS, {"StringLike": SOURCE}), "confused deputy"),
        (_trusting(ECS, {"StringEquals": {"aws:SourceAccount": "*"}}), "confused deputy"),
        (_trusting(ECS, {"ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:*:*"}}), "confused deputy"),
        (_trusting(OIDC, {"StringEquals": {AUD: "sts.amazonaws.com"}}), "sub to exact values"),
        (_trusting(OIDC, {"StringEquals": {**EXACT, SUB: "repo:o/r:*"}}), "sub to exact values"),
        (_trusting(OIDC, {"StringLike": EXACT}), "aud to exact values"),
        (_trusting({}, NotPrincipal={"AWS": "arn:aws:iam::542876199144:role/x"}), "everybody but whom"),
    ],
)
def test_a_trust_that_lets_more_in_is_found(draft: Draft, policy: str, wrong: str) -> None:
    draft.know("aws_iam_role.backup", assume_role_policy=policy)
    findings = draft.findings("exact-trust")
    assert {finding.address for finding in findings} == {"aws_iam_role.backup"}
    assert wrong in " ".join(finding.wrong for finding in findings)


@pytest.mark.parametrize(
    "policy",
    [
        _trusting({"AWS": "arn:aws:iam::542876199144:role/deployer"}),
        _trusting({"Service": "ec2.amazonaws.com"}),
        _trusting(ECS, {"StringEquals": SOURCE}),
        _trusting(ECS, {"ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:087439708020:*"}}),
        _trusting(OIDC, {"StringEquals": EXACT}),
        _trusting({"AWS": "*"}, Effect="Deny"),
    ],
)
def test_an_exact_trust_holds(draft: Draft, policy: str) -> None:
    draft.know("aws_iam_role.backup", assume_role_policy=policy)
    assert draft.findings("exact-trust") == []


def test_a_trust_that_waits_for_apply_is_read_from_its_document(draft: Draft) -> None:
    statement = draft.after(TASK_API)["statement"][0]
    statement["actions"] = ["sts:AssumeRole"]
    statement["principals"] = [{"type": "AWS", "identifiers": ["542876199144"]}]
    (finding,) = draft.findings("exact-trust")
    assert finding.address == TASK_API


# -- the internet --

EVERYBODY = json.dumps(
    {"Statement": [{"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}]}
)
RULE = {"type": "ingress", "from_port": 22, "to_port": 22, "cidr_blocks": [ANYWHERE]}
BALANCER = {"internal": False, "load_balancer_type": "application", "security_groups": []}


@pytest.mark.parametrize(
    ("damage", "address", "wrong"),
    [
        (lambda d: d.know(SUBNET, map_public_ip_on_launch=True), SUBNET, "public addresses"),
        (lambda d: d.know("aws_db_instance.this", publicly_accessible=True), "aws_db_instance.this", "public address"),
        (lambda d: d.after(API_SERVICE)["network_configuration"][0].update(assign_public_ip=True), API_SERVICE,
         "public addresses"),
        (lambda d: d.know(TEMPLATE, network_interfaces=[{"associate_public_ip_address": "true"}]), TEMPLATE,
         "public addresses"),
        (lambda d: d.know(FLOW, cidr_ipv4=ANYWHERE), FLOW, "on port 8000"),
        (lambda d: d.know(FLOW, cidr_ipv6="::/0"), FLOW, "on port 8000"),
        (lambda d: d.know(FLOW, cidr_ipv4="52.94.76.0/24"), FLOW, "lets the internet in"),
        (lambda d: d.know(WEB, from_port=22, to_port=443), WEB, "on ports 22 to 443"),
        (lambda d: d.know(WEB, from_port=None, to_port=None, ip_protocol="-1"), WEB, "on every port"),
        (lambda d: d.know(WEB, security_group_id="sg-of-somebody-else"), None, ""),
        (lambda d: d.add("aws_security_group_rule", "ssh", dict(RULE)), "aws_security_group_rule.ssh", "port 22"),
        (lambda d: d.add("aws_lb", "second", dict(BALANCER)), "aws_lb.second", "second way in"),
        (lambda d: d.know("aws_lb.this", load_balancer_type="network"), "aws_lb.this", "second way in"),
        (lambda d: d.know(BLOCK, block_public_policy=False), BLOCK, "leaves block_public_policy off"),
        (lambda d: d.drop(BLOCK), BUCKET, "could be made public"),
        (lambda d: d.add("aws_s3_bucket_acl", "open", {"acl": "public-read"}), "aws_s3_bucket_acl.open", "public-read"),
        (lambda d: d.add("aws_sqs_queue_policy", "open", {"policy": EVERYBODY}), "aws_sqs_queue_policy.open",
         "statement Open lets anybody s3:GetObject"),
    ],
)  # fmt: skip
def test_what_the_internet_could_reach_is_found(draft: Draft, damage: Damage, address: str | None, wrong: str) -> None:
    damage(draft)
    findings = draft.findings("nothing-public")
    if address is None:  # known by its reference, whatever its id will be
        assert findings == []
        return
    assert address in {finding.address for finding in findings}
    assert wrong in " ".join(finding.wrong for finding in findings)


def test_an_inline_rule_is_found_but_not_one_that_is_only_shown(draft: Draft) -> None:
    """Of a group that exists, Terraform shows rules that are resources of their own."""
    address = 'aws_security_group.this["database"]'
    draft.know(address, ingress=[{"from_port": 5432, "to_port": 5432, "cidr_blocks": [ANYWHERE]}])
    assert draft.findings("nothing-public") == []
    resources = draft.document["configuration"]["root_module"]["resources"]
    (entry,) = (r for r in resources if r["address"] == "aws_security_group.this")
    entry["expressions"]["ingress"] = [{}]
    (finding,) = draft.findings("nothing-public")
    assert (finding.address, "port 5432" in finding.wrong) == (address, True)


def test_a_policy_for_everybody_of_the_account_holds(draft: Draft) -> None:
    policy = json.loads(EVERYBODY)
    policy["Statement"][0]["Condition"] = {"StringEquals": {"aws:PrincipalAccount": "087439708020"}}
    draft.add("aws_sqs_queue_policy", "bound", {"policy": json.dumps(policy)})
    assert draft.findings("nothing-public") == []
    policy["Statement"][0]["Condition"] = {"StringLike": {"aws:PrincipalAccount": "*"}}
    draft.add("aws_sqs_queue_policy", "loose", {"policy": json.dumps(policy)})
    assert [f.address for f in draft.findings("nothing-public")] == ["aws_sqs_queue_policy.loose"]


# -- logs, alarms, queues, tasks --


@pytest.mark.parametrize(
    ("values", "wrong"),
    [({"retention_in_days": 0}, "kept for ever"), ({"retention_in_days": None}, "kept for ever"),
     ({"kms_key_id": None}, "not encrypted")],
)  # fmt: skip
def test_a_log_group_that_is_not_kept_well_is_found(draft: Draft, values: dict[str, Any], wrong: str) -> None:
    draft.know("aws_cloudwatch_log_group.exec", **values)
    (finding,) = draft.findings("log-group-kept")
    assert finding.address == "aws_cloudwatch_log_group.exec"
    assert wrong in finding.wrong


def _query(**values: Any) -> Damage:
    def damage(draft: Draft) -> None:
        queries = draft.after(FAILED_JOBS)["metric_query"]
        next(q for q in queries if q["id"] == "failed")["metric"][0].update(values)

    return damage


def _scaling(**values: Any) -> Damage:
    def damage(draft: Draft) -> None:
        (tracking,) = draft.after(SCALING)["target_tracking_scaling_policy_configuration"]
        tracking["customized_metric_specification"][0]["metrics"][0]["metric_stat"][0]["metric"][0].update(values)

    return damage


def _gpu(service: str, environment: str = "staging") -> Damage:
    return lambda d: d.know(GPU_ALARM, dimensions={"Environment": environment, "Service": service})


@pytest.mark.parametrize(
    ("damage", "address", "wrong", "right"),
    [
        (lambda d: d.know(GPU_ALARM, metric_name="GpuUtilisation"), GPU_ALARM, "GpuUtilisation", "GpuUtilization"),
        (lambda d: d.know(GPU_ALARM, dimensions={"Service": "transcription"}), GPU_ALARM, "under Service",
         "Environment, Service"),
        (_gpu("api"), GPU_ALARM, "of api", "emitted by transcription"),
        (_gpu("transcription", "production"), GPU_ALARM, "of production", "staging"),
        (lambda d: d.know(GPU_ALARM, namespace="Toth"), GPU_ALARM, "reads from Toth", "AWS/"),
        (lambda d: d.know(BACKLOG_ALARM, metric_name="QueueDepth"), BACKLOG_ALARM, "QueueDepth",
         "ApproximateNumberOfMessagesVisible"),
        (lambda d: d.know(BACKLOG_ALARM, dimensions={"Queue": "q"}), BACKLOG_ALARM, "under Queue", "QueueName"),
        (_query(metric_name="FailedJobs"), FAILED_JOBS, "FailedJobs", "JobsFailed"),
        (_query(dimensions={}), FAILED_JOBS, "under no dimension", "Environment, Service"),
        (_scaling(metric_name="Backlog"), SCALING, "Backlog", "Approximate"),
        (_scaling(dimensions=[]), SCALING, "under no dimension", "QueueName"),
    ],
)  # fmt: skip
def test_an_alarm_on_what_nobody_emits_is_found(
    draft: Draft, damage: Damage, address: str, wrong: str, right: str
) -> None:
    damage(draft)
    (finding,) = draft.findings("alarm-metric-known")
    assert finding.address == address
    assert wrong in finding.wrong
    assert right in finding.right


def test_dimensions_that_wait_for_apply_count_by_their_names(draft: Draft) -> None:
    change = draft.change(BACKLOG_ALARM)
    change["after"]["dimensions"] = {}
    change["after_unknown"]["dimensions"] = {"QueueName": True}
    assert draft.findings("alarm-metric-known") == []
    change["after_unknown"]["dimensions"] = {"Queue": True}
    (finding,) = draft.findings("alarm-metric-known")
    assert "under Queue" in finding.wrong


def test_a_query_whose_dimensions_wait_is_judged_by_its_metric(draft: Draft) -> None:
    change = draft.change(FAILED_JOBS)
    for query in change["after"]["metric_query"]:
        for metric in query["metric"]:
            metric.update(namespace="AWS/SQS", metric_name="ApproximateNumberOfMessagesVisible", dimensions=None)
    change["after_unknown"]["metric_query"] = True
    assert draft.findings("alarm-metric-known") == []
    next(q for q in change["after"]["metric_query"] if q["metric"])["metric"][0]["metric_name"] = "Depth"
    assert len(draft.findings("alarm-metric-known")) == 1


def test_a_query_knows_which_of_its_dimensions_wait(draft: Draft) -> None:
    change = draft.change(FAILED_JOBS)
    metric = {"namespace": "AWS/SQS", "metric_name": "NumberOfMessagesSent", "dimensions": None}
    change["after"]["metric_query"] = [{"id": "sent", "metric": [metric]}]
    change["after_unknown"]["metric_query"] = [{"metric": [{"dimensions": {"QueueName": True}}]}]
    assert draft.findings("alarm-metric-known") == []
    change["after_unknown"]["metric_query"] = [{"metric": [{"dimensions": {"Queue": True}}]}]
    (finding,) = draft.findings("alarm-metric-known")
    assert "under Queue" in finding.wrong


def test_a_queue_that_loses_messages_is_found(draft: Draft) -> None:
    draft.know(QUEUE, redrive_policy=None)
    assert {f.address for f in draft.findings("queue-dead-letter")} == {QUEUE, LETTERS}


def test_an_applied_queue_is_judged_by_its_policy(draft: Draft) -> None:
    draft.know(LETTERS, arn="arn:dlq", redrive_policy="")
    draft.know(QUEUE, redrive_policy=json.dumps({"deadLetterTargetArn": "arn:dlq", "maxReceiveCount": 3}))
    assert draft.findings("queue-dead-letter") == []
    draft.add("aws_sqs_queue", "lost", {"name": "thoth-staging-lost", "redrive_policy": None})
    assert [f.address for f in draft.findings("queue-dead-letter")] == ["aws_sqs_queue.lost"]


def _container(**values: Any) -> str:
    return json.dumps([{"name": "api", "image": "registry/api@sha256:" + "0" * 64, **values}])


def test_an_image_by_tag_fails(draft: Draft) -> None:
    assert draft.findings("image-by-digest") == []
    draft.document["variables"]["services"]["value"]["api"]["image"] = "registry/api:1.4.0"
    (finding,) = draft.findings("image-by-digest")
    assert (finding.address, finding.level) == (API_TASKS, Level.FAILURE)
    assert "tag-only image registry/api:1.4.0" in finding.wrong
    draft.know(API_TASKS, container_definitions=_container())
    assert draft.findings("image-by-digest") == []
    draft.know(API_TASKS, container_definitions=_container(image="registry/api:latest@sha256:0"))
    assert len(draft.findings("image-by-digest")) == 1


@pytest.mark.parametrize("name", ["DATABASE_PASSWORD", "APP_KEY", "github_token", "CLIENT_SECRET", "SECRET_ARN"])
def test_a_secret_in_a_plain_variable_is_found(draft: Draft, name: str) -> None:
    draft.know(API_TASKS, container_definitions=_container(environment=[{"name": name, "value": "x"}]))
    (finding,) = draft.findings("no-secret-in-environment")
    assert finding.address == API_TASKS
    assert name in finding.wrong


def test_a_secret_is_found_before_the_definition_is_known(draft: Draft) -> None:
    draft.document["variables"]["services"]["value"]["api"]["environment"]["DATABASE_PASSWORD"] = "x"
    (finding,) = draft.findings("no-secret-in-environment")
    assert finding.address == API_TASKS
    assert "DATABASE_PASSWORD" in finding.wrong


def test_secrets_and_lookalikes_hold(draft: Draft) -> None:
    text = _container(
        environment=[
            {"name": "KEYBOARD", "value": "x"},
            {"name": "TOKENIZER", "value": "x"},
            {"name": "DATABASE_SECRET_ARN", "value": "arn:aws:secretsmanager:us-east-1:111122223333:secret:x-AbCdEf"},
        ],
        secrets=[{"name": "APP_KEY", "valueFrom": "arn"}],
    )
    draft.know(API_TASKS, container_definitions=text)
    assert draft.findings("no-secret-in-environment") == []


def test_a_definition_of_which_nothing_is_known_is_found(draft: Draft) -> None:
    address = draft.add(
        "aws_ecs_task_definition", "other", {"family": "thoth-staging-other"}, container_definitions=True
    )
    (finding,) = draft.findings("no-secret-in-environment")
    assert finding.address == address


def test_what_is_destroyed_is_not_judged(draft: Draft) -> None:
    draft.change(QUEUE)["after"]["name"] = "thoth"
    (entry,) = (c for c in draft.document["resource_changes"] if c["address"] == QUEUE)
    entry["change"]["after"] = None
    assert draft.findings("name-carries-environment") == []
