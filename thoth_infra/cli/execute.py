"""A shell, or one command, in a running container."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

import click

from thoth_infra.aws import execute as ecs_exec
from thoth_infra.aws import identity
from thoth_infra.cli.context import Project, environment_option, pass_project
from thoth_infra.cli.operations import clients_of, known_service
from thoth_infra.cli.terraform import emulate_option

_SHELL = "/bin/sh"
# From the keyboard: they are for what runs over there.
_KEYS = ("SIGINT", "SIGQUIT", "SIGTSTP")


@click.command(name="exec")
@click.argument("service")
@click.argument("command", nargs=-1, metavar="[-- CMD …]")
@environment_option
@emulate_option
@click.option("--task", default="", metavar="ID", help="Not the newest healthy task but this one; its first signs do.")
@pass_project
def execute(
    project: Project, service: str, command: tuple[str, ...], environment: str, emulate: bool, task: str
) -> None:
    """Open a shell in a running task of a service, or run a command there."""
    name = known_service(service)
    with clients_of(project, environment, emulate) as (env, clients):
        ecs_exec.check_version(_plugin_version(clients.variables))
        enabled = env.services.by_name()[name].exec_enabled
        where = ecs_exec.target(clients, env.prefix, name, enabled, task)
        project.say(f"task {where.task}; what is typed there is kept in the log group /thoth/{environment}/exec")
        profile = identity.profile_in_use(clients.variables) or ""
        session = ecs_exec.open_session(clients, where, shlex.join(command) if command else _SHELL, profile)
        code = _joined(session.argv, {**clients.variables, **session.variables})
    sys.exit(code)


def _plugin_version(variables: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            [ecs_exec.PLUGIN, "--version"], env=dict(variables), capture_output=True, text=True, check=False, timeout=30
        )
    except (FileNotFoundError, PermissionError):
        raise ecs_exec.missing_plugin() from None
    return done.stdout


def _joined(argv: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run the plugin on our terminal and return its exit code, as a shell would tell it."""
    with _keys_are_for_the_other_side():
        code = subprocess.run(argv, env=dict(variables), check=False).returncode
    return code if code >= 0 else 128 - code


@contextmanager
def _keys_are_for_the_other_side() -> Iterator[None]:
    # Handlers that do nothing, since a child would inherit that a signal is ignored.
    def nothing(_number: int, _frame: FrameType | None) -> None:
        return None

    known = [getattr(signal, name) for name in _KEYS if hasattr(signal, name)]
    before = {number: signal.signal(number, nothing) for number in known}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
