"""The ``thoth-infra`` command. Each command's module is imported only when it runs, so help stays quick."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from thoth_infra import __version__
from thoth_infra.errors import ThothError, did_you_mean

# name: (module, attribute, group of the help page, short help).
# The short help stands here, so that `--help` imports none of the modules; a test compares them.
COMMANDS: dict[str, tuple[str, str, str, str]] = {
    "env": ("environments", "env", "Configuration", "List, show, explain, check and create environments."),
    "render": ("render", "render", "Generation", "Write terraform/<env>/ from the environment's configuration."),
    "init": ("terraform", "init", "Terraform", "Prepare the environment's providers, modules and state."),
    "validate": ("terraform", "validate", "Terraform", "Let Terraform validate the rendered tree."),
    "fmt": ("terraform", "fmt", "Terraform", "Format the rendered tree, or check that it is formatted."),
    "plan": ("terraform", "plan", "Terraform", "Render, plan and seal the plan for apply."),
    "plan-target": ("terraform", "plan_target", "Terraform", "Plan one resource or module only."),
    "apply": ("terraform", "apply", "Terraform", "Apply the sealed plan; without one, plan first and show it."),
    "destroy": ("terraform", "destroy", "Terraform", "Show what goes, ask, and destroy the environment."),
    "output": ("terraform", "output", "Terraform", "Print the environment's outputs, or one of them."),
    "drift": ("terraform", "drift", "Terraform", "Tell what changed outside Terraform."),
    "unlock": ("terraform", "unlock", "Terraform", "Release a state lock that a dead run left behind."),
    "clean": (
        "terraform",
        "clean",
        "Terraform",
        "Remove provider folders and saved plans; never state, never the lock file.",
    ),
    "terraform": (
        "terraform",
        "raw",
        "Terraform",
        "Run any Terraform command, guarded like the others: thoth-infra terraform --env staging -- state list.",
    ),
    "policy": (
        "policy",
        "policy",
        "Review",
        "Check the rendered tree with checkov, and its plan with our own rules.",
    ),
    "cost": ("cost", "cost", "Review", "Estimate what an environment costs a month, and for an hour of audio."),
    "simulate": (
        "simulate",
        "simulate",
        "Review",
        "Play a workload through the rendered queues, autoscaling, GPU pools and schedule: waits, GPU hours, cost.",
    ),
    "rehearse": (
        "rehearse",
        "rehearse",
        "Without an account",
        "Apply an environment to an emulated AWS of its own, plan again, destroy: nothing may differ or stay.",
    ),
    "status": ("operations", "status", "Operations", "Show services, roll-outs, queues, and what is wrong with them."),
    "start-services": (
        "operations",
        "start_services",
        "Operations",
        "Give every service back the numbers that it had when it was stopped.",
    ),
    "stop-services": (
        "operations",
        "stop_services",
        "Operations",
        "Bring every service to zero and remember what it was.",
    ),
    "restart-service": (
        "operations",
        "restart_service",
        "Operations",
        "Replace a service's tasks by new ones of the same revision.",
    ),
    "logs": ("logs", "show_logs", "Operations", "Show a service's log, all its streams in order."),
    "insights": (
        "insights",
        "run_query",
        "Operations",
        "Run one of the environment's saved Logs Insights queries; without a name, list them.",
    ),
    "exec": (
        "execute",
        "execute",
        "Operations",
        "Open a shell in a running task of a service, or run a command there.",
    ),
    "dlq": (
        "dlq",
        "dlq",
        "Operations",
        "Dead letters: list the queues, show the messages, send them back to work.",
    ),
    "gpu-status": (
        "operations",
        "gpu_status",
        "Operations",
        "Show the GPU hosts: type, market, free GPUs, tasks, load, age, AMI.",
    ),
    "local": (
        "local",
        "local",
        "Without an account",
        "Run the whole system on this machine: API, web page and workers over an emulated AWS.",
    ),
    "deploy": (
        "deploy",
        "deploy",
        "Operations",
        "Replace the services' images, prove them with a lesson, and go back by itself if anything fails.",
    ),
    "rollback": (
        "deploy",
        "rollback",
        "Operations",
        "Undo the deployment that is under way, end a rollback that was cut off, or bring back what ran before.",
    ),
    "doctor": (
        "doctor",
        "doctor",
        "Operations",
        "Look at machine, credentials, account and estate, and name the command that mends what is wrong.",
    ),
    "bootstrap": (
        "bootstrap",
        "bootstrap",
        "Operations",
        "Make the account's state bucket and GitHub's OIDC provider, or bring them up to what is wanted.",
    ),
    "images": (
        "images",
        "images_group",
        "Operations",
        "Build the container images, push them, record their digests, and list what the registry has.",
    ),
}


class ReaderGone(Exception):
    """Whoever read our output went away (`| head`)."""


@contextmanager
def _watching_the_reader() -> Iterator[None]:
    # Left to click, this would be exit code 1, which says that a check does not hold.
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGone from error


class LazyGroup(click.Group):
    """A group whose commands are imported when they are invoked, and listed without being imported."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the command line, which prints where it meets ``--help``."""
        with _watching_the_reader():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _watching_the_reader():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the help page."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"thoth_infra.cli.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a command; an unknown one is answered with the nearest known one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}; {did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, (_, _, group, text) in COMMANDS.items():
            groups.setdefault(group, []).append((name, text))
        for group, rows in groups.items():
            with formatter.section(group):
                formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="THOTH_ROOT",
    help="Project root [default: found upward from the working directory].",
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "docker", "local"]),
    default="auto",
    envvar="THOTH_ENGINE",
    show_default=True,
    help="What runs Terraform.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout, and nothing else there.")
@click.option("-v", "--verbose", is_flag=True, help="Show each command that is run.")
@click.version_option(__version__, prog_name="thoth-infra")
@click.pass_context
def cli(ctx: click.Context, root: Path | None, engine: str, as_json: bool, verbose: bool) -> None:
    """Render, review and operate Thoth's infrastructure.

    Each command acts on one environment, named by --env or THOTH_ENV.
    """
    ctx.obj = {"root": root, "engine": engine, "json": as_json, "verbose": verbose}


def report(error: ThothError) -> None:
    """Print an error and its hint to stderr."""
    click.secho(f"Error: {error.message}", fg="red", err=True)
    if error.hint:
        click.echo(f"Hint: {error.hint}", err=True)


def main(argv: list[str] | None = None, **options: Any) -> NoReturn:
    """Run the command line and exit with the code that docs/exit-codes.md lists."""
    try:
        result = cli.main(argv, prog_name="thoth-infra", standalone_mode=False, **options)
        code = result if isinstance(result, int) else 0
    except ThothError as error:
        report(error)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        code = 130
    except ReaderGone:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    sys.exit(code)
