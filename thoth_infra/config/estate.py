"""Everything around the compute: network, data, retention, alarms, delivery."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from thoth_infra.config.section import Section, Violation
from thoth_infra.config.values import (
    AccountId,
    BucketName,
    Cidr,
    Dollars,
    DomainName,
    Email,
    GitHubRepository,
    InstanceClass,
    LogRetention,
    Percent,
    Positive,
    PostgresVersion,
    Profile,
    RoleName,
    RolePattern,
    SlackId,
    StateKey,
)
from thoth_infra.contract.storage import SCRATCH, VOLUMES


class Accounts(Section):
    """The AWS accounts."""

    own: AccountId
    """The account that the environment lives in (Thoth's AI services)."""
    shared: AccountId
    """The shared-services account, which holds ECR and Route 53."""


class Audit(Section):
    """Who touched whose lessons."""

    trail: bool
    """Whether a CloudTrail trail of this environment records reads and writes of the buckets' objects."""


class Identity(Section):
    """Who may run Terraform here; checked before any Terraform process starts."""

    profile: Profile
    """AWS profile of this environment."""
    shared_profile: Profile
    """AWS profile of the shared-services account."""
    role_patterns: Annotated[tuple[RolePattern, ...], Field(min_length=1)]
    """Shell patterns for the role or user name behind the credentials."""
    shared_role: RoleName
    """Role in the shared account that this account assumes."""
    operator_roles: Annotated[tuple[RoleName, ...], Field(min_length=1)]
    """Exact names of the roles with which people apply; the shared account trusts these."""


class State(Section):
    """Terraform state: one bucket per account, one key per environment."""

    bucket: BucketName
    """The account's state bucket."""
    key: StateKey
    """Key of this environment's state; it carries the environment's name."""


class Protection(Section):
    """What stands between a mistake and a loss."""

    deletion_protection: bool
    """Load balancer and database refuse deletion, and Terraform refuses to plan it."""
    approval: Literal["manual", "none"]
    """Whether a person approves each deployment."""
    final_snapshot: bool
    """Whether the database leaves a snapshot when it is deleted."""


class Domain(Section):
    """The public name; without one the load balancer's own name serves plain HTTP."""

    name: DomainName
    """Host name of the API and web page."""
    zone: DomainName
    """Route 53 zone that holds it."""
    zone_account: Literal["shared", "own"]
    """The account of that zone."""


class Edge(Section):
    """The load balancer and its firewall."""

    allow_list: tuple[Cidr, ...] = ()
    """Only these networks may connect; empty lets everybody."""
    requests_per_5_minutes: Annotated[int, Field(ge=100, le=2_000_000_000)]
    """Requests of one address in five minutes before the firewall blocks it."""
    idle_timeout_seconds: Annotated[int, Field(ge=1, le=4000)] = 120
    """Idle time after which the load balancer closes a connection."""


class Postgres(Section):
    """RDS Postgres."""

    engine: Literal["postgres"]
    """RDS Postgres; or sqlite, for an environment without RDS."""
    instance_class: InstanceClass
    """Instance class, for instance db.t4g.medium."""
    engine_version: PostgresVersion
    """Postgres version."""
    allocated_gib: Annotated[int, Field(ge=20, le=65536)]
    """Storage at first."""
    max_allocated_gib: Annotated[int, Field(ge=20, le=65536)]
    """Storage that autoscaling may grow to."""
    multi_az: bool
    """Whether a standby runs in another availability zone."""
    backup_days: Annotated[int, Field(ge=0, le=35)]
    """Days that automated backups are kept."""

    def violations(self) -> Iterator[Violation]:
        """RDS refuses a ceiling closer than 10 % above the current storage."""
        least = -(-self.allocated_gib * 11 // 10)
        if self.max_allocated_gib < least:
            yield Violation(
                "max_allocated_gib",
                f"{self.max_allocated_gib} leaves no room to grow above allocated_gib {self.allocated_gib}",
                f"use at least {least}",
            )


class Sqlite(Section):
    """No RDS: a file in the scratch space of the API's only task, which runs the orchestrator too.

    The records end with the task. Good for trying things out, and refused where deletion protection is on.
    """

    engine: Literal["sqlite"]
    """SQLite, a file."""
    path: Annotated[str, Field(pattern=r"^/[A-Za-z0-9._/-]+$")] = "/tmp/thoth.sqlite3"  # noqa: S108 - the scratch volume
    """The file, in the container."""

    def violations(self) -> Iterator[Violation]:
        """SQLite keeps its promises on a local disk only, and the container has one place to write to."""
        path = PurePosixPath(posixpath.normpath(self.path))
        if any(path.is_relative_to(volume.path) for volume in VOLUMES):
            yield Violation(
                "path",
                f"{self.path} is on EFS: over NFS SQLite's locks do not hold between hosts and its write-ahead log"
                " needs shared memory, so two tasks (every deployment has two for a while) would damage the file",
                "use /tmp/thoth.sqlite3, or engine: postgres",
            )
        elif not path.is_relative_to(SCRATCH):
            yield Violation(
                "path",
                f"{self.path} can't be written: the container's root file system is read-only",
                f"use a file below {SCRATCH}",
            )


Database: TypeAlias = Annotated[Postgres | Sqlite, Field(discriminator="engine")]


class Queues(Section):
    """What holds for every SQS queue."""

    retention_days: Annotated[int, Field(ge=1, le=14)]
    """Days that an unread message is kept."""
    dead_letter_retention_days: Annotated[int, Field(ge=1, le=14)] = 14
    """Days that a dead letter is kept."""
    max_receive_count: Annotated[int, Field(ge=1, le=20)]
    """Deliveries before a message becomes a dead letter."""


class Retention(Section):
    """How long data lives (GDPR)."""

    transcripts_days: Positive
    """Finished jobs: archive and records."""
    job_files_days: Positive
    """Job folders on EFS."""
    uploads_days: Positive
    """Uploads that no job took over."""
    archive_after_days: Annotated[int, Field(ge=30)]
    """Age at which archived files move to a colder storage class; S3 accepts 30 or more."""
    noncurrent_days: Positive
    """Older versions of an object."""
    logs_days: LogRetention
    """Logs of services, flow logs and firewall logs."""
    audit_days: LogRetention
    """Access logs, the audit trail of the API."""


class Alarms(Section):
    """Thresholds of the alarms, and who hears of them."""

    emails: tuple[Email, ...] = ()
    """Addresses that are notified."""
    slack_workspace_id: SlackId | None = None
    """Slack workspace for AWS Chatbot."""
    slack_channel_id: SlackId | None = None
    """Slack channel for AWS Chatbot."""
    gpu_utilization_percent: Percent = 90
    """GPU utilisation above which capacity is short."""
    backlog_jobs: Positive = 100
    """Visible messages of one queue above which jobs wait too long."""
    failed_jobs_percent: Percent = 5
    """Share of stages that fail."""
    processing_minutes: Positive = 60
    """Longest acceptable time of one transcription."""
    database_cpu_percent: Percent = 80
    """CPU utilisation of the database."""
    database_free_gib: Positive = 5
    """Free storage of the database."""
    http_5xx_percent: Percent = 5
    """Share of requests answered with a server error."""

    def violations(self) -> Iterator[Violation]:
        """A Slack channel is its workspace's id and its own."""
        ids = {"slack_workspace_id": self.slack_workspace_id, "slack_channel_id": self.slack_channel_id}
        missing = [key for key, value in ids.items() if value is None]
        if len(missing) == 1:
            yield Violation(missing[0], "is missing", f"give {' and '.join(ids)}, or neither")


class Budget(Section):
    """Monthly budget, by the cost-allocation tags."""

    monthly_usd: Dollars
    """US dollars per month."""
    warn_percent: Annotated[int, Field(ge=1, le=100)] = 80
    """Share of actual spending that warns."""


class GitHub(Section):
    """Where deployments come from."""

    repository: GitHubRepository
    """Repository whose workflows may assume the environment's roles."""
