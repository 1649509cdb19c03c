"""Dead letters: list, show, redrive."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict

import click

from thoth_infra.aws import dead_letters
from thoth_infra.cli.confirm import confirm
from thoth_infra.cli.context import Project, environment_option, pass_project
from thoth_infra.cli.log_lines import legible
from thoth_infra.cli.operations import clients_of
from thoth_infra.cli.tables import table
from thoth_infra.cli.terraform import emulate_option
from thoth_infra.config.environment import Environment
from thoth_infra.errors import NotConfirmed, ThothError

_LONGEST_REASON = 100


@click.group(name="dlq")
def dlq() -> None:
    """Dead letters: list the queues, show the messages, send them back to work."""


@dlq.command(name="list")
@environment_option
@emulate_option
@pass_project
def list_queues(project: Project, environment: str, emulate: bool) -> None:
    """List the queues: what waits, what is in work, what is dead and for how long."""
    with clients_of(project, environment, emulate) as (env, clients):
        found = [queue.counts() for queue in dead_letters.queues(clients, env.prefix)]
    rows = [(one.queue, one.waiting, one.in_work, one.dead, _age(one)) for one in found]
    project.emit([asdict(one) for one in found], table(("QUEUE", "WAITING", "IN WORK", "DEAD", "OLDEST"), rows))


def _age(counts: dead_letters.Counts) -> str:
    if counts.oldest_seconds is None:
        return "unknown" if counts.dead else "-"
    hours, minutes = divmod(counts.oldest_seconds // 60, 60)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {minutes} min"


@dlq.command()
@click.argument("queue")
@environment_option
@emulate_option
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Show at most so many.")
@pass_project
def show(project: Project, queue: str, environment: str, emulate: bool, limit: int) -> None:
    """Show a queue's dead letters, and why they died; nothing is taken out."""
    with clients_of(project, environment, emulate) as (env, clients):
        found = dead_letters.Queue(clients, env.prefix, queue).letters(limit)
    head = ("MESSAGE", "SENT", "RECEIVED", "JOB", "STAGE", "CODE", "REASON")
    rows = [
        [one.id, one.sent, one.receives, *(_cell(text) for text in (one.job_id, one.stage, one.code, one.reason))]
        for one in found
    ]
    project.emit([asdict(one) for one in found], table(head, rows) if found else f"{queue} has no dead letters")


def _cell(text: str) -> str:
    """Return ``text`` fit for a table: one line, no more than a glance takes, nothing that moves the cursor."""
    line = legible(" ".join(text.split()))
    return (line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 1]}…") or "-"


@dlq.command()
@click.argument("queue")
@environment_option
@emulate_option
@click.option("--message", "message_id", metavar="ID", help="This message only.")
@click.option("--max-per-second", type=click.IntRange(1, 500), metavar="N", help="No faster than this.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--confirm", "confirmed", metavar="NAME", help="The environment's name, where its deployments are approved."
)
@pass_project
def redrive(
    project: Project,
    queue: str,
    environment: str,
    emulate: bool,
    message_id: str | None,
    max_per_second: int | None,
    yes: bool,
    confirmed: str | None,
) -> None:
    """Send a queue's dead letters back to work; Ctrl-C stops, and what has not moved yet stays."""
    with clients_of(project, environment, emulate) as (env, clients):
        found = dead_letters.Queue(clients, env.prefix, queue)
        if message_id is not None:
            _agree(env, f"Send message {message_id} to {found.name} again?", yes, confirmed)
            letter = found.redrive_one(message_id)
            project.emit(
                {"queue": found.name, "moved": 1, "messages": [asdict(letter)]}, f"1 message is back in {found.name}"
            )
            return
        dead = found.counts().dead
        if not dead:
            project.emit({"queue": found.name, "moved": 0}, f"{found.name} has no dead letters")
            return
        _agree(env, f"Send about {dead} dead letters to {found.name} again?", yes, confirmed)
        moved = _follow(project, found, max_per_second)
    if moved.status == "CANCELLED":
        raise ThothError(f"somebody cancelled the move: {moved.moved} messages are back in {found.name}")
    project.emit({"queue": found.name, "moved": moved.moved}, f"{moved.moved} messages are back in {found.name}")


def _follow(project: Project, queue: dead_letters.Queue, per_second: int | None) -> dead_letters.Moved:
    last = dead_letters.Moved("", -1, 0)
    try:
        with closing(queue.redrive(per_second)) as moves:
            for moved in moves:
                if moved.moved != last.moved and moved.status == "RUNNING":
                    project.say(f"{moved.moved} of about {moved.of} moved")
                last = moved
    except KeyboardInterrupt:
        project.say(f"cancelled: about {max(last.moved, 0)} messages are back in {queue.name}, the others stay")
        raise
    return last


def _agree(env: Environment, question: str, yes: bool, confirmed: str | None) -> None:
    """Ask; where a person approves each deployment only the environment's name is an answer."""
    if confirmed is not None and confirmed != env.name:
        raise NotConfirmed(f"--confirm says {confirmed!r}, but the environment is {env.name!r}")
    if confirmed is not None:
        return
    if env.protection.approval == "manual":
        confirm(question, env.name, f"--confirm {env.name}")
    elif not yes:
        confirm(question, "yes", "--yes")
