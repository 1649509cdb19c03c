"""What the documents say is what the code does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from thoth_infra import errors
from thoth_infra.cli.main import cli
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load

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


DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """A document without its blocks of code."""
    return re.sub(r"(?ms)^ *```.*?^ *```$", "", path.read_text())


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives a document's headings."""
    headings = re.findall(r"(?m)^#+ (.*)$", prose(path))
    plain = (re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", heading)) for heading in headings)
    return {heading.lower().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_in_the_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^):]+)\)", prose(document)):
        path, _, anchor = target.partition("#")
        found = (document.parent / path).resolve() if path else document
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


def test_every_document_is_on_the_map() -> None:
    folder = ROOT / "docs"
    linked = {
        (folder / target.partition("#")[0]).resolve()
        for target in re.findall(r"\]\(([^):]+)\)", prose(folder / "index.md"))
    }
    files = {path for kind in ("*.md", "*.json") for path in folder.rglob(kind)}
    assert files - {folder / "index.md"} <= linked


def glossary() -> list[str]:
    rows = re.findall(r"(?m)^\| ([a-z].*?) \|", (ROOT / "docs" / "glossary.md").read_text())
    return [word for row in rows if row != "word" for word in row.split(", ")]


@pytest.mark.parametrize("word", glossary())
def test_a_word_of_the_glossary_is_one_that_the_documents_use(word: str) -> None:
    others = " ".join(prose(path).lower() for path in DOCUMENTS if path.name != "glossary.md")
    assert re.search(rf"\b{re.escape(word)}", " ".join(others.split()))


def test_no_word_of_the_glossary_is_explained_twice() -> None:
    assert len(glossary()) == len(set(glossary()))


def test_keys_with_a_value_within_sentences_are_taken_by_the_configuration() -> None:
    """``whisper.compute_type: float16`` and the like, wherever a document has it."""
    found = {
        (key, value)
        for path in DOCUMENTS
        for key, value in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+): ([\w-]+)`", prose(path))
        if not key.startswith("services.NAME")
    }
    assert len(found) >= 3
    for key, value in found:
        start = key.partition(".")[0]
        above = (
            ""
            if start in Environment.model_fields
            else {"scaling": "services.transcription."}.get(start, "gpu_pools.main.")
        )
        load(ROOT, "production", personal=False, settings=(f"{above}{key}={value}",))
