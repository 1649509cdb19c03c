"""``thoth-infra deploy`` and ``rollback``: new images into the services, and out again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import click

from thoth_infra.aws import identity, stopping
from thoth_infra.aws.clients import Clients, explained
from thoth_infra.aws.deploy.images import Wanted
from thoth_infra.aws.deploy.ledger import Ledger
from thoth_infra.aws.deploy.machine import Machine
from thoth_infra.aws.deploy.preflight import back, prepare
from thoth_infra.aws.deploy.record import Deployment, Problem, State
from thoth_infra.aws.deploy.site import Site
from thoth_infra.cli.confirm import approved, confirm_option
from thoth_infra.cli.context import Project, environment_option, pass_project
from thoth_infra.cli.operations import known_service, place, site_of
from thoth_infra.cli.tables import table
from thoth_infra.cli.terraform import emulate_option
from thoth_infra.config import images_lock
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import lock_file
from thoth_infra.contract.services import SERVICES
from thoth_infra.errors import Interrupted, RollbackFailed, RolledBack, ThothError

_services = click.option(
    "--service", "services", multiple=True, metavar="NAME", help="Only this service; may be repeated [default: all]."
)
_timeout = click.option(
    "--timeout", default="60m", show_default=True, metavar="SPAN", help="Longest wait of each step: 90s, 45m, 2h."
)


@click.command()
@environment_option
@emulate_option
@_services
@click.option("--tag", help="Deploy the images of this tag [default: those of environments/ENV.images.lock].")
@click.option("--resume", is_flag=True, help="Go on with a deployment that was interrupted.")
@click.option("--show", is_flag=True, help="Show the present or last deployment; change nothing.")
@click.option("--no-proof", "skip_proof", is_flag=True, help="Send no lesson through the new system.")
@_timeout
@confirm_option
@pass_project
def deploy(
    project: Project,
    environment: str,
    emulate: bool,
    services: tuple[str, ...],
    tag: str | None,
    resume: bool,
    show: bool,
    skip_proof: bool,
    timeout: str,
    confirmed: str | None,
) -> None:
    """Replace the services' images, prove them with a lesson, and go back by itself if anything fails."""
    with _at(project, environment, emulate, timeout) as (env, site, ledger):
        if show:
            known = ledger.read()
            if known is None:
                raise ThothError(f"{environment} was never deployed", "deploy it: `thoth-infra deploy`")
            project.emit(known.deployment.model_dump(mode="json"), _text(known.deployment))
            return
        if resume:
            held = ledger.read()
            if held is None or held.deployment.ended:
                raise ThothError("there is no deployment to go on with", "begin one: `thoth-infra deploy`")
            project.say(_going_on(held.deployment))
        else:
            ledger.last()
            _refuse_stopped(env, site)
            approved(env, emulate, confirmed, "Deploy to")
            now = site.now()
            prepared = prepare(
                site, _identifier(now), env.name, _by(site.clients), _images(env, services, tag), now=now,
                skip_proof=skip_proof,
            )  # fmt: skip
            held = ledger.begin(prepared)
        _finish(project, Machine(site, ledger, held))
        _compare_with_lock(project, env, held.deployment, tag)


@click.command()
@environment_option
@emulate_option
@_services
@_timeout
@confirm_option
@pass_project
def rollback(
    project: Project,
    environment: str,
    emulate: bool,
    services: tuple[str, ...],
    timeout: str,
    confirmed: str | None,
) -> None:
    """Undo the deployment that is under way, end a rollback that was cut off, or bring back what ran before."""
    with _at(project, environment, emulate, timeout) as (env, site, ledger):
        held = ledger.read()
        if held is None:
            raise ThothError(f"{environment} was never deployed", "there is nothing to go back to")
        approved(env, emulate, confirmed, "Roll back")
        if not held.deployment.ended and held.deployment.kind == "rollback":
            project.say(_going_on(held.deployment))
            _finish(project, Machine(site, ledger, held))
            return
        if not held.deployment.ended:
            machine = Machine(site, ledger, held)
            with _interruptible(environment, machine):
                ended = machine.undo(Problem(summary=f"undone by {_by(site.clients)}"))
            _report(project, ended, asked_back=True)
            return
        last = _last_change(ledger, held.deployment)
        now = site.now()
        held = ledger.begin(back(site, last, _identifier(now), _by(site.clients), services, now=now))
        _finish(project, Machine(site, ledger, held))


def _last_change(ledger: Ledger, last: Deployment) -> Deployment:
    """Return the latest deployment that was not undone itself."""
    for found in (last, *ledger.ended()):
        if found.state is State.DONE and found.kind == "deploy":
            return found
        if found.state is State.DONE:
            break
    raise ThothError(
        "the last deployment was undone already", "deploy a tag that worked: `thoth-infra deploy --tag TAG`"
    )


