"""The policies of queues, buckets, files and keys: no request without TLS, and no service but those that are named."""

from __future__ import annotations

import pytest

from tests.iam.estate import Estate
from thoth_infra.contract.queues import QUEUES
from thoth_infra.contract.storage import BUCKETS
from thoth_infra.review.iam import Decision, Document, Principal, Request, authorize, parse
from thoth_infra.review.iam.estate import policies

pytestmark = [pytest.mark.slow, pytest.mark.terraform, pytest.mark.xdist_group("iam")]

EVERYTHING = parse(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)  # fmt: skip
USE = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptTo", "kms:CreateGrant", "kms:PutKeyPolicy")
# Whom a key's policy lets in, other than its own account.
KEY_SERVICES = {
    "database": set(),
    "logs": {"logs.us-east-1.amazonaws.com", "cloudtrail.amazonaws.com"},
    "messages": {"cloudwatch.amazonaws.com", "budgets.amazonaws.com", "events.amazonaws.com"},
    "secrets": set(),
    "storage": set(),
}
SERVICES_OF_AWS = {name for named in KEY_SERVICES.values() for name in named} | {
    "ec2.amazonaws.com", "lambda.amazonaws.com", "s3.amazonaws.com", "ecs-tasks.amazonaws.com",
    "logs.eu-west-1.amazonaws.com",
}  # fmt: skip
STRANGER = "999988887777"


def _protected(estate: Estate) -> dict[str, tuple[Document, str, str]]:
    """Every queue, bucket and file system: its policy, an action and what it is about."""
    names, known = estate.names, estate.policies
    found = {}
    for queue in QUEUES:
        for kind, dead_letter in (("this", False), ("dead_letter", True)):
            on = names.arn("sqs", names.queue(queue, dead_letter))
            found[f"{queue.name} {kind}"] = (
                known[f'aws_sqs_queue_policy.{kind}["{queue.name}"]'],
                "sqs:SendMessage",
                on,
            )
    for bucket in BUCKETS:
        policy = known[f'module.shared_storage.aws_s3_bucket_policy.this["{bucket.name}"]']
        root = f"arn:aws:s3:::{names.bucket(bucket)}"
        found[f"{bucket.name} objects"] = (policy, "s3:GetObject", f"{root}/jobs/1/source.mp4")
        found[f"{bucket.name} bucket"] = (policy, "s3:ListBucket", root)
    files = known["module.shared_storage.aws_efs_file_system_policy.this"]
    found["files"] = (files, "elasticfilesystem:ClientMount", estate.file_system)
    return found


def test_nothing_is_done_without_tls_not_even_by_an_administrator(estate: Estate) -> None:
    administrator = Principal("AWS", estate.names.role("administrator"))
    protected = _protected(estate)
    assert len(protected) == 2 * len(QUEUES) + 2 * len(BUCKETS) + 1
    for name, (policy, action, on) in protected.items():
        for tls, wanted in (("false", Decision.DENIED), ("true", Decision.ALLOWED)):
            context = {"aws:SecureTransport": tls, "elasticfilesystem:AccessedViaMountTarget": "true"}
            request = Request(action, on, administrator, context)
            assert authorize(request, [EVERYTHING], policy) is wanted, (name, tls)


def test_nobody_of_another_account_is_let_in(estate: Estate) -> None:
    stranger = Principal("AWS", f"arn:aws:iam::{STRANGER}:role/administrator")
    context = {"aws:SecureTransport": "true", "elasticfilesystem:AccessedViaMountTarget": "true"}
    for name, (policy, action, on) in _protected(estate).items():
        # S3's ARNs tell no account: by the bucket's policy alone.
        carried = [] if on.startswith("arn:aws:s3") else [EVERYTHING]
        assert authorize(Request(action, on, stranger, context), carried, policy) is Decision.NOT_ALLOWED, name


