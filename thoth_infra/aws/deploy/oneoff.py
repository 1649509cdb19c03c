"""Tasks that run once: bringing the tables up to date, sending a lesson through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from thoth_infra.aws.deploy.record import Problem
from thoth_infra.aws.deploy.site import Site, why_stopped
from thoth_infra.aws.diagnosis import diagnose
from thoth_infra.errors import ThothError

#: ECS forgets a stopped task after an hour.
FORGOTTEN = "forgotten"


def start(site: Site, service: str, revision: str, command: Sequence[str], mark: str) -> str:
    """Run a revision of a service's task once, with another command, in the service's network; return its ARN.

    The same ``mark`` starts it once only, however often this is called within a day.
    """
    found = site.service(service)
    answer = site.clients("ecs").run_task(
        cluster=site.cluster,
        taskDefinition=revision,
        count=1,
        capacityProviderStrategy=found["capacityProviderStrategy"],
        networkConfiguration=_network(found),
        overrides={"containerOverrides": [{"name": service, "command": list(command)}]},
        startedBy=mark[:128],
        clientToken=mark[:64],
        propagateTags="TASK_DEFINITION",
        enableECSManagedTags=True,
    )
    if answer["failures"]:
        failure = answer["failures"][0]
        raise ThothError(
            f"ECS could not start `{' '.join(command)}`: {failure.get('reason')} {failure.get('detail', '')}".rstrip()
        )
    return str(answer["tasks"][0]["taskArn"])


def _network(service: dict[str, Any]) -> dict[str, Any]:
    known = service.get("networkConfiguration")
    sets = [*service.get("deployments", ()), *service.get("taskSets", ())]
    return dict(known or next(one["networkConfiguration"] for one in sets if one.get("networkConfiguration")))


def outcome(site: Site, task: str) -> tuple[str, Problem | None]:
    """Return a task's status, and what was wrong with it once it has stopped."""
    found = site.described([task])
    if not found:
        return FORGOTTEN, None
    status = str(found[0]["lastStatus"])
    codes = [container.get("exitCode") for container in found[0]["containers"]]
    if status != "STOPPED" or all(code == 0 for code in codes):
        return status, None
    why = why_stopped(found[0])
    row = diagnose(why)
    return status, Problem(summary=why, seen=(why,), cause=row.cause if row else None, fix=row.fix if row else None)
