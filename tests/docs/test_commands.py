"""Every command line that a document shows is one that there is; those that only read or render are run."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests import commands
from tests.docs.console import ROOT, Edited, Typed, prints, steps
from thoth_infra.cli.main import COMMANDS, cli
from thoth_infra.errors import ThothError

DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
GUIDES = sorted((ROOT / "docs" / "how-to").glob("*.md"))
OTHERS = frozenset({"aws", "curl", "git", "rm", "export", "eval", "source", "install", "$EDITOR", "cd"})
PROJECT = ("environments", "templates", "terraform", ".github")


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def shown() -> Iterator[tuple[str, str]]:
    """Yield every line that a document has its reader type, with the document's name."""
    for document in DOCUMENTS:
        yield from ((named(document), step.line) for step in steps(document.read_text()) if isinstance(step, Typed))


def wrong(line: str, targets: frozenset[str]) -> str | None:
    """Return what is wrong with a command line, or None."""
    line = re.sub(r"^(\w+=\S+ )+", "", line)
    words = shlex.split(line, comments=True)
    match words:
        case ["thoth-infra", *_]:
            with contextlib.chdir(ROOT):  # files are looked for from there
                return commands.wrong(line)
        case ["make", *rest]:
            missing = {word for word in rest if "=" not in word} - targets
            return f"there is no target {', '.join(sorted(missing))}" if missing else None
        case [("python" | "python3"), "-m", module, *_]:
            return None if importlib.util.find_spec(module) else f"there is no module {module}"
        case [program, *_] if program.startswith("./"):
            return None if (ROOT / program).is_file() else f"there is no {program}"
        case [program, *_] if program in OTHERS:
            return None
    return "what is that?"


@pytest.fixture(scope="module")
def targets() -> frozenset[str]:
    return frozenset(re.findall(r"(?m)^([a-z][a-z-]*):", (ROOT / "Makefile").read_text()))


@pytest.mark.parametrize(("document", "line"), sorted(set(shown())))
def test_every_command_is_one_that_there_is(document: str, line: str, targets: frozenset[str]) -> None:
    assert wrong(line, targets) is None, document


def test_a_command_that_there_is_not_is_noticed(targets: frozenset[str]) -> None:
    for line in (
        "thoth-infra plans --env staging", "AWS_PROFILE=x thoth-infra plan", "make plans ENV=staging", "./nothing.sh",
        "python -m workers.api.locks", "terrafrom plan", "thoth-infra env explain --env staging",
    ):  # fmt: skip
        assert wrong(line, targets), line


def test_commands_within_sentences_and_tables_are_those_that_there_are() -> None:
    for document in DOCUMENTS:
        text = re.sub(r"(?s)```.*?```", "", document.read_text())
        for line in re.findall(r"`thoth-infra ([a-z][a-z-]*)", text):
            assert line in COMMANDS, f"{named(document)}: {line}"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in PROJECT:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns(".terraform"))
    shutil.copy(ROOT / ".terraform-version", tmp_path)
    for name in ("THOTH_ENV", "THOTH_ROOT", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def is_safe(step: Typed) -> bool:
    """Whether a command looks, renders or writes a new environment's file: no Terraform, no AWS."""
    return step.words[:1] == ["thoth-infra"] and step.words[1] in {"env", "render"}


def runs_here(guide: Path) -> bool:
    return any(isinstance(step, Edited) or (is_safe(step) and step.shown) for step in steps(guide.read_text()))


def done(step: Typed) -> str:
    """Run a command here, and return what it prints, with its error if it has one."""
    result = CliRunner().invoke(cli, step.words[1:])
    if isinstance(result.exception, ThothError):
        return f"{result.output}Error: {result.exception.message}\n"
    assert result.exit_code == 0, f"{step.line}: {result.output}{result.exception!r}"
    return result.output


@pytest.mark.parametrize("guide", [guide for guide in GUIDES if runs_here(guide)], ids=named)
def test_guides_changes_apply_and_their_safe_commands_print_what_is_shown(guide: Path, project: Path) -> None:
    for step in steps(guide.read_text()):
        if isinstance(step, Edited):
            text = (project / step.file).read_text()
            assert text.count(step.before) == 1, f"{step.file} has no single {step.before!r}"
            (project / step.file).write_text(text.replace(step.before, step.after))
        elif is_safe(step):
            said = done(step)
            assert "Error: " not in said, f"{step.line}\n{said}"
            assert not step.shown or prints(step.shown, said), f"{step.line}\n{said}"


def is_alone(step: Typed) -> bool:
    """Whether a command neither needs nor makes what a guide makes."""
    return is_safe(step) and step.words[1:3] != ["env", "new"] and not {"qa", "--check"} & set(step.words)


@pytest.mark.parametrize("line", sorted({line for _, line in shown() if is_alone(Typed(line, ""))}))
def test_commands_that_only_look_run(line: str, project: Path) -> None:
    assert "Error: " not in done(Typed(line, ""))
