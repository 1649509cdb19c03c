from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.conftest import AsAccount


def _template(ec2: Any) -> str:
    data = {
        "InstanceType": "g4dn.xlarge",
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "gpu"}]}],
    }
    own = [{"ResourceType": "launch-template", "Tags": [{"Key": "Pool", "Value": "spot"}]}]
    made = ec2.create_launch_template(LaunchTemplateName="gpu", LaunchTemplateData=data, TagSpecifications=own)
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


@pytest.mark.patch("launch_template_data_without_own_tags")
def test_the_templates_own_tags_stay_out_of_its_data(aws: AsAccount) -> None:
    ec2 = aws("ec2")

    versions = ec2.describe_launch_template_versions(LaunchTemplateId=_template(ec2))["LaunchTemplateVersions"]

    tagged = [one["ResourceType"] for one in versions[0]["LaunchTemplateData"]["TagSpecifications"]]
    assert tagged == ["instance"]


@pytest.mark.patch("launch_template_tags_change")
def test_tags_put_on_a_template_later_show(aws: AsAccount) -> None:
    ec2 = aws("ec2")
    template = _template(ec2)

    ec2.create_tags(Resources=[template], Tags=[{"Key": "Pool", "Value": "on-demand"}])

    found = ec2.describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"][0]
    assert found["Tags"] == [{"Key": "Pool", "Value": "on-demand"}]


@pytest.mark.patch("peering_tags_of_each_side")
def test_each_side_of_a_peering_has_its_own_tags(aws: AsAccount, other_account: str) -> None:
    here, there = aws("ec2"), aws("ec2", other_account)
    vpc = here.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    peer = there.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    made = here.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer, PeerOwnerId=other_account)
    peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    there.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    here.create_tags(Resources=[peering], Tags=[{"Key": "Side", "Value": "requester"}])
    there.create_tags(Resources=[peering], Tags=[{"Key": "Side", "Value": "accepter"}])

    tags = [side.describe_vpc_peering_connections()["VpcPeeringConnections"][0]["Tags"] for side in (here, there)]

    assert [tag[0]["Value"] for tag in tags] == ["requester", "accepter"]


@pytest.mark.patch("security_group_rule_description")
def test_a_rule_between_security_groups_has_a_description(aws: AsAccount) -> None:
    ec2 = aws("ec2")
    group, peer = (ec2.create_security_group(GroupName=name, Description="x")["GroupId"] for name in ("api", "db"))
    pair = {"GroupId": peer, "Description": "api to db"}
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [pair]}],
    )

    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])

    assert "api to db" in [rule.get("Description") for rule in found["SecurityGroupRules"]]
