"""What is looked at before anything changes; all that is wrong is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from thoth_infra.aws.deploy import blue_green, revisions
from thoth_infra.aws.deploy.images import Wanted, resolve
from thoth_infra.aws.deploy.record import Deployment, Part, State
from thoth_infra.aws.deploy.site import Site
from thoth_infra.errors import ThothError


def prepare(
    site: Site,
    identifier: str,
    environment: str,
    by: str,
    images: Mapping[str, Wanted],
    *,
    now: datetime,
    skip_proof: bool = False,
) -> Deployment:
    """Return a deployment of these images, by service, that has changed nothing yet.

    Raises:
        ThothError: with every image that the registry lacks, every service that is not there or is stopped, and
            whoever deploys the API just now.
    """
    parts, problems = [], []
    for service, wanted in images.items():
        try:
            found = site.service(service)
        except ThothError as error:
            problems.append(error.message)
            continue
        digest = resolve(site.clients, wanted)
        if digest is None:
            problems.append(f"the registry of account {wanted.account} has no {wanted.name}")
            continue
        parts.append(
            Part(
                service=service,
                image=wanted.pinned(digest),
                before=found["taskDefinition"],
                blue_green=found.get("deploymentController", {}).get("type") == "CODE_DEPLOY",
            )
        )
    if any(part.blue_green for part in parts) and (busy := blue_green.running(site)):
        problems.append(f"CodeDeploy replaces the API just now ({', '.join(busy)})")
    if problems:
        raise ThothError(f"{environment} can't be deployed: {'; '.join(problems)}", _hint(problems))
    deployment = Deployment(id=identifier, environment=environment, by=by, parts=tuple(parts), skip_proof=skip_proof)
    return deployment.moved(State.PREPARED, now)


def back(
    site: Site, last: Deployment, identifier: str, by: str, services: tuple[str, ...], *, now: datetime
) -> Deployment:
    """Return the deployment that brings back what was before ``last``. Raises ThothError when there is nothing to."""
    parts = [
        part.model_copy(
            update={
                "before": part.after,
                "after": part.before,
                "codedeploy": None,
                "image": revisions.image_of(revisions.latest(site.clients, part.before)[0], part.service),
            }
        )
        for part in last.parts
        if part.after not in (None, part.before) and (not services or part.service in services)
    ]
    if not parts:
        raise ThothError(
            f"deployment {last.id} changed nothing that could be brought back", "look with `deploy --show`"
        )
    made = Deployment(
        id=identifier, environment=last.environment, kind="rollback", by=by, parts=tuple(parts), skip_proof=True
    )
    return made.moved(State.PREPARED, now)


def _hint(problems: list[str]) -> str:
    if any("registry" in problem for problem in problems):
        return "push them: `thoth-infra images push`; `thoth-infra images list` shows what is there"
    if any("CodeDeploy" in problem for problem in problems):
        return "wait for it, or stop it in CodeDeploy"
    return "apply the environment first"
