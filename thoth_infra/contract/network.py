"""Who talks to whom: the security-group rules, derived from the services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from thoth_infra.contract.services import Service

NFS_PORT = 2049
POSTGRES_PORT = 5432
HTTPS_PORT = 443

ALB = "alb"
DATABASE = "database"
FILES = "files"
ENDPOINTS = "endpoints"


@dataclass(frozen=True)
class Flow:
    """TCP connections from one security group to another one, on one port."""

    source: str
    target: str
    port: int
    reason: str

    @property
    def key(self) -> str:
        """Name of the rule pair in Terraform."""
        return f"{self.source}-to-{self.target}"


def flows(services: Iterable[Service], interface_endpoints: bool) -> Iterator[Flow]:
    """Yield every connection inside the VPC that the services need."""
    for service in services:
        if service.port is not None:
            yield Flow(ALB, service.name, service.port, f"Requests to {service.name}")
        if service.mounts:
            yield Flow(service.name, FILES, NFS_PORT, f"{service.name} mounts EFS")
        if service.database:
            yield Flow(service.name, DATABASE, POSTGRES_PORT, f"{service.name} reads and writes records")
        if interface_endpoints:
            yield Flow(service.name, ENDPOINTS, HTTPS_PORT, f"{service.name} calls AWS privately")
