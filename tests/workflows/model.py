"""The rendered workflows, read as GitHub reads them, and what does not resolve in them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from tests import commands

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / ".github/workflows"

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_NAME = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w*-]+)*\(?")
_FUNCTIONS = {"fromJSON(", "cancelled(", "always(", "success(", "failure("}
_GITHUB = {"github.ref", "github.repository", "github.token", "github.sha"}
_OF_PULL_REQUESTS = {
    f"github.event.pull_request.{name}" for name in ("number", "head.sha", "head.repo.full_name", "base.sha")
}
# Of the hosted runners.
_RUNNER = {"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_SHA", "HOME"}
_PROGRAMS = {
    "apt-get", "cat", "cut", "docker", "echo", "exit", "mkdir", "sha256sum", "sudo", "tee", "test", "}",
}  # fmt: skip
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
_ASSIGNED = re.compile(r"(?m)^\s*(\w+)=|(?<=\|\| )(\w+)=")


@dataclass(frozen=True)
class Job:
    """One job of a workflow, by its name in the file."""

    workflow: Workflow
    id: str
    data: Mapping[str, Any]

    @property
    def steps(self) -> Sequence[Mapping[str, Any]]:
        return list(self.data["steps"])

    @property
    def needs(self) -> list[str]:
        found = self.data.get("needs", [])
        return [found] if isinstance(found, str) else list(found)

    @property
    def rows(self) -> list[Mapping[str, str]]:
        """The rows of the matrix; those that are computed come from the JSON that the computing step is given."""
        include = self.data.get("strategy", {}).get("matrix", {}).get("include", [])
        if isinstance(include, list):
            return include
        (needed,) = set(re.findall(r"needs\.([\w-]+)\.", include))
        steps = self.workflow.jobs[needed].steps
        (text,) = [step["env"]["ENVIRONMENTS"] for step in steps if "ENVIRONMENTS" in step.get("env", {})]
        return list(json.loads(text))

    def uses(self, action: str) -> list[Mapping[str, Any]]:
        return [step for step in self.steps if step.get("uses", "").startswith(f"{action}@")]

    @property
    def roles(self) -> set[str]:
        """The ARNs of the roles that its steps sign in as."""
        named = {step["with"]["role-to-assume"] for step in self.uses("aws-actions/configure-aws-credentials")}
        return {row["role"] if name == "${{ matrix.role }}" else name for name in named for row in (self.rows or [{}])}


@dataclass(frozen=True)
class Workflow:
    """One file."""

    name: str
    text: str

    @cached_property
    def data(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = yaml.safe_load(self.text)
        return found

    @property
    def triggers(self) -> Mapping[str, Any]:
        found: Mapping[Any, Any] = self.data
        return dict(found[True])  # YAML 1.1 reads `on` as true

    @cached_property
    def jobs(self) -> dict[str, Job]:
        return {name: Job(self, name, data) for name, data in self.data["jobs"].items()}


def rendered() -> list[Workflow]:
    """Return the committed workflows."""
    return [Workflow(path.name, path.read_text()) for path in sorted(FOLDER.glob("*.yml"))]


def problems(workflow: Workflow) -> list[str]:
    """Return everything in a workflow that leads nowhere."""
    found = list(_triggers(workflow))
    for job in workflow.jobs.values():
        found += [f"{job.id}: needs {name}, which there is not" for name in job.needs if name not in workflow.jobs]
        found += [f"{job.id}: {text}" for text in _of_job(job)]
    return found


def _triggers(workflow: Workflow) -> Iterator[str]:
    for trigger in workflow.triggers.values():
        for pattern in (trigger or {}).get("paths", []) if isinstance(trigger, dict) else []:
            # A lock is there from the first push of images on.
            wanted = pattern.replace(".images.lock", ".yaml")
            if not any(fnmatchcase(name, wanted) for name in tracked()):
                yield f"paths: nothing is like {pattern}"


@cache
def tracked() -> tuple[str, ...]:
    """Return every file of the project that Git knows or would know."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    return tuple(subprocess.run(listed, cwd=PROJECT, check=True, capture_output=True, text=True).stdout.split("\n"))


def _of_job(job: Job) -> Iterator[str]:
    for key, value in job.data.items():
        if key != "steps":
            for text in _strings(value):
                yield from _expressions(job, text, bare=key == "if", steps=key == "outputs")
    for step in job.steps:
        for key, value in step.items():
            for text in _strings(value):
                yield from _expressions(job, text, bare=key == "if", steps=True)
        if "run" in step:
            yield from _script(job, step)
        elif not (step["uses"].startswith("./") and (PROJECT / step["uses"]).exists()):
            yield from _action(step["uses"])


