"""Who may become which role: services of this account, exactly these GitHub jobs, exactly these roles."""

from __future__ import annotations

import pytest

from tests.iam import operations
from tests.iam.estate import READ_ONLY, Estate
from tests.iam.test_resources import EVERYTHING, STRANGER
from thoth_infra.contract.services import SERVICES
from thoth_infra.review.iam import Decision, Document, Principal, Request, authorize, evaluate
from thoth_infra.review.iam.estate import Role, resources, roles

pytestmark = [pytest.mark.slow, pytest.mark.terraform, pytest.mark.xdist_group("iam")]

ISSUER = "token.actions.githubusercontent.com"
CONTENTS = (
    "secretsmanager:GetSecretValue",
    "sqs:ReceiveMessage",
    "logs:GetLogEvents",
    "logs:FilterLogEvents",
    "logs:StartQuery",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "kms:Decrypt",
)
# What ReadOnlyAccess lets a pull request do besides: read logs by other ways, the database's too, and end queries.
GAP = {
    "logs:GetLogObject",
    "logs:GetLogRecord",
    "logs:GetQueryResults",
    "logs:StartLiveTail",
    "logs:StopQuery",
    "rds:DownloadCompleteDBLogFile",
    "rds:DownloadDBLogFilePortion",
}
# They make a report for whoever asks, and change nothing.
REPORTS = {
    "iam:GenerateCredentialReport",
    "iam:GenerateOrganizationsAccessReport",
    "iam:GenerateServiceLastAccessedDetails",
}


def _becomes(estate: Estate, role: Role, principal: Principal, action: str = "sts:AssumeRole", **context: str) -> bool:
    """Whether ``principal``, who carries every permission there is, may assume the role."""
    account = estate.shared_account if role.name.startswith(estate.env.identity.shared_role) else estate.names.account
    request = Request(action, f"arn:aws:iam::{account}:role/{role.name}", principal, context)
    return authorize(request, [EVERYTHING], role.trust, resource_decides=True) is Decision.ALLOWED


def test_the_roles_of_services_are_assumed_by_ecs_of_this_account_only(estate: Estate) -> None:
    known = estate.roles
    for service in SERVICES:
        for purpose in ("task", "execution"):
            role = known[f"{estate.env.prefix}-{service.name}-{purpose}"]
            ecs = Principal("Service", "ecs-tasks.amazonaws.com")
            assert _becomes(estate, role, ecs, **{"aws:SourceAccount": estate.names.account})
            assert not _becomes(estate, role, ecs, **{"aws:SourceAccount": STRANGER})
            assert not _becomes(estate, role, ecs)
            for other in ("ec2", "lambda", "ecs", "codedeploy"):
                principal = Principal("Service", f"{other}.amazonaws.com")
                assert not _becomes(estate, role, principal, **{"aws:SourceAccount": estate.names.account})


def test_no_role_or_user_becomes_a_role_of_the_environment(estate: Estate) -> None:
    known = estate.roles
    assert len(known) >= 2 * len(SERVICES) + 6
    people = [estate.names.role(name) for name in (*known, "administrator")]
    people += [f"arn:aws:iam::{STRANGER}:role/x", f"arn:aws:iam::{estate.names.account}:user/x"]
    for role in known.values():
        for arn in people:
            for action in ("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"):
                assert not _becomes(estate, role, Principal("AWS", arn), action), (role.name, arn)


@pytest.mark.parametrize("purpose", ["plan", "watch", "apply", "deploy"])
def test_github_roles_are_for_one_kind_of_job_of_one_repository(estate: Estate, purpose: str) -> None:
    repository, env = estate.env.github.repository, estate.env
    approved = f"repo:{repository}:environment:{env.name}"
    subjects = {
        "plan": f"repo:{repository}:pull_request",
        "watch": f"repo:{repository}:ref:refs/heads/main",
        "apply": approved,
        "deploy": approved,
    }
    owner, _, name = repository.partition("/")
    others = {
        *subjects.values(), f"repo:{repository}:ref:refs/heads/main", f"repo:{repository}:ref:refs/tags/v1", "",
        f"repo:{repository}:ref:refs/heads/feature", f"repo:{repository}:ref:refs/heads/main2",
        f"repo:{owner}/other:ref:refs/heads/main", f"repo:else/{name}:ref:refs/heads/main",
        *(f"repo:{repository}:environment:{other.name}" for other in estate.others),
        f"repo:{repository}-fork:pull_request", f"repo:{owner}/other:pull_request", f"repo:else/{name}:pull_request",
        f"repo:{repository}:pull_request:x", f"repo:{repository}:environment:{env.name}2",
        f"repo:{owner}/other:environment:{env.name}", f"repo:{repository}:*", subjects[purpose].upper(),
    } - {subjects[purpose]}  # fmt: skip
    role = estate.roles[f"{env.prefix}-github-{purpose}"]
    right = f"arn:aws:iam::{estate.names.account}:oidc-provider/{ISSUER}"

    def signs_in(subject: str, audience: str = "sts.amazonaws.com", provider: str = right) -> bool:
        claims = {f"{ISSUER}:sub": subject, f"{ISSUER}:aud": audience}
        return _becomes(estate, role, Principal("Federated", provider), "sts:AssumeRoleWithWebIdentity", **claims)

    assert signs_in(subjects[purpose])
    assert [subject for subject in others if signs_in(subject)] == []
    assert not signs_in(subjects[purpose], audience="https://github.com/else")
    assert not signs_in(subjects[purpose], provider=f"{right}.else.example")
    assert not signs_in(subjects[purpose], provider="cognito-identity.amazonaws.com")