@contextmanager
def _at(project: Project, name: str, emulate: bool, timeout: str) -> Iterator[tuple[Environment, Site, Ledger]]:
    with site_of(project, name, emulate, timeout) as (env, site):
        yield env, site, Ledger.of(site.clients, place(env))


def _images(env: Environment, services: tuple[str, ...], tag: str | None) -> dict[str, Wanted]:
    """Return the image of each service that runs one of ours."""
    chosen = [known_service(name) for name in services]
    own = {service.name: service.image for service in SERVICES if env.services.by_name().get(service.name)}
    foreign = [name for name in own if env.services.by_name()[name].image is not None]
    if wrong := [name for name in chosen if name in foreign]:
        raise ThothError(f"{', '.join(wrong)} runs somebody else's image", "change services.NAME.image and apply that")
    return {
        name: Wanted(
            env.ecr_account,
            env.region,
            env.repository(image),
            tag or env.images.tag,
            None if tag else dict(env.images.digests).get(image),  # type: ignore[call-overload]
        )
        for name, image in own.items()
        if name not in foreign and (not chosen or name in chosen)
    }


def _compare_with_lock(project: Project, env: Environment, done: Deployment, tag: str | None) -> None:
    """Say how to record what runs now, where the next deployment without --tag would bring back something else."""
    locked = set(images_lock.recorded(lock_file(project.root, env.name)).values())
    if tag and {part.digest for part in done.parts} - locked:
        project.say(
            f"note: {env.name}.images.lock has other digests, which the next deployment without --tag brings back;"
            f" `thoth-infra images lock --env {env.name} --tag {tag}` records {tag}"
        )


def _refuse_stopped(env: Environment, site: Site) -> None:
    """Refuse where stop-services has been: nothing would run that could prove the new images."""
    if stopping.recall(site.clients, place(env)):
        raise ThothError("the services are stopped", f"start them first: `thoth-infra start-services --env {env.name}`")


def _identifier(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _by(clients: Clients) -> str:
    return identity.whoami(clients.variables, clients.region).arn


@contextmanager
def _interruptible(environment: str, machine: Machine) -> Iterator[None]:
    """Say how to go on when the command ends before the deployment does, whatever ended it."""
    resume, undo = f"thoth-infra deploy --resume --env {environment}", f"thoth-infra rollback --env {environment}"
    how = f"go on: `{resume}`; or undo it: `{undo}`" if machine.deployment.kind == "deploy" else f"go on: `{undo}`"
    try:
        with explained():
            yield
    except KeyboardInterrupt:
        raise Interrupted(_left(machine), how) from None
    except ThothError as error:
        raise type(error)(
            f"{error.message}. {_left(machine)}", f"{error.hint}; then {how}" if error.hint else how
        ) from error


def _left(machine: Machine) -> str:
    deployment = machine.deployment
    done = "nothing was changed" if not deployment.touched else "services are being replaced"
    return f"{deployment.kind} {deployment.id} stands at {deployment.state}: {done}"


def _going_on(deployment: Deployment) -> str:
    return f"going on with {deployment.kind} {deployment.id}: it is {deployment.state}"


def _finish(project: Project, machine: Machine) -> None:
    with _interruptible(machine.deployment.environment, machine):
        ended = machine.run()
    _report(project, ended)


def _report(project: Project, ended: Deployment, *, asked_back: bool = False) -> None:
    project.emit(ended.model_dump(mode="json"), _text(ended))
    if ended.state is State.STUCK:
        stuck = ended.undo_problem
        raise RollbackFailed(
            f"{ended.id} could neither be finished nor undone: {stuck.summary if stuck else 'unknown'}",
            (stuck.fix if stuck else None) or "look at `thoth-infra status` and docs/runbook.md",
        )
    if ended.state is State.UNDONE and not asked_back:
        problem = ended.problem
        raise RolledBack(
            f"{ended.id} was rolled back: {problem.summary if problem else 'unknown'}",
            (problem.fix if problem else None) or "`thoth-infra logs SERVICE --since 1h` shows more",
        )


def _text(deployment: Deployment) -> str:
    rows = [
        (
            part.service,
            _revision(part.before),
            _revision(part.after),
            (part.digest or part.image.rpartition(":")[2])[:19],
        )
        for part in deployment.parts
    ]
    lines = [
        f"{deployment.kind} {deployment.id} of {deployment.environment}: {deployment.state}",
        table(("SERVICE", "FROM", "TO", "IMAGE"), rows),
    ]
    for label, problem in (("why", deployment.problem), ("why it could not be undone", deployment.undo_problem)):
        if problem is not None:
            lines += [f"{label}: {problem.summary}", *(f"  seen: {text}" for text in problem.seen)]
            lines += [f"  cause: {problem.cause}"] if problem.cause else []
            lines += [f"  what helps: {problem.fix}"] if problem.fix else []
    return "\n".join(lines)


def _revision(arn: str | None) -> str:
    return arn.rpartition(":")[2] if arn else "-"
