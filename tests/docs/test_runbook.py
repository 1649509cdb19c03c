"""docs/runbook.md and docs/delivery.md: current where they are generated, and only commands that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import commands
from thoth_infra.aws.diagnosis import TABLE
from thoth_infra.errors import ThothError
from thoth_infra.review import runbook

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("docs/runbook.md", "docs/delivery.md")


def shown(document: str) -> list[str]:
    """The commands that a document shows to be typed."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / document).read_text())
    return [line for line in re.findall(r"(?m)^ *\$ (.*)$", text) if line.startswith("thoth-infra ")]


def test_the_generated_parts_are_current() -> None:
    text = (ROOT / runbook.DOCUMENT).read_text()
    assert text == runbook.document(ROOT, text), "run `python -m thoth_infra.review.runbook`"
    assert all(f"| {row.name} |" in text for row in TABLE)


def test_a_generated_part_whose_place_is_gone_is_refused() -> None:
    text = (ROOT / runbook.DOCUMENT).read_text()
    for marker in ("<!-- end of diagnosis -->", "<!-- time-outs: generated"):
        with pytest.raises(ThothError, match="has no place for"):
            runbook.document(ROOT, text.replace(marker, ""))


def test_an_outdated_part_is_brought_up_to_date() -> None:
    text = (ROOT / runbook.DOCUMENT).read_text()
    assert runbook.document(ROOT, text.replace("| vCPU quota |", "| quota |")) == text


@pytest.mark.parametrize("line", sorted({line for document in DOCUMENTS for line in shown(document)}))
def test_every_command_is_one_that_there_is(line: str) -> None:
    assert commands.wrong(line) is None


def test_a_command_that_there_is_not_is_noticed() -> None:
    for line in (
        "thoth-infra drifts --env staging", "thoth-infra drift", "thoth-infra drift --env staging --now",
        "thoth-infra images", "thoth-infra images burn", "thoth-infra plan --env staging --summary html",
        "thoth-infra restart-service --env staging",
    ):  # fmt: skip
        assert commands.wrong(line), line
    for line in (
        "thoth-infra drift --env staging > x 2>&1",
        "thoth-infra --json plan --env staging | jq .",
        "thoth-infra --help",
    ):
        assert commands.wrong(line) is None, line


def mentioned() -> set[str]:
    """The commands that the runbook speaks of within its sentences, and that its table of diagnoses names."""
    text = (ROOT / "docs/runbook.md").read_text()
    return {found for found in re.findall(r"`(thoth-infra [a-z][^`]*)`", text) if "start_period" not in found}


def test_commands_within_sentences_are_those_that_there_are() -> None:
    known = commands.names()
    for line in mentioned():
        assert line.split()[1] in known, line


def whatever_its_name(key: str) -> str:
    """Return a key with NAME for the name of a pool or service."""
    return re.sub(r"^(gpu_pools|services)\.[^.]+", r"\1.NAME", key)


def test_keys_within_sentences_are_those_that_there_are() -> None:
    reference = (ROOT / "docs/configuration.md").read_text()
    known = set(map(whatever_its_name, re.findall(r"(?m)^\| `([a-z_.<>]+)`", reference)))
    text = (ROOT / "docs/runbook.md").read_text()
    named = set(map(whatever_its_name, re.findall(r"`((?:[a-z_]+\.)+(?:NAME\.)?[a-z_.]+)`", text)))
    keys = {key for key in named if key.partition(".")[0] in {one.partition(".")[0] for one in known}}
    assert len(keys) >= 5
    assert keys <= known


@pytest.mark.parametrize(
    "topic",
    ["three in the morning", "deployment is stuck", "Bring back", "GPU is not detected", "Out of memory",
     "starts slowly", "Time-outs", "Dead letters", "Stop and start", "state is locked", "Restore from a backup"],
)  # fmt: skip
def test_the_runbook_has_a_section_for(topic: str) -> None:
    headings = re.findall(r"(?m)^## (.*)$", (ROOT / "docs/runbook.md").read_text())
    assert any(topic in heading for heading in headings)
