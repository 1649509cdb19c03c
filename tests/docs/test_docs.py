"""What the documents say is what the code does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from thoth_infra import errors
from thoth_infra.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def documented(text: str) -> set[int]:
    return {int(code) for code in re.findall(r"(?m)^\| (\d+) \|", text)}


def test_every_error_has_its_exit_code_in_the_table() -> None:
    table = documented((ROOT / "docs" / "exit-codes.md").read_text())
    pending, found = [errors.ThothError], set()
    while pending:
        kind = pending.pop()
        found.add(kind.exit_code)
        pending += kind.__subclasses__()
    assert found <= table


def readme_commands() -> list[str]:
    """The commands that README shows, without those of other programs."""
    lines = re.findall(r"(?m)^\$ (.*)$", README)
    return [line.split("#")[0].strip() for line in lines if line.startswith("thoth-infra ")]


@pytest.mark.parametrize("line", readme_commands())
def test_readmes_commands_exist_with_their_options(line: str) -> None:
    words = shlex.split(line)[1:]
    command: click.Command = cli
    with click.Context(cli) as context:
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            found = command.get_command(context, words.pop(0))
            assert found is not None, line
            command = found
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--") and word != "--"} <= known


def test_readme_shows_its_two_commands_first() -> None:
    first = re.findall(r"(?m)^\$ (make \w+)", README)
    assert first[:2] == ["make demo", "make test"]


def test_links_in_the_documents_lead_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
