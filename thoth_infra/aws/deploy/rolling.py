"""Services that ECS replaces task by task: the queue workers."""

from __future__ import annotations

from datetime import datetime

from thoth_infra.aws.deploy.site import (
    Look,
    Site,
    failures_of,
    images_of,
    news_of,
    progress_of,
    refusals_of,
    why_stopped,
)


def begin(site: Site, service: str, revision: str) -> bool:
    """Let ECS roll a service to a revision; return False where it is on its way there already."""
    found = site.service(service)
    primary = next((one for one in found["deployments"] if one["status"] == "PRIMARY"), None)
    if primary is not None and primary["taskDefinition"] == revision and primary.get("rolloutState") != "FAILED":
        return False
    site.clients("ecs").update_service(cluster=site.cluster, service=service, taskDefinition=revision)
    return True


def look(site: Site, service: str, revision: str, digest: str | None, since: datetime) -> Look:
    """See how far a service has come on its way to a revision, and to an image's digest where one is given."""
    found = site.service(service)
    deployments = found["deployments"]
    primary = next((one for one in deployments if one["status"] == "PRIMARY"), deployments[0])
    mine = [one for one in deployments if one["taskDefinition"] == revision]
    failures = failures_of(site, service, revision, since)
    seen = (*map(why_stopped, failures), *_reasons(mine), *news_of(found, since), *refusals_of(site, found, since))
    others = sum(one["runningCount"] for one in deployments if one["taskDefinition"] != revision)
    running = sum(one["runningCount"] for one in mine)
    progress = progress_of(running, found["desiredCount"], others)
    told = tuple(dict.fromkeys(seen))
    if primary["taskDefinition"] != revision:
        return Look(
            service, progress, failed=f"{service}: ECS went back to {_short(primary['taskDefinition'])}", seen=told
        )
    if primary.get("rolloutState") == "FAILED":
        return Look(service, progress, failed=f"{service}: {primary.get('rolloutStateReason', 'failed')}", seen=told)
    settled = primary.get("rolloutState") == "COMPLETED" and len(deployments) == 1
    if not settled or running != found["desiredCount"]:
        return Look(service, progress, seen=told)
    wrong = images_of(site.tasks(service, "RUNNING"), service) - {digest} if digest else set()
    if wrong:
        return Look(service, f"{progress}; {', '.join(sorted(wrong))} still runs", seen=told)
    return Look(service, progress, done=True, seen=told)


def runs(site: Site, service: str, revision: str) -> bool:
    """Whether a service has all its tasks running, of this revision, and none of another.

    Asked after going back: ECS may call its deployment unfinished for as long as it tries to start one task more.
    """
    found = site.service(service)
    tasks = [task for task in site.tasks(service, "RUNNING") if task["lastStatus"] == "RUNNING"]
    mine = [task for task in tasks if task["taskDefinitionArn"] == revision]
    well = [task for task in mine if task.get("healthStatus") != "UNHEALTHY"]
    return bool(found["taskDefinition"] == revision and len(tasks) == len(well) >= found["desiredCount"])


def _reasons(deployments: list[dict[str, str]]) -> list[str]:
    return [one["rolloutStateReason"] for one in deployments if one.get("rolloutState") == "FAILED"]


def _short(arn: str) -> str:
    return arn.rpartition("/")[2]
