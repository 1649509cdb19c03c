"""Operating what was applied: status, start, stop, restart, GPU hosts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from thoth_infra.aws import gpu, services
from thoth_infra.aws.clients import Clients
from thoth_infra.cli.context import Project, environment_option, pass_project
from thoth_infra.cli.session import signed_in_clients
from thoth_infra.cli.tables import table
from thoth_infra.cli.terraform import emulate_option
from thoth_infra.config.environment import Environment
from thoth_infra.contract.services import BY_NAME
from thoth_infra.errors import ThothError, did_you_mean


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


def known_service(service: str) -> str:
    """Return the service's name. Raises ThothError, with the nearest name, for one that there is not."""
    if service not in BY_NAME:
        raise ThothError(f"there is no service {service!r}", did_you_mean(service, BY_NAME))
    return service


@click.command()
@environment_option
@emulate_option
@pass_project
def status(project: Project, environment: str, emulate: bool) -> None:
    """Show how many tasks of each service run, and its autoscaling."""
    with clients_of(project, environment, emulate) as (env, clients):
        found = services.status(clients, place(env))
    project.emit([asdict(service) for service in found], _service_table(found))


def _service_table(found: tuple[services.ServiceStatus, ...]) -> str:
    rows = [
        (s.name, s.desired, s.running, s.pending, _bounds(s.scaling), s.task_definition) for s in found
    ]  # fmt: skip
    return table(("SERVICE", "DESIRED", "RUNNING", "PENDING", "SCALING", "REVISION"), rows)


def _bounds(scaling: services.Scaling | None) -> str:
    if scaling is None:
        return "fixed"
    suspended = " (suspended)" if all(scaling.suspended.values()) else ""
    return f"{scaling.minimum} to {scaling.maximum}{suspended}"


@click.command(name="stop-services")
@environment_option
@emulate_option
@pass_project
def stop_services(project: Project, environment: str, emulate: bool) -> None:
    """Bring every service to zero and remember what it was."""
    with clients_of(project, environment, emulate) as (env, clients):
        remembered = services.stop(clients, place(env))
    text = f"stopped {len(remembered)} services; `thoth-infra start-services --env {environment}` brings them back"
    project.emit([asdict(service) for service in remembered], text)


@click.command(name="start-services")
@environment_option
@emulate_option
@pass_project
def start_services(project: Project, environment: str, emulate: bool) -> None:
    """Give every service back the numbers that it had when it was stopped."""
    with clients_of(project, environment, emulate) as (env, clients):
        restored = services.start(clients, place(env))
    numbers = ", ".join(f"{service.name} {service.desired}" for service in restored)
    project.emit([asdict(service) for service in restored], f"started: {numbers}")


@click.command(name="restart-service")
@click.argument("service")
@environment_option
@emulate_option
@pass_project
def restart_service(project: Project, service: str, environment: str, emulate: bool) -> None:
    """Replace a service's tasks by new ones of the same revision."""
    with clients_of(project, environment, emulate) as (env, clients):
        deployment = services.restart(clients, place(env), known_service(service))
    project.emit({"service": service, "deployment": deployment}, f"{service} is being replaced: {deployment}")


@click.command(name="gpu-status")
@environment_option
@emulate_option
@pass_project
def gpu_status(project: Project, environment: str, emulate: bool) -> None:
    """Show the GPU hosts: type, market, free GPUs, tasks, age, AMI."""
    with clients_of(project, environment, emulate) as (env, clients):
        found = gpu.hosts(clients, env.prefix)
    head = ("INSTANCE", "TYPE", "MARKET", "ZONE", "STATUS", "GPUS", "FREE", "TASKS", "AGE (H)", "AMI")
    text = table(head, [tuple(asdict(host).values()) for host in found]) if found else "no GPU host is running"
    project.emit([asdict(host) for host in found], text)
