"""The command line as a whole: help, names, exit codes; and that make says the same words."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from thoth_infra import __version__, errors
from thoth_infra.cli.main import COMMANDS, cli, main

PROJECT = Path(__file__).resolve().parents[2]
# The targets that the user asked for by name (rows S3.1 to S3.3).
WANTED = (
    "help", "init", "plan", "apply", "destroy", "plan-target", "fmt", "validate", "clean",
    "start-services", "stop-services", "restart-service", "logs", "gpu-status",
)  # fmt: skip
# Commands with an argument, and the make variable that it comes from.
ARGUMENT = {"plan-target": "TARGET", "restart-service": "SERVICE", "logs": "SERVICE", "exec": "SERVICE"}
# Targets that act on every environment unless ENV= names one, or on none.
OF_ALL = frozenset({"render", "policy", "rehearse", "images"})
# Targets that call one of several commands of their name.
OF_SEVERAL = frozenset({"dlq"})
# Commands that need more words than a make target can pass on well.
WITHOUT_TARGET = frozenset({"env", "unlock", "terraform", "local"})
# Targets about this repository instead of an environment.
OF_THE_PROJECT = frozenset(
    {
        "help",
        "demo",
        "venv",
        "check",
        "test",
        "drill",
        "drill-workers",
        "drill-api",
        "drill-estate",
        "drill-page",
        "drill-operations",
        "drill-deploys",
        "drill-foresight",
        "drill-pull-request",
        "drill-switches",
        "drill-docs",
        "drill-logs",
        "reference",
        "lint",
        "fmt-code",
        "bench",
        "bench-workers",
        "bench-api",
        "sbom",
        "scan",
        "lock",
    }
)

Ended = tuple[int, str, str]
Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``thoth-infra`` in this process: ``run("env", "list")`` → (exit code, stdout, stderr)."""

    def call(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        assert isinstance(ended.value.code, int)
        return (ended.value.code, *capsys.readouterr())

    return call


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """``failing(error)``: make ``thoth-infra probe`` end by that error."""

    def install(error: BaseException) -> None:
        @click.command()
        def probe() -> None:
            raise error

        module = types.ModuleType("thoth_infra.cli.probe")
        module.probe = probe  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(COMMANDS, "probe", ("probe", "probe", "Tests", "Fails."))

    return install


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_command_under_its_group(run: Run, flag: str) -> None:
    code, out, err = run(flag)
    assert (code, err) == (0, "")
    group, name, listed = "", "", dict[str, tuple[str, str]]()
    for line in out.splitlines():
        if heading := re.fullmatch(r"([A-Z][\w ]+):", line):
            group = heading[1]
        elif row := re.match(r"  ([a-z][a-z-]*)  +(\S.*)", line):
            name = row[1]
            listed[name] = (group, row[2])
        elif name and line.startswith("   "):
            listed[name] = (group, f"{listed[name][1]} {line.strip()}")
    assert listed == {name: (group, text) for name, (_, _, group, text) in COMMANDS.items()}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_what_the_help_page_says(name: str) -> None:
    module, attribute, _, text = COMMANDS[name]
    command = getattr(importlib.import_module(f"thoth_infra.cli.{module}"), attribute)
    assert isinstance(command, click.Command)
    assert command.get_short_help_str(limit=200) == text
    assert isinstance(command, click.Group) or command.name == name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_of_a_command_is_explained(run: Run, name: str) -> None:
    code, out, _ = run(name, "--help")
    assert code == 0
    assert out.startswith(f"Usage: thoth-infra {name}")
    module, attribute, _, _ = COMMANDS[name]
    command = getattr(importlib.import_module(f"thoth_infra.cli.{module}"), attribute)
    commands = command.commands.values() if isinstance(command, click.Group) else [command]
    options = [p for c in commands for p in c.params if isinstance(p, click.Option)]
    assert not [option.name for option in options if not option.help]


def test_help_imports_no_command() -> None:
    # Each of these costs more than all of click; `--help` and completion are to be quick.
    program = (
        "import sys\nfrom thoth_infra.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('pydantic', 'jinja2', 'yaml', 'boto3', 'moto', 'thoth_infra.config') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n")


def test_an_unknown_command_is_answered_with_the_nearest(run: Run) -> None:
    code, out, err = run("plna")
    assert (code, out) == (2, "")
    assert "No such command 'plna'; did you mean 'plan'?" in err
    assert "Usage: thoth-infra" in err


def test_a_command_like_no_other_is_answered_with_all_of_them(run: Run) -> None:
    code, _, err = run("xyzzy")
    assert code == 2
    assert all(name in err for name in COMMANDS)


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["plan", "--nonsense"], ["plan"], ["--engine", "podman", "plan"]]
)
def test_wrong_usage_is_exit_2(run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.delenv("THOTH_ENV", raising=False)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Usage: thoth-infra" in err


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version") == (0, f"thoth-infra, version {__version__}\n", "")


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "thoth_infra", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"thoth-infra, version {__version__}\n"


# docs/exit-codes.md in one place: 2 is click's own and `--detailed-exitcode`'s.
CODES: dict[type[errors.ThothError], int] = {
    errors.ThothError: 1,
    errors.CheckFailed: 1,
    errors.TerraformFailed: 1,
    errors.ConfigInvalid: 3,
    errors.IdentityRefused: 4,
    errors.EngineError: 5,
    errors.SealBroken: 6,
    errors.NotConfirmed: 7,
    errors.RolledBack: 8,
    errors.RollbackFailed: 9,
    errors.Interrupted: 130,
}


def test_every_error_has_its_code() -> None:
    own = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ThothError)}
    assert {kind: kind.exit_code for kind in own} == CODES


