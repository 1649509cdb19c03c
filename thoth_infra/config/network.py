"""The VPC, its subnets and its ways out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from thoth_infra.config.section import Section, Violation
from thoth_infra.config.values import AvailabilityZone, Cidr, InterfaceService, SubnetCidr, SubnetId, VpcCidr, VpcId


class Subnets(Section):
    """One subnet per availability zone and tier."""

    public: Annotated[tuple[SubnetCidr, ...], Field(min_length=2, max_length=6)]
    """Load balancer and NAT gateways."""
    private: Annotated[tuple[SubnetCidr, ...], Field(min_length=2, max_length=6)]
    """All services."""
    isolated: Annotated[tuple[SubnetCidr, ...], Field(min_length=2, max_length=6)]
    """Database and file system; no route to the internet."""

    def tiers(self) -> dict[str, tuple[str, ...]]:
        """Return the networks of each tier."""
        return {"public": self.public, "private": self.private, "isolated": self.isolated}


class ExistingSubnets(Section):
    """Subnets of an existing VPC, by id."""

    public: tuple[SubnetId, ...] = ()
    """Load balancer."""
    private: tuple[SubnetId, ...] = ()
    """All services."""
    isolated: tuple[SubnetId, ...] = ()
    """Database and file system."""


class Peering(Section):
    """Peering with a VPC of the shared account."""

    vpc_id: VpcId
    """The other VPC."""
    cidr: Cidr
    """Its network."""


class Network(Section):
    """VPC, subnets and ways out."""

    vpc_id: VpcId = ""
    """An existing VPC; leave empty to create one."""
    existing_subnets: ExistingSubnets = ExistingSubnets()
    """Subnets of the existing VPC."""
    cidr: VpcCidr
    """Network of the VPC that is created, or of the existing one."""
    availability_zones: Annotated[tuple[AvailabilityZone, ...], Field(min_length=2, max_length=6)]
    """Availability zones, one subnet of each tier in each."""
    subnets: Subnets
    """Networks of the subnets that are created."""
    nat: Literal["single", "per_zone"]
    """One NAT gateway, or one in every availability zone."""
    interface_endpoints: tuple[InterfaceService, ...] = ()
    """AWS services reached without the NAT gateway (S3 always is)."""
    peering: Peering | None = None
    """Peering with a VPC of the shared account."""

    def violations(self) -> Iterator[Violation]:
        """Each zone has one subnet of each tier; nothing is named twice."""
        yield from _once("interface_endpoints", self.interface_endpoints)
        yield from _once("availability_zones", self.availability_zones)
        zones = len(self.availability_zones)
        for tier, networks in self.subnets.tiers().items():
            if len(networks) != zones:
                yield Violation(
                    f"subnets.{tier}",
                    f"{len(networks)} {tier} subnets for {zones} availability zones",
                    f"give {zones} networks, one for each zone",
                )


def _once(key: str, values: tuple[str, ...]) -> Iterator[Violation]:
    for index, value in enumerate(values):
        if value in values[:index]:
            yield Violation(f"{key}.{index}", f"{value} is named twice", "name each once")
