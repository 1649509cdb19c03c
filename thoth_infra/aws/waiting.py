"""What becomes of a service after it was told something: restarting one, and waiting until tasks run or are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from thoth_infra.aws.deploy import blue_green
from thoth_infra.aws.deploy.ledger import Ledger
from thoth_infra.aws.deploy.site import Look, Site, failures_of, news_of, refusals_of, why_stopped
from thoth_infra.aws.diagnosis import most_telling
from thoth_infra.aws.services import described
from thoth_infra.errors import CheckFailed, ThothError

# An event of a restart may be a moment older than our own clock's beginning of it.
_SKEW: Final = timedelta(seconds=5)
_NO_GROUP: Final = ("ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException")


@dataclass(frozen=True)
class Restart:
    """The replacement of a service's tasks: CodeDeploy's deployment, or ECS's."""

    service: str
    deployment: str
    revision: str
    blue_green: bool
    since: datetime


def refuse_deployment(site: Site, ledger: Ledger) -> None:
    """Raise ThothError while anybody deploys: its steps and ours would undo one another."""
    ledger.last()
    if busy := code_deploying(site):
        raise ThothError(
            f"CodeDeploy replaces the API just now ({', '.join(busy)})",
            "wait for it (`thoth-infra status --watch` shows how far it is), or stop it in CodeDeploy",
        )


def code_deploying(site: Site) -> list[str]:
    """Return the CodeDeploy deployments that have not ended; none where there is no deployment group."""
    from botocore.exceptions import ClientError

    try:
        return blue_green.running(site)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NO_GROUP:
            return []
        raise


def restart(site: Site, name: str) -> Restart:
    """Replace the tasks of a service by new ones of the same revision.

    ECS rolls a queue worker; a service behind the load balancer is replaced by CodeDeploy, to which ECS leaves it.
    Raises ThothError where the service is not there or is to have no tasks.
    """
    found, since = site.service(name), site.now() - _SKEW
    if not found["desiredCount"]:
        raise ThothError(f"{name} has no tasks to replace: its desired count is 0", "`thoth-infra status` tells why")
    revision = found["taskDefinition"]
    if found.get("deploymentController", {}).get("type") == "CODE_DEPLOY":
        made = blue_green.begin(site, name, revision, f"restart-service {since:%Y%m%dT%H%M%S.%fZ}")
        return Restart(name, made, revision, True, since)
    updated = site.clients("ecs").update_service(cluster=site.cluster, service=name, forceNewDeployment=True)
    primary = next(one for one in updated["service"]["deployments"] if one["status"] == "PRIMARY")
    return Restart(name, str(primary["id"]), revision, False, since)


def look(site: Site, made: Restart) -> Look:
    """See how far a restart has come."""
    if made.blue_green:
        return blue_green.look(site, made.service, made.revision, made.deployment, None, made.since)
    found = site.service(made.service)
    seen = tuple(dict.fromkeys(reasons(site, found, made.revision, made.since)))
    mine = next((one for one in found["deployments"] if one["id"] == made.deployment), None)
    if mine is None or mine["status"] != "PRIMARY":
        return Look(made.service, "replaced", failed=f"{made.service}: another deployment took its place", seen=seen)
    if mine.get("rolloutState") == "FAILED":
        return Look(made.service, "failed", failed=f"{made.service}: {mine['rolloutStateReason']}", seen=seen)
    others = sum(one["runningCount"] for one in found["deployments"] if one is not mine)
    progress = f"{mine['runningCount']} of {found['desiredCount']} new tasks run, {others} old ones to go"
    done = mine.get("rolloutState") == "COMPLETED" and len(found["deployments"]) == 1
    return Look(made.service, progress, done=done, seen=seen)


def reasons(site: Site, service: Mapping[str, Any], revision: str, since: datetime) -> list[str]:
    """Return what AWS says since a time that may explain why a service's tasks don't run."""
    name = service["serviceName"]
    stopped = map(why_stopped, failures_of(site, name, revision, since))
    return [*stopped, *news_of(dict(service), since), *refusals_of(site, dict(service), since)]


def wait_for(site: Site, looks: Callable[[], Iterable[Look]]) -> None:
    """Tell of progress until all is done. Raises CheckFailed, with cause and remedy, for a failure or a time-out."""
    until = site.clock() + site.timeout_seconds
    said: dict[str, str] = {}
    while True:
        found = list(looks())
        for one in found:
            if said.get(one.service) != one.progress:
                said[one.service] = one.progress
                site.tell(f"{one.service}: {one.progress}")
        if failed := [one for one in found if one.failed]:
            raise _failed("; ".join(str(one.failed) for one in failed), found)
        waiting = [one.service for one in found if not one.done]
        if not waiting:
            return
        if site.clock() > until:
            raise _failed(f"{', '.join(waiting)}: not there after {site.timeout_seconds:.0f} seconds", found)
        site.sleep(site.poll_seconds)


def counts(site: Site, wanted: Mapping[str, int], since: datetime) -> list[Look]:
    """See how near services are to so many running tasks each."""
    found = described(site.clients, site.cluster, list(wanted))
    return [_count(site, service, wanted[name], since) for name, service in found.items()]


def _count(site: Site, service: dict[str, Any], wanted: int, since: datetime) -> Look:
    name, running, pending = service["serviceName"], service["runningCount"], service["pendingCount"]
    if running == wanted and not pending:
        return Look(name, f"{running} run" if wanted else "no task is left", done=True)
    if not wanted:
        return Look(name, f"{running + pending} tasks to go")
    seen = tuple(dict.fromkeys(reasons(site, service, service["taskDefinition"], since)))
    return Look(name, f"{running} of {wanted} tasks run", seen=seen)


def _failed(summary: str, looks: Iterable[Look]) -> CheckFailed:
    seen = list(dict.fromkeys(text for one in looks for text in one.seen))[:6]
    row = most_telling((summary, *seen))
    lines = [summary, *(f"  seen: {text}" for text in seen), *([f"  cause: {row.cause}"] if row else [])]
    return CheckFailed("\n".join(lines), row.fix if row else "`thoth-infra status` shows what runs")
