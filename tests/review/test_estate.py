"""docs/estate.md: current, complete, and refused where a tree or a test does not keep its word."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.render.support import PROJECT, copy_project
from thoth_infra.errors import CheckFailed
from thoth_infra.review import estate
from thoth_infra.review.requirements import PARTS, Part

# Rows of the specification; the command rows S3 and S4 are told in docs/commands.md.
ROWS = [*(f"S1.{number}" for number in range(1, 10)), *(f"S2.{number}" for number in range(1, 14))]

TREE = {
    "00-backend.tf": 'terraform {\n  backend "s3" {\n    key = "k"\n  }\n}\n',
    "01-providers.tf": 'provider "aws" {\n  region = "r"\n}\n\nprovider "aws" {\n  alias  = "shared"\n}\n',
    "10-queues.tf": (
        'locals {\n  prefix = "p"\n  alarms = merge(\n'
        '    { for name in keys(var.queues) : "${name}-backlog" => { threshold = 1 } },\n'
        "    {\n      database-cpu = {\n        threshold = 2\n      }\n    },\n  )\n}\n\n"
        'resource "aws_alarm" "this" {\n  for_each = local.alarms\n}\n\ndata "aws_zone" "this" {\n}\n'
    ),
    "modules/ai-services/main.tf": 'resource "aws_ecs_service" "this" {\n}\n',
    "dev.auto.tfvars": 'environment = "dev"\nservices = {\n  api = {\n    cpu = 1\n  }\n}\n',
}


def test_the_document_is_current() -> None:
    assert (PROJECT / estate.DOCUMENT).read_text() == estate.document(PROJECT), (
        "run `python -m thoth_infra.review.estate`"
    )


def test_every_row_is_answered_and_no_other() -> None:
    assert list(dict.fromkeys(part.row for part in PARTS)) == ROWS


def test_no_part_is_told_twice() -> None:
    told = [(part.row, part.what) for part in PARTS]
    assert len(set(told)) == len(told)


@cache
def _tests(path: str) -> frozenset[str]:
    body = ast.parse((PROJECT / path).read_text()).body
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("proof", sorted({part.test for part in PARTS}))
def test_every_proof_is_a_test_that_there_is(proof: str) -> None:
    path, _, name = proof.partition("::")
    assert name in _tests(path)


def test_a_resource_that_goes_is_noticed(tmp_path: Path) -> None:
    root = copy_project(tmp_path / "project")
    for path in (root / "terraform").rglob("33-backup.tf"):
        path.unlink()

    with pytest.raises(CheckFailed, match=r"S2\.13 \(backups in a vault\): aws_backup_selection\.this") as caught:
        estate.lines(root)
    assert "requirements.py" in str(caught.value.hint)


def test_the_document_is_written_into_its_project(tmp_path: Path) -> None:
    root = copy_project(tmp_path / "project")
    (root / "docs").mkdir()

    estate.write(root)

    assert (root / estate.DOCUMENT).read_text() == (PROJECT / estate.DOCUMENT).read_text()


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("terraform.backend.s3", "00-backend.tf"),
        ("provider.aws", "01-providers.tf"),
        ("provider.aws.shared", "01-providers.tf"),
        ("provider.aws.other", None),
        ("local.prefix", "10-queues.tf"),
        ("local.threshold", None),
        ("aws_alarm.this", "10-queues.tf"),
        ("data.aws_zone.this", "10-queues.tf"),
        ("aws_zone.this", None),
        ("module.ai_services.aws_ecs_service.this", "modules/ai-services/main.tf"),
        ("aws_ecs_service.this", None),
        ('module.ai_services.aws_ecs_service.this["api"]', "modules/ai-services/main.tf"),
        ('module.ai_services.aws_ecs_service.this["ap"]', None),
        ('aws_alarm.this["database-cpu"]', "10-queues.tf"),
        ('aws_alarm.this["transcription-backlog"]', "10-queues.tf"),
        ('aws_alarm.this["cpu"]', None),
        ('aws_alarm.this["backlog"]', None),
    ],
)
def test_addresses_are_found_where_they_are_declared(address: str, file: str | None) -> None:
    part = Part("S1.1", "what", address)
    assert estate.file_of(part, TREE, estate.addresses(TREE)) == file


def test_a_value_is_found_in_its_tfvars_file_only_when_that_is_asked_for() -> None:
    part = Part("S2.2", "tfvars", "var.environment")
    known = estate.addresses(TREE)

    assert estate.file_of(part, TREE, known) is None
    assert estate.file_of(replace(part, file="dev.auto.tfvars"), TREE, known) == "dev.auto.tfvars"