# A pull request's role, and that of what runs on the main branch by the clock.
readers = pytest.mark.parametrize("purpose", ["plan", "watch"])


def _policies(estate: Estate, purpose: str) -> list[Document]:
    role = estate.roles[f"{estate.env.prefix}-github-{purpose}"]
    assert role.attached == (READ_ONLY,)
    return estate.carried(role.name)


def _may(estate: Estate, purpose: str, action: str, on: str = "*") -> bool:
    principal = Principal("AWS", estate.names.role(f"{estate.env.prefix}-github-{purpose}"))
    return evaluate(_policies(estate, purpose), Request(action, on, principal)) is Decision.ALLOWED


def test_the_walk_covers_every_service_of_the_estate(estate: Estate) -> None:
    kinds = {each["type"] for shown in (estate.planned, estate.shared) for each in resources(shown)}
    assert {kind for kind in kinds if operations.service_of(kind) not in operations.SERVICES} == {
        "terraform_data"
    } & kinds


@readers
def test_a_pull_request_writes_nothing(estate: Estate, purpose: str) -> None:
    walked = set(operations.writes())
    assert len(walked) > 1000
    assert {action for action in walked if _may(estate, purpose, action)} - REPORTS == set()


@readers
def test_a_pull_request_neither_reads_logs_by_other_ways_nor_ends_queries(estate: Estate, purpose: str) -> None:
    assert sorted(action for action in GAP if _may(estate, purpose, action)) == []


def test_a_pull_request_writes_nothing_in_the_shared_account_either(estate: Estate) -> None:
    shared = roles(estate.shared)[f"{estate.env.identity.shared_role}-read"]
    granted = {a for document in shared.inline for s in document.statements if s.allow for a in s.actions.texts}
    assert not granted & {*operations.writes(), *CONTENTS}


@readers
def test_a_pull_request_reads_what_a_plan_needs_and_no_contents(estate: Estate, purpose: str) -> None:
    state = f"arn:aws:s3:::{estate.env.state.bucket}/{estate.env.state.key}"
    assert _may(estate, purpose, "s3:GetObject", state)
    for action in ("ec2:DescribeVpcs", "ecs:DescribeServices", "iam:GetRolePolicy", "s3:GetBucketPolicy",
                   "sqs:GetQueueAttributes", "kms:GetKeyPolicy", "secretsmanager:DescribeSecret"):  # fmt: skip
        assert _may(estate, purpose, action), action
    assert [action for action in CONTENTS if _may(estate, purpose, action)] == []
    other = f"arn:aws:s3:::{estate.env.state.bucket}/{estate.others[-1].state.key}"
    assert not _may(estate, purpose, "s3:GetObject", other)


def test_the_shared_role_trusts_exactly_the_listed_roles(estate: Estate) -> None:
    role = roles(estate.shared)[estate.env.identity.shared_role]
    named = {pair for statement in role.trust.statements for pair in statement.principals or ()}
    every = (estate.env, *estate.others)
    wanted = {
        estate.names.role(name)
        for env in every
        for name in (*env.identity.operator_roles, f"{env.prefix}-github-apply")
    }
    assert named == {("AWS", arn) for arn in wanted}
    reading = roles(estate.shared)[f"{estate.env.identity.shared_role}-read"]
    named = {pair for statement in reading.trust.statements for pair in statement.principals or ()}
    assert named == {
        ("AWS", estate.names.role(f"{env.prefix}-github-{purpose}")) for env in every for purpose in ("plan", "watch")
    }
    for arn in wanted:
        assert _becomes(estate, role, Principal("AWS", arn))
    own = {estate.names.role(name) for name in (*estate.roles, "administrator", f"{estate.env.prefix}-api-task2")}
    for arn in own - wanted:
        assert not _becomes(estate, role, Principal("AWS", arn)), arn
    assert not _becomes(estate, role, Principal("AWS", f"arn:aws:iam::{STRANGER}:role/tfs-ai-staging"))
    assert not _becomes(estate, role, Principal("Service", "ecs-tasks.amazonaws.com"))


def test_no_task_may_try_to_become_the_shared_role(estate: Estate) -> None:
    shared = f"arn:aws:iam::{estate.shared_account}:role/{estate.env.identity.shared_role}"
    for name, role in estate.roles.items():
        plans = name in {f"{estate.env.prefix}-github-{purpose}" for purpose in ("plan", "watch")}
        for on, may in ((shared, False), (f"{shared}-read", plans)):
            asked = Request("sts:AssumeRole", on, Principal("AWS", estate.names.role(name)))
            assert (evaluate(role.inline, asked) is Decision.ALLOWED) is may, (name, on)