def _action(used: str) -> Iterator[str]:
    if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", used):
        yield f"{used} is not pinned by a commit"


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def _expressions(job: Job, text: str, *, bare: bool, steps: bool) -> Iterator[str]:
    for expression in [text] if bare else EXPRESSION.findall(text):
        for name in _NAME.findall(_QUOTED.sub("", expression)):
            if name not in ("true", "false") and (wrong := _unknown(job, name, steps)):
                yield f"{name} {wrong}"


def _unknown(job: Job, name: str, steps: bool) -> str | None:
    """Return why a name of an expression does not resolve."""
    kind, *rest = name.split(".")
    match kind:
        case "needs":
            return _of_needs(job, rest)
        case "steps" if steps:
            return _of_steps(job, rest)
        case "matrix":
            rows = job.rows
            return None if rows and all(rest[0] in row for row in rows) else "is not in every row of the matrix"
        case "env":
            return None if rest[0] in job.data.get("env", {}) else "is not in the job's env"
        case "github":
            known = _GITHUB | (_OF_PULL_REQUESTS if "pull_request" in job.workflow.triggers else set())
            return None if name in known else "is not known of this event"
    return None if name in _FUNCTIONS else "is not known"


def _of_needs(job: Job, rest: list[str]) -> str | None:
    if not rest or rest[0] not in job.needs or rest[0] not in job.workflow.jobs:
        return "is none of the jobs that this one needs"
    if rest[1:] == ["result"]:
        return None
    known = job.workflow.jobs[rest[0]].data.get("outputs", {})
    return None if rest[1:2] == ["outputs"] and rest[2] in known else "is no output of that job"


def _of_steps(job: Job, rest: list[str]) -> str | None:
    step = next((step for step in job.steps if step.get("id") == rest[0]), None)
    if step is None:
        return "is no step of this job"
    written = re.findall(r"\"(\w+)=[^\n]*GITHUB_OUTPUT", step.get("run", ""))
    return None if rest[1:2] == ["outputs"] and rest[2] in written else "is not written by that step"


def _script(job: Job, step: Mapping[str, Any]) -> Iterator[str]:
    script: str = step["run"]
    if EXPRESSION.search(script):
        yield "an expression within a script: pass it as a variable"
    assigned = {name for pair in _ASSIGNED.findall(script) for name in pair if name}
    known = {*job.data.get("env", {}), *step.get("env", {}), *_RUNNER, *assigned}
    for name in sorted(set(_VARIABLE.findall(script)) - known):
        yield f"${name} is set nowhere"
    for line in lines(script):
        yield from _command(line)


def lines(script: str) -> list[str]:
    """Return the commands of a script, with those inside of $( )."""
    joined = re.sub(r"\\\n\s*", " ", script)
    plain = [line.strip() for line in joined.splitlines() if line.strip() and not line.strip().startswith("#")]
    inner = [text for line in plain for text in re.findall(r"\$\(((?:[^()]|\([^()]*\))*)\)", line)]
    return [*plain, *inner]


def _command(line: str) -> Iterator[str]:
    while (without := re.sub(r"\$\([^()]*\)", "x", line)) != line:
        line = without
    words = shlex.split(line, comments=True)
    while words and re.match(r"\w+=", words[0]):
        words.pop(0)
    if not words:
        return
    if words[0].endswith("/thoth-infra"):
        if wrong := commands.wrong(line):
            yield f"`{line}`: {wrong}"
    elif words[0] == "make":
        if words[1] not in targets():
            yield f"`{line}`: the Makefile has no target {words[1]}"
    elif words[0].endswith(("python3", "python")):
        yield from _python(line, words)
    elif words[0] not in _PROGRAMS:
        yield f"`{line}`: what is {words[0]}?"


def _python(line: str, words: list[str]) -> Iterator[str]:
    file = PROJECT / words[1]
    if words[1] not in tracked() or not file.is_file():
        yield f"`{line}`: there is no {words[1]}"
        return
    known = set(re.findall(r'add_argument\("(--[\w-]+)"', file.read_text()))
    given = {word for word in words[2:] if word.startswith("--")}
    if given - known:
        yield f"`{line}`: {words[1]} has no {', '.join(sorted(given - known))}"


@cache
def targets() -> frozenset[str]:
    """Return the Makefile's targets."""
    return frozenset(re.findall(r"(?m)^([a-z-]+):", (PROJECT / "Makefile").read_text()))