@pytest.mark.parametrize("kind", [kind for kind in CODES if kind is not errors.ConfigInvalid])
def test_an_error_is_told_once_with_its_hint_and_its_code(
    run: Run, failing: Callable[[BaseException], None], kind: type[errors.ThothError]
) -> None:
    failing(kind("the disk is full", "make room"))
    assert run("probe") == (CODES[kind], "", "Error: the disk is full\nHint: make room\n")


def test_every_problem_of_a_configuration_is_listed_in_order(
    run: Run, failing: Callable[[BaseException], None]
) -> None:
    first = errors.Problem(Path("environments/dev.yaml"), 3, "name", "is wrong", "mend it")
    second = errors.Problem(Path("environments/dev.yaml"), 12, "region", "is missing", "add it")
    failing(errors.ConfigInvalid([second, first, second]))
    assert run("probe") == (
        3,
        "",
        "Error: 2 problems in the configuration:\n"
        "  environments/dev.yaml:3: name: is wrong; mend it\n"
        "  environments/dev.yaml:12: region: is missing; add it\n",
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_is_exit_130(run: Run, failing: Callable[[BaseException], None], error: BaseException) -> None:
    failing(error)
    code, out, err = run("probe")
    assert (code, out, err.strip()) == (130, "", "Interrupted.")


def test_a_bug_is_not_swallowed(failing: Callable[[BaseException], None]) -> None:
    failing(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        main(["probe"])


@pytest.mark.parametrize("arguments", [["--help"], ["env", "show", "--env", "staging"], ["env", "schema"]])
def test_a_reader_that_goes_away_ends_the_command_quietly(arguments: list[str]) -> None:
    # `thoth-infra env schema | head -1`
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "thoth_infra", *arguments], cwd=PROJECT, stdout=write, stderr=subprocess.PIPE,
            text=True, check=False,
        )  # fmt: skip
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_completion_knows_commands_and_environments() -> None:
    def complete(words: str, count: int) -> list[str]:
        variables = {"_THOTH_INFRA_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}
        done = subprocess.run(
            [sys.executable, "-c", "from thoth_infra.cli.main import main; main()"], cwd=PROJECT,
            env={**os.environ, **variables}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert complete("thoth-infra pl", 1) == ["plan", "plan-target"]
    assert complete("thoth-infra plan --env st", 3) == ["staging"]


def _run_make(*arguments: str) -> subprocess.CompletedProcess[str]:
    make = shutil.which("make")
    if make is None:
        pytest.skip("no make")
    names = {"ENV", "ARGS", "SERVICE", "TARGET", "QUEUE", "QUERY", "MAKEFLAGS"}
    return subprocess.run(
        [make, "--no-print-directory", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name not in names},
    )


def _make(*arguments: str) -> str:
    done = _run_make(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _targets() -> dict[str, str]:
    return dict(re.findall(r"^([a-z][a-z-]*):.*?## (.*)$", (PROJECT / "Makefile").read_text(), re.MULTILINE))


def test_make_help_lists_every_target() -> None:
    rows = dict(re.findall(r"^  ([a-z][a-z-]*) +(\S.*)$", _make("help"), re.MULTILINE))
    assert rows == _targets()
    rules = set(re.findall(r"^([a-z][a-z-]*):(?!=)", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    assert rules == set(rows), "every target is explained"


def test_no_target_is_taken_for_a_file() -> None:
    phony = re.findall(r"^\.PHONY: (.*)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert set(_targets()) <= {name for line in phony for name in line.split()}


def _of_groups() -> dict[str, tuple[str, str]]:
    """Return the commands of groups by the words of a target: ``images-push`` is ``images push``."""
    with click.Context(cli) as context:
        groups = {name: cli.get_command(context, name) for name in COMMANDS}
    found = [(group, name) for group, one in groups.items() if isinstance(one, click.Group) for name in one.commands]
    return {"-".join(words): words for words in found}


def test_targets_and_commands_are_the_same_words() -> None:
    targets = set(_targets())
    assert set(WANTED) <= targets
    assert targets - OF_THE_PROJECT <= {*COMMANDS, *_of_groups()}
    assert set(COMMANDS) - WITHOUT_TARGET <= targets


@pytest.mark.parametrize("name", ["images-push", "images-list"])
def test_a_target_of_a_groups_command_calls_it(name: str) -> None:
    last = shlex.split(_make("-n", name, "ENV=production", "ARGS=--some-option").splitlines()[-1])
    assert last == [".venv/bin/thoth-infra", *_of_groups()[name], "--env", "production", "--some-option"]


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - WITHOUT_TARGET - OF_ALL - OF_SEVERAL))
def test_a_target_calls_the_command_of_its_name_and_passes_options_on(name: str) -> None:
    variables, words = ["ENV=production", "ARGS=--some-option"], [name]
    if name in ARGUMENT:
        variables.append(f"{ARGUMENT[name]}=module.a b")
        words.append("module.a b")
    last = shlex.split(_make("-n", name, *variables).splitlines()[-1])
    assert last == [".venv/bin/thoth-infra", *words, "--env", "production", "--some-option"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (("dlq",), ["dlq", "list"]),
        (("dlq", "QUEUE=results"), ["dlq", "show", "results"]),
        (("insights", "QUERY=errors"), ["insights", "errors"]),
    ],
)
def test_a_target_with_an_argument_that_may_be_left_out(target: tuple[str, ...], words: list[str]) -> None:
    last = shlex.split(_make("-n", *target, "ENV=production", "ARGS=--some-option").splitlines()[-1])
    assert last == [".venv/bin/thoth-infra", *words, "--env", "production", "--some-option"]


@pytest.mark.parametrize(("name", "variable"), ARGUMENT.items())
def test_a_target_asks_for_the_argument_that_it_lacks(name: str, variable: str) -> None:
    done = _run_make("--assume-old=.venv/.installed", name)
    assert done.returncode == 2
    assert done.stderr.startswith(f"give {variable}=, for instance {variable}=")


def test_targets_that_act_on_every_environment() -> None:
    assert shlex.split(_make("-n", "render").splitlines()[-1]) == [".venv/bin/thoth-infra", "render"]
    assert shlex.split(_make("-n", "policy").splitlines()[-1])[:2] == [".venv/bin/thoth-infra", "policy"]
    rehearsal = '.venv/bin/thoth-infra rehearse --env "$env"'
    assert f"for env in dev staging production; do \\\n  {rehearsal}" in _make("-n", "rehearse")
    assert f"for env in dev; do \\\n  {rehearsal}" in _make("-n", "rehearse", "ENV=dev")


def test_the_demo_plans_staging_without_an_account_and_takes_a_lesson_through() -> None:
    plan, *lesson = [
        line for line in _make("-n", "demo").splitlines() if line.startswith((".venv/bin/thoth", "if", "  else"))
    ]
    assert shlex.split(plan)[:5] == [".venv/bin/thoth-infra", "plan", "--env", "staging", "--emulate"]
    # A machine without FFmpeg still sees the plan.
    assert lesson[0].startswith("if command -v ffmpeg >/dev/null; then .venv/bin/thoth-infra local demo;")
    assert "it needs FFmpeg" in lesson[1]
