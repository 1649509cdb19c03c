"""Run the steps of a rendered workflow here, in order, as a hosted runner would: ``python -m tests.workflows.run``.

What a job runs is run, with the variables and the shell that GitHub gives it, in a fresh clone. What it uses has a
stand-in: the checkout is the clone; Python is this one; signing in to AWS is an emulator with a session of the very
role; artifacts are folders; GitHub's API is `tests.workflows.github`. The packages are those of this environment,
unless ``--install`` lets `make venv` download them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tests.workflows.github import REPOSITORY, TOKEN, GitHub, serving
from tests.workflows.model import EXPRESSION, PROJECT, Job, Workflow
from thoth_infra.cli.session import workspace_of
from thoth_infra.config.load import load
from thoth_infra.emulator import running
from thoth_infra.emulator.world import prepare

NUMBER = 7
_TOKEN = re.compile(r"'(?:[^']|'')*'|&&|\|\||!=|==|!|[()]|[A-Za-z_][\w-]*(?:\.[\w-]+)*")
_OPERATORS = {"&&": " and ", "||": " or ", "!": " not ", "!=": "!=", "==": "==", "(": "(", ")": ")"}


@dataclass
class Ended:
    """How one job went, and what its steps wrote."""

    result: str = "success"
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass
class Runner:
    """A clone to work in, and what the jobs leave behind."""

    workflow: Workflow
    clone: Path
    scratch: Path
    github: GitHub
    event: Mapping[str, Any]
    skip: frozenset[str] = frozenset()
    ended: dict[str, Ended] = field(default_factory=dict)
    steps_run: list[str] = field(default_factory=list)

    @property
    def summary(self) -> Path:
        return self.scratch / "summary.md"

    def run(self) -> bool:
        """Run all jobs, each after those that it needs; return whether none failed."""
        waiting = dict(self.workflow.jobs)
        while waiting:
            job = next(job for job in waiting.values() if not set(job.needs) & set(waiting))
            del waiting[job.id]
            self.ended[job.id] = self._job(job)
        return all(one.result != "failure" for one in self.ended.values())

    def _job(self, job: Job) -> Ended:
        if job.id in self.skip:
            _say(f"== {job.id}: left out, as asked")
            return Ended("skipped")
        needed = [self.ended[name].result for name in job.needs]
        condition = job.data.get("if", "success()")
        # Without one of these words, a job that needs a failed one is skipped.
        if "cancelled()" not in condition and any(result != "success" for result in needed):
            return Ended("skipped")
        if not self.value(condition, self._context(job, {}, {})):
            _say(f"== {job.id}: skipped, since its condition does not hold")
            return Ended("skipped")
        include = job.data.get("strategy", {}).get("matrix", {}).get("include", [{}])
        rows = self.filled(include, self._context(job, {}, {})) if isinstance(include, str) else include
        ended = [self._run_job(job, row) for row in (json.loads(rows) if isinstance(rows, str) else rows)]
        failed = any(one.result == "failure" for one in ended)
        return Ended("failure" if failed else "success", ended[-1].outputs if ended else {})

    def _run_job(self, job: Job, row: Mapping[str, str]) -> Ended:
        _say(f"== {job.id} {row.get('environment', '')}".rstrip())
        outputs: dict[str, dict[str, str]] = {}
        context = self._context(job, row, outputs)
        made = {name: self.filled(text, context) for name, text in job.data.get("env", {}).items()}
        with ExitStack() as stack:
            signed_in: dict[str, str] = {}
            for step in job.steps:
                context = self._context(job, row, outputs, made)
                if "if" in step and not self.value(step["if"], context):
                    continue
                name = self.filled(step.get("name") or step.get("uses", ""), context)
                if "uses" in step:
                    given = {key: self.filled(str(value), context) for key, value in step.get("with", {}).items()}
                    signed_in |= self._use(step["uses"].partition("@")[0], given, stack)
                    continue
                if name in self.skip:
                    _say(f"-- {name}: left out, as asked")
                    continue
                _say(f"-- {name}")
                own = {key: self.filled(text, context) for key, text in step.get("env", {}).items()}
                code, written = self._shell(step["run"], {**signed_in, **made, **own})
                outputs[step.get("id", "")] = written
                self.steps_run.append(f"{job.id}: {name}")
                if code:
                    _say(f"-- {name}: exit code {code}")
                    return Ended("failure")
        context = self._context(job, row, outputs, made)
        return Ended("success", {key: self.filled(text, context) for key, text in job.data.get("outputs", {}).items()})

    def _shell(self, script: str, variables: Mapping[str, str]) -> tuple[int, dict[str, str]]:
        """Run a script as a hosted runner does (``bash -e FILE``); return its exit code and outputs."""
        output, file = self.scratch / "output", self.scratch / "script.sh"
        output.write_text("")
        file.write_text(script)
        env = {
            **clean_environment(), "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.summary), "GITHUB_REPOSITORY": REPOSITORY, "PYTHON": sys.executable,
            "GITHUB_API_URL": self.github.url, "THOTH_ENGINE": "local", **variables,
        }  # fmt: skip
        done = subprocess.run(["bash", "-e", str(file)], cwd=self.clone, env=env, check=False)
        return done.returncode, dict(line.split("=", 1) for line in output.read_text().splitlines())

    def _use(self, action: str, given: Mapping[str, str], stack: ExitStack) -> dict[str, str]:
        match action:
            case "actions/checkout":
                assert (self.clone / ".git").is_dir()
            case "actions/setup-python":
                wanted = tuple(int(part) for part in given["python-version"].split("."))
                if sys.version_info[:2] != wanted:
                    _say(
                        f"note: with Python {sys.version_info[0]}.{sys.version_info[1]}, not {given['python-version']}"
                    )
            case "actions/upload-artifact":
                target = self.scratch / "artifacts" / given["name"]
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.clone / given["path"], target)
            case "actions/download-artifact":
                self._download(given)
            case "aws-actions/configure-aws-credentials":
                return self._sign_in(given, stack)
            case _:
                raise NotImplementedError(action)
        return {}

    def _download(self, given: Mapping[str, str]) -> None:
        target = self.clone / given["path"]
        shutil.rmtree(target, ignore_errors=True)  # another machine
        target.mkdir()
        for folder in sorted((self.scratch / "artifacts").glob("*")):
            if fnmatchcase(folder.name, given["pattern"]):
                shutil.copytree(folder, target, dirs_exist_ok=True)

    def _sign_in(self, given: Mapping[str, str], stack: ExitStack) -> dict[str, str]:
        """Start an AWS that has what the environment looks up, and return the variables of a session of the role."""
        found = re.fullmatch(r"arn:aws:iam::(\d{12}):role/(thoth-(\w+)-github-\w+)", given["role-to-assume"])
        assert found, given
        account, role, name = found.groups()
        env = load(self.clone, name, personal=False).environment
        emulator = stack.enter_context(running(self.scratch / "aws" / name))
        prepare(emulator, env)
        assert workspace_of(self.clone, env, emulate=False).account_id == account
        known = emulator.variables(account_id=account, region=given["aws-region"], role=role)
        return {key: value for key, value in known.items() if value}

    # expressions

    def _context(
        self, job: Job, row: Mapping[str, str], outputs: Mapping[str, Any], env: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        needs = {name: {"result": self.ended[name].result, "outputs": self.ended[name].outputs} for name in job.needs}
        steps = {name: {"outputs": written} for name, written in outputs.items()}
        github = {"event": self.event, "repository": REPOSITORY, "token": TOKEN, "ref": f"refs/pull/{NUMBER}/merge"}
        return {"github": github, "needs": needs, "steps": steps, "matrix": row, "env": env or {}}

    def filled(self, text: str, context: Mapping[str, Any]) -> str:
        """Return a text with its expressions' values."""
        return EXPRESSION.sub(lambda found: _as_text(self.value(found[1], context)), text)

    def value(self, expression: str, context: Mapping[str, Any]) -> Any:
        """Return the value of an expression of GitHub's, of the few kinds that the workflows have."""
        known = {"fromJSON": json.loads, "success": lambda: True, "cancelled": lambda: False, "always": lambda: True}
        python, values = "", dict[str, Any](known)
        for token in _TOKEN.findall(expression):
            if token in _OPERATORS:
                python += _OPERATORS[token]
            elif token in known:
                python += token
            else:
                values[f"_{len(values)}"] = _literal(token) if token.startswith("'") else _looked_up(token, context)
                python += f"_{len(values) - 1}"
        return eval(python, {"__builtins__": {}}, values)  # noqa: S307 - of our own workflows, name by name


