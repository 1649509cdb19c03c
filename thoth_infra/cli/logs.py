"""A service's log: what was, and what comes."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import click

from thoth_infra.aws import logs
from thoth_infra.aws.log_pages import Event, Pages
from thoth_infra.cli import log_lines
from thoth_infra.cli.context import Project, environment_option, pass_project
from thoth_infra.cli.operations import clients_of, known_service
from thoth_infra.cli.terraform import emulate_option


@click.command(name="logs")
@click.argument("service")
@environment_option
@emulate_option
@click.option("--since", default="15m", show_default=True, metavar="SPAN", help="How far back: 30s, 15m, 2h, 1d.")
@click.option("--filter", "text", default="", metavar="TEXT", help="Only lines that hold this text.")
@click.option("--follow", is_flag=True, help="Go on as lines arrive (ten seconds behind, so in order), until Ctrl-C.")
@click.option("--lines", type=click.IntRange(min=1), help="Stop after this many lines.")
@click.option(
    "--raw", is_flag=True, help="Each message as it was written: neither time nor task, no JSON made readable."
)
@pass_project
def show_logs(
    project: Project,
    service: str,
    environment: str,
    emulate: bool,
    since: str,
    text: str,
    follow: bool,
    lines: int | None,
    raw: bool,
) -> None:
    """Show a service's log, all its streams in order. With --json: one object a line."""
    back = logs.since(since).total_seconds()
    group = f"/thoth/{environment}/{known_service(service)}"
    with clients_of(project, environment, emulate) as (_, clients):
        pages = Pages(clients, group, text, wait=_wait_for_reader, say=project.say)
        read = logs.follow if follow else logs.history
        with closing(read(pages, max(pages.clock() - back, 0.0))) as batches:
            for events in _first(batches, lines):
                _print(project, service, events, raw)


def _first(batches: Iterator[list[Event]], lines: int | None) -> Iterator[list[Event]]:
    left = lines
    for events in batches:
        if left is None:
            yield events
            continue
        yield events[:left]
        left -= len(events)
        if left <= 0:
            return


def _print(project: Project, service: str, events: list[Event], raw: bool) -> None:
    if project.json:
        texts = [log_lines.as_json(event) for event in events]
    elif raw:
        texts = [event.message.rstrip("\n") for event in events]
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        texts = [log_lines.as_text(event, service, colour=colour) for event in events]
    # At once: click.echo would look at each line for colours to take out. A line may hold what no stream takes.
    sys.stdout.write("".join(f"{text}\n" for text in texts).encode("utf-8", "replace").decode())
    sys.stdout.flush()


def _wait_for_reader(seconds: float) -> None:
    """Wait; raise BrokenPipeError as soon as whoever read our output has gone, even when there is nothing to write."""
    until = time.monotonic() + seconds
    if hasattr(select, "poll"):
        try:
            number = sys.stdout.fileno()
        except (OSError, ValueError):  # a stream in memory
            number = -1
        if number >= 0:
            poll = select.poll()
            poll.register(number, 0)  # errors and hang-ups are told without being asked for
            for _, what in poll.poll(seconds * 1000):
                if what & (select.POLLERR | select.POLLHUP):
                    raise BrokenPipeError
    time.sleep(max(until - time.monotonic(), 0))
