"""Drift: what a hand changed is named, what autoscaling moves is not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CLEAN, Cli
from tests.render.support import copy_project
from thoth_infra.emulator import Emulator, running

OWN = "087439708020"
ENVIRONMENT = ("--env", "dev", "--emulate")
pytestmark = pytest.mark.terraform

# An autoscaled service as the estate has them, beside a rule and something with tags.
ESTATE = """\
resource "aws_vpc" "this" {
  cidr_block = "10.30.0.0/16"
}

resource "aws_subnet" "this" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "10.30.1.0/24"
}

resource "aws_security_group" "files" {
  name   = "${var.project}-${var.environment}-files"
  vpc_id = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "files" {
  security_group_id = aws_security_group.files.id
  cidr_ipv4         = aws_vpc.this.cidr_block
  ip_protocol       = "tcp"
  from_port         = 2049
  to_port           = 2049
}

resource "aws_ecs_cluster" "this" {
  name = "${var.project}-${var.environment}"
}

resource "aws_ecs_task_definition" "worker" {
  family                = "${var.project}-${var.environment}-worker"
  network_mode          = "awsvpc"
  container_definitions = jsonencode([{ name = "worker", image = "worker", memory = 128 }])
}

resource "aws_ecs_service" "worker" {
  name            = "worker"
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.worker.arn
  desired_count   = 0

  network_configuration {
    subnets = [aws_subnet.this.id]
  }

  lifecycle {
    ignore_changes = [desired_count]
  }
}
"""


@pytest.fixture
def estate(cli: Cli, project: Path) -> Cli:
    """The small project with the estate above in place of its queues, which take half a minute."""
    text = (project / "templates" / "10-queues.tf.j2").read_text()
    variables = "".join(line for line in text.splitlines(keepends=True) if line.startswith("variable "))
    (project / "templates" / "10-queues.tf.j2").unlink()
    (project / "templates" / "10-estate.tf.j2").write_text(f"{variables}\n{ESTATE}")
    applied = cli("apply", *ENVIRONMENT)
    assert applied.returncode == 0, applied.stderr
    return cli


@contextmanager
def _by_hand(cli: Cli) -> Iterator[Emulator]:
    with running(cli.root / ".thoth" / "dev" / "emulated" / "aws") as emulator:
        yield emulator


def _client(aws: Emulator, service: str) -> Any:
    return aws.client(service, account_id=OWN, region="us-east-1")


def _open_a_rule(aws: Emulator, group: str) -> None:
    """Let one rule of the group called ``group`` in from everywhere."""
    ec2 = _client(aws, "ec2")
    (found,) = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [group]}])["SecurityGroups"]
    permission = next(permission for permission in found["IpPermissions"] if permission["FromPort"] == 2049)
    permission["UserIdGroupPairs"] = permission["UserIdGroupPairs"][:1]  # the rules of one port come as one
    ec2.revoke_security_group_ingress(GroupId=found["GroupId"], IpPermissions=[permission])
    opened = {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=found["GroupId"], IpPermissions=[opened])


def _change(aws: Emulator, *, cluster: str, group: str) -> None:
    ecs = _client(aws, "ecs")
    (found,) = ecs.describe_clusters(clusters=[cluster])["clusters"]
    ecs.tag_resource(resourceArn=found["clusterArn"], tags=[{"key": "Owner", "value": "nobody"}])
    _open_a_rule(aws, group)


def _scale(aws: Emulator, *, cluster: str, service: str) -> None:
    ecs = _client(aws, "ecs")
    ecs.update_service(cluster=cluster, service=service, desiredCount=3)
    assert ecs.describe_services(cluster=cluster, services=[service])["services"][0]["desiredCount"] == 3


@pytest.mark.slow
def test_a_tag_and_a_rule_are_drift_and_an_autoscaled_count_is_not(estate: Cli) -> None:
    with _by_hand(estate) as aws:
        _scale(aws, cluster="thoth-dev", service="worker")
    scaled = estate("drift", *ENVIRONMENT)
    with _by_hand(estate) as aws:
        _change(aws, cluster="thoth-dev", group="thoth-dev-files")
    changed = estate("drift", *ENVIRONMENT)

    assert (scaled.returncode, scaled.stdout) == (0, "dev (the emulator, us-east-1): no drift\n"), scaled.stderr
    assert changed.returncode == 2, changed.stderr
    assert sorted(line.split()[1] for line in changed.stdout.splitlines()) == [
        "aws_ecs_cluster.this",
        "aws_vpc_security_group_ingress_rule.files",
    ]


@pytest.mark.slow
def test_drift_of_the_real_estate(tmp_path: Path) -> None:
    cli = Cli(copy_project(tmp_path / "project"), CLEAN)
    _run(cli, "apply")
    assert _run(cli, "drift", expected=0) == "dev (the emulator, us-east-1): no drift\n"
    with _by_hand(cli) as aws:
        _scale(aws, cluster="thoth-dev", service="transcription")
        _change(aws, cluster="thoth-dev", group="thoth-dev-files")

    found = {line.split()[1] for line in _run(cli, "drift", expected=2).splitlines()}

    assert "aws_ecs_cluster.this" in found
    rules = {address for address in found if address.startswith("aws_vpc_security_group_ingress_rule.flow[")}
    assert len(rules) == 1
    assert found == {"aws_ecs_cluster.this", *rules}


def _run(cli: Cli, command: str, expected: int = 0) -> str:
    process = cli.start(command, *ENVIRONMENT)
    out, err = process.communicate(timeout=900)
    done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    assert done.returncode == expected, done.stdout[-4000:] + done.stderr[-4000:]
    return out
