"""The environment: the one value that everything else is derived from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, cast

from pydantic import Field

from thoth_infra.config import rules
from thoth_infra.config.estate import (
    Accounts,
    Alarms,
    Audit,
    Budget,
    Database,
    Domain,
    Edge,
    GitHub,
    Identity,
    Postgres,
    Protection,
    Queues,
    Retention,
    State,
)
from thoth_infra.config.network import Network
from thoth_infra.config.section import Section, Violation
from thoth_infra.config.services import Gpu, GpuPool, OffHours, ServiceConfig
from thoth_infra.config.values import EnvironmentName, ProjectName, Region, TagKey, TagValue, Text
from thoth_infra.config.workers import Audio, ImageName, Images, Logging, Timeouts, Whisper
from thoth_infra.contract.services import SERVICES, WITHOUT_RDS, Service


class Services(Section):
    """The services of the contract, by name."""

    api: ServiceConfig
    """HTTP API and web page."""
    orchestrator: ServiceConfig
    """Decides each job's next stage."""
    audio_extraction: ServiceConfig
    """Extracts audio with FFmpeg."""
    transcription: ServiceConfig
    """Speech to text on a GPU."""
    music_terms: ServiceConfig
    """Finds music terms."""

    def by_name(self) -> dict[str, ServiceConfig]:
        """Return the services by their contract names, which have hyphens.

        Fewer than all only while a configuration with problems is judged.
        """
        return {name.replace("_", "-"): service for name, service in self.__dict__.items()}


class Environment(Section):
    """One environment, complete and validated."""

    name: EnvironmentName
    """Name of the environment, which is also its file's name."""
    project: ProjectName
    """Prefix of every name."""
    region: Region
    """AWS region."""
    contact: Text
    """Where to ask for help."""
    accounts: Accounts
    """AWS accounts."""
    identity: Identity
    """Profiles and roles."""
    state: State
    """Terraform state."""
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=40)]
    """Tags of every resource, besides those that Thoth sets itself."""
    protection: Protection
    """Protection against deletion."""
    domain: Domain | None
    """Public name."""
    network: Network
    """VPC and subnets."""
    edge: Edge
    """Load balancer and firewall."""
    images: Images
    """Container images."""
    gpu_pools: Annotated[dict[ProjectName, GpuPool], Field(min_length=1, max_length=4)]
    """GPU instances, by pool name."""
    services: Services
    """ECS services."""
    off_hours: OffHours | None
    """Scheduled scale-down of the queue workers."""
    timeouts: Timeouts
    """The chain of time-outs."""
    queues: Queues
    """SQS queues."""
    whisper: Whisper
    """Speech to text."""
    audio: Audio
    """Audio extraction."""
    logging: Logging
    """Logging of the containers."""
    database: Database
    """Where the records are: RDS Postgres, or a file."""
    retention: Retention
    """How long data lives."""
    audit: Audit
    """Audit trail."""
    alarms: Alarms
    """Alarm thresholds and recipients."""
    budget: Budget | None
    """Monthly budget."""
    github: GitHub
    """Where deployments come from."""

    def violations(self) -> Iterator[Violation]:
        """Yield every rule between sections that does not hold."""
        return rules.violations(self)

    @property
    def running(self) -> tuple[Service, ...]:
        """The services of the contract that run in this environment."""
        return SERVICES if isinstance(self.database, Postgres) else WITHOUT_RDS

    @property
    def prefix(self) -> str:
        """Start of every name in AWS; staging and production share an account."""
        return f"{self.project}-{self.name}"

    @property
    def account_id(self) -> str:
        """The account that its Terraform runs in."""
        return self.accounts.own

    @property
    def public_url(self) -> str:
        """Address of the web page; empty when it is the load balancer's own name."""
        return f"https://{self.domain.name}" if self.domain else ""

    @property
    def all_tags(self) -> dict[str, str]:
        """Return the tags of every resource, cost-allocation tags included."""
        own = {"Project": self.project, "Environment": self.name, "ManagedBy": "thoth-infra"}
        return {**self.tags, **own}

    @property
    def gpu_hourly_cost(self) -> float:
        """US dollars per hour of the transcription's instance type, on demand."""
        launch = self.services.transcription.launch
        assert isinstance(launch, Gpu)  # noqa: S101 - rules.violations has made sure
        return self.gpu_pools[launch.pool].instance_types[0].hourly

    @property
    def ecr_account(self) -> str:
        """The account that holds the image repositories."""
        return self.accounts.shared if self.images.registry == "shared" else self.accounts.own

    def repository(self, image: str) -> str:
        """Return the ECR repository of one of Thoth's images."""
        # In this account it carries the environment, since two environments share the account.
        prefix = self.project if self.images.registry == "shared" else f"{self.project}/{self.name}"
        return f"{prefix}/{image}"

    def image(self, service: str, image: str) -> str:
        """Return the image reference of a service that runs Thoth's ``image``, unless another one is configured."""
        override = self.services.by_name()[service].image
        if override is not None:
            return override
        registry = f"{self.ecr_account}.dkr.ecr.{self.region}.amazonaws.com"
        digest = self.images.digests.get(cast(ImageName, image))
        which = f"@{digest}" if digest else f":{self.images.tag}"
        return f"{registry}/{self.repository(image)}{which}"
