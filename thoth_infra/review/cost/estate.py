"""What of an estate is billed: counts and sizes, and the bounds between which they move.

The same values are read from a configuration (``rendered``) and from Terraform's plan JSON (``planned``), so that an
estimate before the plan and the difference that a plan makes are worked out by the same arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

ON_DEMAND, SPOT = "on-demand", "spot"


@dataclass(frozen=True, order=True)
class Share:
    """A market of a service's tasks: the first ``base`` run there, and ``weight`` percent of the others.

    ``pool`` is empty for Fargate.
    """

    pool: str
    market: str
    base: int
    weight: int


@dataclass(frozen=True, order=True)
class Service:
    """An ECS service: the size of a task (CPU units, MiB) and the bounds of their number."""

    name: str
    cpu: int
    memory_mib: int
    gpus: int
    minimum: int
    maximum: int
    scaling: str
    """``fixed``, ``cpu`` or ``backlog``."""
    scheduled: bool
    """Whether it stops in off hours."""
    shares: tuple[Share, ...]

    @property
    def pool(self) -> str:
        """The GPU pool that its tasks run in; empty for Fargate."""
        return self.shares[0].pool if self.shares else ""


@dataclass(frozen=True, order=True)
class Pool:
    """A pool of GPU instances; the first type is its own, and the only one on demand."""

    name: str
    instance_types: tuple[str, ...]
    on_demand_max: int
    spot_max: int
    volume_gib: int
    max_price: Decimal | None
    """Highest spot price, US dollars per hour."""


@dataclass(frozen=True)
class Schedule:
    """When the workers start (local time, on ``days``) and stop (every day)."""

    time_zone: str
    start: str
    stop: str
    days: tuple[str, ...]


@dataclass(frozen=True)
class Database:
    """An RDS instance; storage in GiB."""

    instance_class: str
    allocated_gib: int
    max_allocated_gib: int
    multi_az: bool
    backup_days: int


@dataclass(frozen=True, order=True)
class Bucket:
    """An S3 bucket's life of an object, in days; ``archive_days`` 0: it never moves to Glacier Instant Retrieval."""

    name: str
    archive_days: int
    expiration_days: int


@dataclass(frozen=True)
class Network:
    """Gateways and endpoints; an endpoint is billed for each zone that it stands in."""

    nat_gateways: int = 0
    nat_addresses: int = 0
    endpoint_zones: int = 0
    flow_logs: int = 0


@dataclass(frozen=True)
class Edge:
    """Load balancers with the zones (one public address in each), and the firewall's rules."""

    balancers: int = 0
    zones: int = 0
    web_acls: int = 0
    web_acl_rules: int = 0


@dataclass(frozen=True)
class Monitoring:
    """CloudWatch; an alarm on an expression is billed for each metric that it reads."""

    alarm_metrics: int = 0
    composite_alarms: int = 0
    dashboards: int = 0
    cpu_trackers: int = 0
    """Target tracking policies on a service's CPU: AWS makes two alarms of one metric for each."""
    backlog_trackers: int = 0
    """Those on messages per task, which never scale in: one alarm of two metrics, two when AWS makes both."""
    capacity_providers: int = 0
    """Managed scaling makes two alarms for each."""
    container_insights: bool = False
    log_days: int = 0
    """Days that the services' logs are kept."""
    audit_log_days: int = 0


@dataclass(frozen=True)
class Estate:
    """Everything of one root module that is billed."""

    services: tuple[Service, ...] = ()
    pools: tuple[Pool, ...] = ()
    schedule: Schedule | None = None
    database: Database | None = None
    network: Network = Network()
    edge: Edge = Edge()
    monitoring: Monitoring = Monitoring()
    buckets: tuple[Bucket, ...] = ()
    file_systems: int = 0
    backup_days: int = 0
    """Days that the vault keeps a daily copy of the file system, and of the database; 0: no vault."""
    keys: int = 0
    """KMS keys."""
    secrets: int = 0
    """Secrets, RDS's own among them."""
    queues: int = 0
    repositories: int = 0
    trails: int = 0
    """CloudTrail trails of data events."""

    def service(self, name: str) -> Service | None:
        """Return the service of that name, if it runs."""
        return next((one for one in self.services if one.name == name), None)