def test_the_logs_bucket_takes_logs_and_gives_none(estate: Estate) -> None:
    policy = estate.policies['module.shared_storage.aws_s3_bucket_policy.this["logs"]']
    (logs,) = (bucket for bucket in BUCKETS if bucket.name == "logs")
    on = f"arn:aws:s3:::{estate.names.bucket(logs)}/s3/media/2026"
    context = {"aws:SecureTransport": "true"}
    for writer in ("logging.s3", "logdelivery.elasticloadbalancing", "cloudtrail"):
        principal = Principal("Service", f"{writer}.amazonaws.com")
        for action in ("s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:PutBucketPolicy"):
            allowed = authorize(Request(action, on, principal, context), [], policy) is Decision.ALLOWED
            assert allowed is (action == "s3:PutObject"), (writer, action)
    other = Request("s3:PutObject", on, Principal("Service", "sns.amazonaws.com"), context)
    assert authorize(other, [], policy) is Decision.NOT_ALLOWED


@pytest.mark.parametrize("purpose", sorted(KEY_SERVICES))
def test_a_key_lets_in_the_services_that_are_named_and_no_other(estate: Estate, purpose: str) -> None:
    policy = estate.policies[f'aws_kms_key.this["{purpose}"]']
    on = estate.names.arn("kms", "key/1234")
    named = set()
    for service in SERVICES_OF_AWS:
        principal = Principal("Service", service)
        allowed = {action for action in USE if _key_allows(policy, Request(action, on, principal))}
        named |= {service} if allowed else set()
        assert not allowed & {"kms:CreateGrant", "kms:PutKeyPolicy"}
    assert named == KEY_SERVICES[purpose]


@pytest.mark.parametrize("purpose", sorted(KEY_SERVICES))
def test_a_key_leaves_its_account_to_decide_and_keeps_others_out(estate: Estate, purpose: str) -> None:
    policy = estate.policies[f'aws_kms_key.this["{purpose}"]']
    on = estate.names.arn("kms", "key/1234")
    own, stranger = (Principal("AWS", f"arn:aws:iam::{a}:role/x") for a in (estate.names.account, STRANGER))
    for action in USE:
        assert not _key_allows(policy, Request(action, on, own)), "a role that carries nothing"
        assert _key_allows(policy, Request(action, on, own), EVERYTHING)
        assert not _key_allows(policy, Request(action, on, stranger), EVERYTHING)


def test_the_volumes_of_this_account_are_the_only_way_round(estate: Estate) -> None:
    """Autoscaling's service-linked role starts encrypted instances, through EC2, in this account and region."""
    policy = estate.policies['aws_kms_key.this["storage"]']
    names, on = estate.names, estate.names.arn("kms", "key/1234")
    linked = Principal("AWS", names.role("aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"))
    through = {"kms:ViaService": f"ec2.{estate.env.region}.amazonaws.com", "kms:CallerAccount": names.account}
    assert _key_allows(policy, Request("kms:CreateGrant", on, linked, through))
    assert not _key_allows(policy, Request("kms:PutKeyPolicy", on, linked, through))
    for key, other in (("kms:ViaService", "s3.us-east-1.amazonaws.com"), ("kms:CallerAccount", STRANGER)):
        assert not _key_allows(policy, Request("kms:CreateGrant", on, linked, {**through, key: other}))


def _key_allows(policy: Document, request: Request, *identity: Document) -> bool:
    return authorize(request, identity, policy, resource_decides=True) is Decision.ALLOWED


def test_images_are_pulled_by_execution_roles_and_pushed_by_deployments(estate: Estate) -> None:
    known = {a: p for a, p in policies(estate.shared).items() if a.startswith("aws_ecr_repository_policy")}
    assert known
    region, prefix = estate.env.region, estate.env.prefix
    wanted = {"api-execution": {"ecr:BatchGetImage"}, "github-deploy": {"ecr:BatchGetImage", "ecr:PutImage"},
              "api-task": set(), "github-plan": set(), "github-watch": {"ecr:DescribeImageScanFindings"},
              "github-apply": set(), "gpu-host": set()}  # fmt: skip
    for policy in known.values():
        for role, allowed in wanted.items():
            principal = Principal("AWS", estate.names.role(f"{prefix}-{role}"))
            on = f"arn:aws:ecr:{region}:{estate.shared_account}:repository/thoth/api"
            names = ("BatchGetImage", "PutImage", "DeleteRepository", "DescribeImageScanFindings")
            requests = [Request(f"ecr:{name}", on, principal) for name in names]
            found = {r.action for r in requests if authorize(r, [EVERYTHING], policy) is Decision.ALLOWED}
            assert found == allowed, role