def _literal(token: str) -> str:
    return token[1:-1].replace("''", "'")


def _looked_up(name: str, context: Mapping[str, Any]) -> Any:
    found: Any = context
    for part in name.split("."):
        found = found.get(part, "") if isinstance(found, Mapping) else ""
    return found


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def clean_environment() -> dict[str, str]:
    """Return this process's variables without what a hosted runner would not have."""
    ours = ("AWS_", "THOTH_", "GIT_", "GITHUB_", "PYTEST_", "PYTHONPATH", "VIRTUAL_ENV", "COV_", "COVERAGE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
        "NO_PROXY": "127.0.0.1,localhost"
    }


@contextmanager
def pull_request(folder: Path, *, fork: bool = False) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield a fresh clone at a pull request's merge commit, which changes staging alone, and GitHub's event."""
    clone = folder / "clone"
    _git(PROJECT, "clone", "-q", "--no-hardlinks", str(PROJECT), str(clone))
    staging = clone / "environments/staging.yaml"
    text = staging.read_text()
    assert "monthly_usd: 800" in text
    staging.write_text(text.replace("monthly_usd: 800", "monthly_usd: 801"))
    command = [sys.executable, "-m", "thoth_infra", "render"]
    subprocess.run(command, cwd=clone, env={**clean_environment(), "PYTHONPATH": str(clone)}, check=True)
    _git(clone, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qam", "Merge")
    of = "somebody/thoth-infra" if fork else REPOSITORY
    head = {"sha": "0123456789abcdef0123456789abcdef01234567", "repo": {"full_name": of}}
    yield clone, {"pull_request": {"number": NUMBER, "head": head}}


def lend_packages(clone: Path) -> None:
    """Give a clone a virtual environment with this one's packages and programs, and with its own code."""
    venv.create(clone / ".venv", symlinks=True)
    own = clone / ".venv/bin"
    (site,) = (clone / ".venv/lib").glob("python*/site-packages")
    (site / "lent.pth").write_text(f"{clone}\n{sysconfig.get_path('purelib')}\n")
    for program in Path(sys.prefix, "bin").iterdir():
        if not program.is_file() or (own / program.name).exists():
            continue
        start = program.read_bytes()[:2]
        if start == b"#!" and b"python" in program.read_bytes().splitlines()[0]:
            lines = program.read_bytes().split(b"\n", 1)
            (own / program.name).write_bytes(f"#!{own / 'python'}\n".encode() + lines[1])
            (own / program.name).chmod(0o755)
        else:
            (own / program.name).symlink_to(program)
    if (tools := PROJECT / ".thoth/tools").is_dir():  # the policy's scanner
        (clone / ".thoth").mkdir()
        (clone / ".thoth/tools").symlink_to(tools)
    (clone / ".venv/.installed").touch()  # by which make knows that there is nothing to install


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, env=clean_environment())


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skip", action="append", default=[], metavar="NAME", help="leave this job or step out")
    parser.add_argument("--install", action="store_true", help="let `make venv` download the locked packages")
    parser.add_argument("--fork", action="store_true", help="as the pull request of a fork")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workflow-") as made, serving() as github:
        folder = Path(made)
        with pull_request(folder, fork=given.fork) as (clone, event):
            if not given.install:
                lend_packages(clone)
            text = (clone / ".github/workflows/pull-request.yml").read_text()
            workflow = Workflow("pull-request.yml", text)
            runner = Runner(workflow, clone, folder, github, event, frozenset(given.skip))
            passed = runner.run()
        for name, one in runner.ended.items():
            _say(f"{name}: {one.result}")
        for comment in github.of("comment", NUMBER):
            _say(f"the comment:\n{comment['body']}")
        return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
