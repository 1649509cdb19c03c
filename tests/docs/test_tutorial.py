"""docs/tutorial.md: done as it says; each command prints what the tutorial shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.console import ROOT, Edited, Reader, Step, Typed, prints, reader, steps
from tests.docs.test_files import PAGE, unknown

STEPS = tuple(steps((ROOT / "docs" / "tutorial.md").read_text()))
# What the copy has already: the interpreter that runs the tests.
SET_UP = ("make venv", "source .venv/bin/activate")


def needs_terraform(step: Typed) -> bool:
    return "--emulate" in step.words or "clean" in step.words


def do(steps: tuple[Step, ...], person: Reader) -> list[str]:
    """Do the steps, and return what was not as the document shows it, files below .thoth included."""
    wrong = []
    for step in steps:
        if isinstance(step, Edited):
            person.edits(step)
        elif step.line not in SET_UP:
            done = person.types(step.line)
            if not prints(step.shown, done.stdout) or (done.returncode != 0) != ("Error: " in step.shown):
                wrong.append(f"$ {step.line}\n{done.stdout}(exit code {done.returncode})")
            written = (file for file in (person.root / ".thoth").rglob("*") if file.is_file())
            wrong += [
                f"{name} is not in {PAGE}" for name in unknown(f.relative_to(person.root).as_posix() for f in written)
            ]
    return wrong


def test_the_quick_steps_print_what_the_tutorial_shows(tmp_path: Path) -> None:
    quick = tuple(step for step in STEPS if isinstance(step, Edited) or not needs_terraform(step))
    assert len(quick) > 10
    wrong = do(quick, reader(tmp_path))
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_all_steps_print_what_the_tutorial_shows(tmp_path: Path) -> None:
    wrong = do(STEPS, reader(tmp_path))
    assert not wrong, "\n".join(wrong)


def test_output_that_differs_is_noticed() -> None:
    assert prints("a\n…\nz", "a\nb\nc\nz\n")
    assert prints("a … c\n…", "a b c\n")
    assert prints("…\nz", "z")
    assert not prints("a\nz", "a\nb\nz")
    assert not prints("a\n…\nz", "a\nb\n")
    assert not prints("", "something")
