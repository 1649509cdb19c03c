"""Operating what was applied: status, start, stop, restart, GPU hosts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final

import click

from thoth_infra.aws import gpu, identity, logs, services, stopping, waiting
from thoth_infra.aws.clients import Clients
from thoth_infra.aws.deploy.ledger import Ledger
from thoth_infra.aws.deploy.site import Look, Site
from thoth_infra.aws.overview import Watcher, queues
from thoth_infra.cli import views
from thoth_infra.cli.confirm import approved, confirm_option
from thoth_infra.cli.context import Project, environment_option, pass_project
from thoth_infra.cli.session import signed_in_clients
from thoth_infra.cli.terraform import emulate_option
from thoth_infra.cli.watch import show, watch_option
from thoth_infra.config.environment import Environment
from thoth_infra.contract.services import BY_NAME
from thoth_infra.errors import Interrupted, ThothError, did_you_mean

_POLL_SECONDS: Final = 5.0
# The emulator goes many times as fast as AWS.
_EMULATED_POLL_SECONDS: Final = 0.25

_wait = click.option("--wait", is_flag=True, help="Go on until it is done; tell of progress, and why if it fails.")
_timeout = click.option(
    "--timeout", default="30m", show_default=True, metavar="SPAN", help="Longest time to wait: 90s, 45m, 2h."
)


def place(env: Environment) -> services.Place:
    """Return where an environment's services are; the names are those that the templates give."""
    return services.Place(
        cluster=env.prefix,
        services=tuple(env.services.by_name()),
        bucket=env.state.bucket,
        memory_key=f"{os.path.dirname(env.state.key)}/stopped-services.json",  # noqa: PTH120 - an S3 key
        codedeploy=(env.prefix, f"{env.prefix}-api"),
    )


@contextmanager
def clients_of(project: Project, name: str, emulate: bool) -> Iterator[tuple[Environment, Clients]]:
    """Yield an environment and its AWS clients, once the identity guard has agreed."""
    env = project.load(name).environment
    with signed_in_clients(project, env, emulate) as clients:
        yield env, clients


@contextmanager
def site_of(project: Project, name: str, emulate: bool, timeout: str = "30m") -> Iterator[tuple[Environment, Site]]:
    """Yield an environment and its cluster, with the pace of waiting there."""
    seconds = logs.since(timeout).total_seconds()
    with clients_of(project, name, emulate) as (env, clients):
        where = place(env)
        fast = emulate or "AWS_ENDPOINT_URL" in os.environ
        yield (
            env,
            Site(
                clients,
                where.cluster,
                where.codedeploy,
                poll_seconds=_EMULATED_POLL_SECONDS if fast else _POLL_SECONDS,
                timeout_seconds=seconds,
                tell=project.say,
            ),
        )


def known_service(service: str) -> str:
    """Return the service's name. Raises ThothError, with the nearest name, for one that there is not."""
    if service not in BY_NAME:
        raise ThothError(f"there is no service {service!r}", did_you_mean(service, BY_NAME))
    return service


@click.command()
@environment_option
@emulate_option
@watch_option
@pass_project
def status(project: Project, environment: str, emulate: bool, watching: bool) -> None:
    """Show services, roll-outs, queues, and what is wrong with them."""
    with site_of(project, environment, emulate) as (env, site):
        watcher = Watcher(env.name, site, place(env))

        def look() -> tuple[Any, str]:
            found = watcher.look()
            return views.as_json(found), views.overview(found)

        show(project, look, watching=watching)


@click.command(name="stop-services")
@environment_option
@emulate_option
@confirm_option
@_wait
@_timeout
@pass_project
def stop_services(
    project: Project, environment: str, emulate: bool, confirmed: str | None, wait: bool, timeout: str
) -> None:
    """Bring every service to zero and remember what it was."""
    with site_of(project, environment, emulate, timeout) as (env, site):
        where = place(env)
        waiting.refuse_deployment(site, Ledger.of(site.clients, where))
        approved(env, emulate, confirmed, "Stop all services of")
        done = stopping.stop(site.clients, where, identity.whoami(site.clients.variables, site.clients.region).arn)
        depths = queues(site.clients, where.cluster)
        if wait:
            _until(site, dict.fromkeys((one.name for one in done.services), 0))
    project.emit(views.as_json({**asdict(done), "queues": depths}), views.stopped(env.name, done, depths))


@click.command(name="start-services")
@environment_option
@emulate_option
@_wait
@_timeout
@pass_project
def start_services(project: Project, environment: str, emulate: bool, wait: bool, timeout: str) -> None:
    """Give every service back the numbers that it had when it was stopped."""
    with site_of(project, environment, emulate, timeout) as (env, site):
        where = place(env)
        waiting.refuse_deployment(site, Ledger.of(site.clients, where))
        done = stopping.start(site.clients, where)
        if wait:
            _until(site, {one.name: one.desired for one in done.services})
    project.emit(views.as_json(done), views.started(env.name, done))


@click.command(name="restart-service")
@click.argument("service")
@environment_option
@emulate_option
@_wait
@_timeout
@pass_project
def restart_service(project: Project, service: str, environment: str, emulate: bool, wait: bool, timeout: str) -> None:
    """Replace a service's tasks by new ones of the same revision."""
    name = known_service(service)
    with site_of(project, environment, emulate, timeout) as (env, site):
        where = place(env)
        waiting.refuse_deployment(site, Ledger.of(site.clients, where))
        if stopping.recall(site.clients, where):
            raise ThothError(
                f"the services of {env.name} are stopped", f"start them: `thoth-infra start-services --env {env.name}`"
            )
        made = waiting.restart(site, name)
        if wait:
            _watch(site, lambda: [waiting.look(site, made)], f"{name} is still being replaced")
    text = f"{name} was replaced: {made.deployment}" if wait else f"{name} is being replaced: {made.deployment}"
    project.emit({"service": name, "deployment": made.deployment, "done": wait}, text)


def _until(site: Site, wanted: dict[str, int]) -> None:
    since = site.now()
    _watch(site, lambda: waiting.counts(site, wanted, since), "nothing was undone")


def _watch(site: Site, looks: Callable[[], Iterable[Look]], left: str) -> None:
    try:
        waiting.wait_for(site, looks)
    except KeyboardInterrupt:
        raise Interrupted(f"not waiting any longer; {left}", "`thoth-infra status --watch` shows the rest") from None


@click.command(name="gpu-status")
@environment_option
@emulate_option
@watch_option
@pass_project
def gpu_status(project: Project, environment: str, emulate: bool, watching: bool) -> None:
    """Show the GPU hosts: type, market, free GPUs, tasks, load, age, AMI."""
    with clients_of(project, environment, emulate) as (env, clients):

        def look() -> tuple[Any, str]:
            found = gpu.fleet(clients, env.prefix, env.name)
            return views.as_json(found), views.fleet(found)

        show(project, look, watching=watching)
