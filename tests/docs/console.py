"""Types what a document shows, in a copy of the project, and compares what is printed with what the document says.

In ```` ```console ```` blocks a line that begins with ``$`` is typed, and those below are what it prints, on stdout and
stderr together. A line that is ``…`` stands for any lines, ``…`` within a line for any text. A ```` ```diff ```` block
changes a file: ``--- FILE``, then lines with ``-`` and ``+``.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(?ms)^(?P<indent> *)```(?P<kind>console|diff)\n(?P<body>.*?)^ *```$")
ELLIPSIS = "…"


@dataclass(frozen=True)
class Typed:
    """A command, and what the document says that it prints."""

    line: str
    shown: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line, comments=True)


@dataclass(frozen=True)
class Edited:
    """A change of a file."""

    file: str
    before: str
    after: str


Step: TypeAlias = Typed | Edited


def steps(text: str) -> Iterator[Step]:
    """Yield what a document has its reader do, in order."""
    for block in BLOCK.finditer(text):
        body = re.sub(rf"(?m)^{block['indent']}", "", block["body"])
        if block["kind"] == "console":
            yield from _typed(body)
        else:
            yield _edited(body)


def _typed(body: str) -> Iterator[Typed]:
    line, shown = None, list[str]()
    for row in re.sub(r"\\\n\s*", " ", body).splitlines():
        if row.startswith("$ "):
            if line is not None:
                yield Typed(line, "\n".join(shown))
            line, shown = row.removeprefix("$ "), []
        else:
            shown.append(row)
    if line is not None:
        yield Typed(line, "\n".join(shown))


def _edited(body: str) -> Edited:
    head, *rows = body.splitlines()
    before, after = ("\n".join(row[1:] for row in rows if row.startswith(mark)) for mark in "-+")
    return Edited(head.removeprefix("--- "), before, after)


def prints(shown: str, said: str) -> bool:
    """Whether what was printed is what a document shows."""
    pattern = []
    for row in shown.strip().splitlines():
        if row.strip() == ELLIPSIS:
            pattern.append(r"(?:.*\n)*?")
        else:
            pattern.append(".*?".join(map(re.escape, row.rstrip().split(ELLIPSIS))) + r" *\n")
    return re.fullmatch(r"\n*" + "".join(pattern) + r"\n*", said.rstrip() + "\n") is not None


@dataclass(frozen=True)
class Reader:
    """Does what a document says, in a project of its own."""

    root: Path
    variables: dict[str, str]

    def types(self, line: str, timeout: int = 900) -> subprocess.CompletedProcess[str]:
        """Type a line into a shell, and return all that it prints as ``stdout``."""
        return subprocess.run(
            ["bash", "-c", line], cwd=self.root, env=self.variables, text=True, timeout=timeout, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def edits(self, change: Edited) -> None:
        """Change a file as the document says; the text to be replaced must be there, once."""
        file = self.root / change.file
        text = file.read_text()
        assert text.count(change.before) == 1, f"{change.file} has no single {change.before!r}"
        file.write_text(text.replace(change.before, change.after))


def reader(folder: Path) -> Reader:
    """Return a reader in ``folder``, whose project is this one as it lies here, committed."""
    root, tools = folder / "project", folder / "bin"
    git = shutil.which("git") or "git"
    listed = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    tools.mkdir()
    (tools / "thoth-infra").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m thoth_infra "$@"\n')
    (tools / "thoth-infra").chmod(0o755)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "THOTH_", "TF_", "GIT_"))}
    author = {
        f"GIT_{who}_{what}": "reader@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    path = f"{tools}{os.pathsep}{clean['PATH']}"
    found = Reader(root, {**clean, **author, "PATH": path, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"})
    done = found.types("git init --quiet && git add --all && git commit --quiet --message start")
    assert done.returncode == 0, done.stdout
    return found
