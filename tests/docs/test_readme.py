"""README's tour, typed from top to bottom in a copy of the project, on an emulated AWS."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.docs.console import ROOT, Typed, reader, steps
from thoth_infra.cli.main import cli

# Not here: what needs Docker, pushed images or a plugin of AWS, and what stays until Ctrl-C.
# tests/deploy and tests/local show these.
NOT_HERE = frozenset({"deploy", "rollback", "exec", "images", "local"})
FOREVER = frozenset({"--watch", "--follow"})
# These need no AWS, or bring their own.
OFFLINE = frozenset({"env", "render", "rehearse", "cost", "simulate"})
# A machine may fall short of what doctor looks at.
MAY_FAIL = frozenset({"doctor"})


def command_of(words: list[str]) -> click.Command:
    """Return the command that words name, below its groups."""
    command: click.Command = cli
    for word in words:
        if not isinstance(command, click.Group):
            break
        found = command.get_command(click.Context(command, **command.context_settings), word)
        assert found is not None, word
        command = found
    return command


def emulated(words: list[str]) -> list[str]:
    """Return a command such that it ends, and asks no AWS but the emulated one."""
    words = [word for word in words if word not in FOREVER]
    takes = any("--emulate" in parameter.opts for parameter in command_of(words[1:]).params)
    asks = takes and "--emulate" not in words and "--env" in words
    agrees = ["--auto-approve"] if words[1] == "apply" else []
    return [*words, *(["--emulate"] if asks else []), *agrees]


def tour() -> Iterator[list[str]]:
    for step in steps((ROOT / "README.md").read_text()):
        if isinstance(step, Typed) and step.words[0] == "thoth-infra" and step.words[1] not in NOT_HERE:
            yield emulated(step.words)
            if step.words[1] == "stop-services":
                yield [*emulated(["thoth-infra", "start-services"]), *emulated(step.words)[2:]]


def test_the_tour_asks_no_real_aws() -> None:
    lines = [shlex.join(words) for words in tour()]
    assert len(lines) > 15
    reaching = [line for line in lines if "--env staging" in line and line.split()[1] not in OFFLINE]
    assert all("--emulate" in line for line in reaching)
    assert "thoth-infra status --env staging --emulate" in lines


@pytest.mark.slow
def test_the_tour_runs(tmp_path: Path) -> None:
    person, failed = reader(tmp_path), []
    for words in tour():
        done = person.types(shlex.join(words))
        if done.returncode not in ({0, 1} if words[1] in MAY_FAIL else {0}):
            failed.append(f"$ {shlex.join(words)}\n{done.stdout}(exit code {done.returncode})")
    assert not failed, "\n".join(failed)
