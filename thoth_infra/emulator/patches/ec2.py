"""EC2: launch templates, and peering between accounts."""

from __future__ import annotations

import copy
import re
from datetime import datetime
from typing import Any

from moto.ec2.models.amis import Ami
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.models.nat_gateways import NatGatewayBackend
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ec2.responses.vpc_peering_connections import VPCPeeringConnections

from thoth_infra.emulator.patches.registry import ignores, patch, wrap


@patch("ec2", needed=ignores(LaunchTemplate.create_version, "ResourceType"))
def launch_template_data_without_own_tags() -> None:
    """moto mixes the tags of the template itself into its LaunchTemplateData: a difference at every plan."""

    @wrap(LaunchTemplate, "create_version")
    def create_version(original: Any, self: Any, data: dict[str, Any], description: str) -> Any:
        specifications = data.get("TagSpecifications")
        if specifications:
            others = [one for one in specifications if one.get("ResourceType") != "launch-template"]
            data = {**data, "TagSpecifications": others}
        return original(self, data, description)


@patch("ec2", needed=lambda: not isinstance(vars(LaunchTemplate).get("tags"), property))
def launch_template_tags_change() -> None:
    """moto keeps the tags that a template was created with: later CreateTags and DeleteTags never show."""

    def set_tags(self: Any, value: Any) -> None:
        """Ignore what the constructor wants to keep: tags live in EC2's own table."""

    LaunchTemplate.tags = property(LaunchTemplate.get_tags, set_tags)


@patch("ec2", needed=ignores(VPCPeeringConnections.describe_vpc_peering_connections, "copy"))
def peering_tags_of_each_side() -> None:
    """Each side of a peering connection has tags of its own; moto shows both accounts the requester's."""

    @wrap(VPCPeeringConnections, "describe_vpc_peering_connections")
    def describe_vpc_peering_connections(original: Any, self: Any) -> Any:
        answer = original(self)
        seen = [copy.copy(connection) for connection in answer.result["VpcPeeringConnections"]]
        for connection in seen:
            connection.ec2_backend = self.ec2_backend  # where it looks its tags up
        answer.result["VpcPeeringConnections"] = seen
        return answer


@patch("ec2", needed=ignores(SecurityGroupRule.description, "source_group"))
def security_group_rule_description() -> None:
    """moto shows a rule's description only where its peer is a network, not where it is a security group."""
    SecurityGroupRule.description = property(
        lambda self: self.ip_range.get("Description") or self.source_group.get("Description")
    )


@patch("ec2", needed=ignores(NatGatewayBackend.delete_nat_gateway, "delete_network_interface"))
def nat_gateway_takes_its_interface_along() -> None:
    """moto leaves the network interface of a deleted NAT gateway behind, in a subnet that is gone."""

    @wrap(NatGatewayBackend, "delete_nat_gateway")
    def delete_nat_gateway(original: Any, self: Any, nat_gateway_id: str) -> Any:
        gateway = original(self, nat_gateway_id)
        if gateway._eni.id in self.enis:
            self.delete_network_interface(gateway._eni.id)
        return gateway


_ECS_AMI = re.compile(r"-ami-ecs-.*\.(20\d{6})(?:-|$)")


@patch("ec2", needed=lambda: True)
def age_of_amis() -> None:
    """moto's AMIs for ECS were all made this very moment; their names tell when they really were."""

    @wrap(Ami, "__init__")
    def init(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if (found := _ECS_AMI.search(self.name or "")) and not kwargs.get("creation_date"):
            self.creation_date = datetime.strptime(found[1], "%Y%m%d")  # naive, as moto's own dates
