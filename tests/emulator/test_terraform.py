"""The real Terraform and the real provider, on few resources that are quick to make."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.emulator.conftest import REGION
from thoth_infra.emulator import Emulator, running

ACCOUNT, SHARED = "111122223333", "444455556666"
CONFIGURATION = """
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
  backend "s3" {
    bucket       = "thoth-state"
    key          = "small/terraform.tfstate"
    region       = "us-east-1"
    encrypt      = true
    kms_key_id   = "alias/thoth-state"
    use_lockfile = true
  }
}
provider "aws" {
  region              = "us-east-1"
  allowed_account_ids = ["111122223333"]
  default_tags { tags = { Project = "thoth" } }
}
provider "aws" {
  alias               = "shared"
  region              = "us-east-1"
  allowed_account_ids = ["444455556666"]
  assume_role { role_arn = "arn:aws:iam::444455556666:role/network" }
  default_tags { tags = { Project = "shared" } }
}
data "aws_caller_identity" "me" {}
resource "aws_vpc" "this" { cidr_block = "10.0.0.0/16" }
resource "aws_subnet" "this" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "10.0.1.0/24"
}
resource "aws_security_group" "this" { vpc_id = aws_vpc.this.id }
resource "aws_vpc" "peer" {
  provider   = aws.shared
  cidr_block = "10.1.0.0/16"
}
resource "aws_vpc_peering_connection" "this" {
  vpc_id        = aws_vpc.this.id
  peer_vpc_id   = aws_vpc.peer.id
  peer_owner_id = "444455556666"
}
resource "aws_vpc_peering_connection_accepter" "this" {
  provider                  = aws.shared
  vpc_peering_connection_id = aws_vpc_peering_connection.this.id
  auto_accept               = true
}
resource "aws_ecs_task_definition" "api" {
  family                   = "api"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  skip_destroy             = true
  container_definitions    = jsonencode([{ name = "api", image = "api:1", essential = true }])
}
resource "aws_ecs_service" "api" {
  name                   = "api"
  cluster                = "ai" # made by the test: the provider waits 20 s for one, whatever happens
  task_definition        = aws_ecs_task_definition.api.arn
  desired_count          = 2
  enable_execute_command = true
  wait_for_steady_state  = true
  capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = 4
  }
  network_configuration {
    subnets         = [aws_subnet.this.id]
    security_groups = [aws_security_group.this.id]
  }
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
}
resource "aws_cloudwatch_query_definition" "errors" {
  name         = "thoth/errors"
  query_string = "fields @message"
}
output "who" { value = data.aws_caller_identity.me.arn }
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    if shutil.which("terraform") is None:
        pytest.skip("no Terraform on this machine")
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "main.tf").write_text(CONFIGURATION)
    return folder


def _terraform(emulator: Emulator, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = emulator.variables(account_id=ACCOUNT, region=REGION, role="thoth-deploy")
    return subprocess.run(
        ["terraform", *arguments, "-no-color"],
        cwd=root,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.terraform
def test_apply_restart_plan_is_empty_and_destroy_leaves_nothing(root: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running(state) as emulator:
        emulator.prepare_backend(account_id=ACCOUNT, bucket="thoth-state", region=REGION, kms_alias="thoth-state")
        init = _terraform(emulator, root, "init", "-input=false")
        if "Failed to query available provider packages" in init.stderr:
            pytest.skip("the provider is not to be had on this machine")
        assert init.returncode == 0, init.stderr
        emulator.client("ecs", account_id=ACCOUNT, region=REGION).create_cluster(clusterName="ai")
        apply = _terraform(emulator, root, "apply", "-auto-approve")
        assert apply.returncode == 0, apply.stderr
        assert f"arn:aws:sts::{ACCOUNT}:assumed-role/thoth-deploy/thoth" in apply.stdout

    with running(state) as emulator:
        plan = _terraform(emulator, root, "plan", "-detailed-exitcode")
        assert (plan.returncode, plan.stderr) == (0, ""), plan.stdout
        service = emulator.client("ecs", account_id=ACCOUNT, region=REGION).describe_services(
            cluster="ai", services=["api"]
        )["services"][0]
        assert service["enableExecuteCommand"] is True  # a clean plan alone doesn't show that it was kept
        destroy = _terraform(emulator, root, "destroy", "-auto-approve")
        assert destroy.returncode == 0, destroy.stderr
        assert _left(emulator) == {"vpcs": [], "services": [], "queries": [], "resources": 0}


def _left(emulator: Emulator) -> dict[str, object]:
    ec2 = [emulator.client("ec2", account_id=account, region=REGION) for account in (ACCOUNT, SHARED)]
    s3 = emulator.client("s3", account_id=ACCOUNT, region=REGION)
    state = json.load(s3.get_object(Bucket="thoth-state", Key="small/terraform.tfstate")["Body"])
    logs, ecs = (emulator.client(name, account_id=ACCOUNT, region=REGION) for name in ("logs", "ecs"))
    return {
        "vpcs": [vpc["VpcId"] for side in ec2 for vpc in side.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]],
        "services": ecs.list_services(cluster="ai")["serviceArns"],
        "queries": logs.describe_query_definitions()["queryDefinitions"],
        "resources": len(state["resources"]),
    }


@pytest.mark.slow
@pytest.mark.terraform
def test_an_unknown_action_ends_the_apply_at_once_and_by_name(root: Path, tmp_path: Path) -> None:
    configuration = re.sub(r"^data[\s\S]*", "", CONFIGURATION, flags=re.MULTILINE)
    (root / "main.tf").write_text(
        configuration
        + 'resource "aws_chatbot_slack_channel_configuration" "x" {\n  configuration_name = "x"\n'
        + f'  iam_role_arn = "arn:aws:iam::{ACCOUNT}:role/x"\n  slack_channel_id = "C0"\n  slack_team_id = "T0"\n}}\n'
    )
    with running(tmp_path / "state") as emulator:
        emulator.prepare_backend(account_id=ACCOUNT, bucket="thoth-state", region=REGION, kms_alias="thoth-state")
        if _terraform(emulator, root, "init", "-input=false").returncode:
            pytest.skip("the provider is not to be had on this machine")
        apply = _terraform(emulator, root, "apply", "-auto-approve")

    assert apply.returncode == 1
    assert "the AWS emulator has no chatbot:POST /create-slack-channel-configuration" in " ".join(
        apply.stderr.replace("│", " ").split()
    )
