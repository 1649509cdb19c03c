"""The service that CodeDeploy replaces behind the load balancer: the API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from thoth_infra.aws.deploy.site import Look, Site, failures_of, images_of, news_of, why_stopped

_ENDED: Final = ("Succeeded", "Failed", "Stopped")
#: So many tasks may end by themselves before the deployment is taken for failed. CodeDeploy itself would wait an hour.
_FAILURES: Final = 3
_SHIFTED: Final = ("AllowTraffic", "AfterAllowTraffic")


def app_spec(service: dict[str, Any], revision: str) -> str:
    """Return the AppSpec that moves a service, as ECS describes it, to a revision.

    The capacity strategy is repeated: CodeDeploy would fall back to the launch type without it.
    """
    container = service["loadBalancers"][0] if service.get("loadBalancers") else _container(service)
    properties = {
        "TaskDefinition": revision,
        "LoadBalancerInfo": {"ContainerName": container["containerName"], "ContainerPort": container["containerPort"]},
        "CapacityProviderStrategy": [
            {"CapacityProvider": row["capacityProvider"], "Base": row.get("base", 0), "Weight": row.get("weight", 0)}
            for row in service.get("capacityProviderStrategy", [])
        ],
    }
    resources = [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}]
    return json.dumps({"version": 0.0, "Resources": resources})


def _container(service: dict[str, Any]) -> dict[str, Any]:
    balancers = [row for one in service.get("taskSets", ()) for row in one.get("loadBalancers", ())]
    return dict(balancers[0])


def begin(site: Site, service: str, revision: str, mark: str) -> str:
    """Start a CodeDeploy deployment and return its id; one that has the same ``mark`` is taken up again."""
    application, group = site.codedeploy
    codedeploy = site.clients("codedeploy")
    if found := known(site, mark):
        return found
    made = codedeploy.create_deployment(
        applicationName=application,
        deploymentGroupName=group,
        revision={
            "revisionType": "AppSpecContent",
            "appSpecContent": {"content": app_spec(site.service(service), revision)},
        },
        description=mark,
    )
    return str(made["deploymentId"])


def running(site: Site) -> list[str]:
    """Return the deployments of the group that have not ended, whoever made them."""
    application, group = site.codedeploy
    answer = site.clients("codedeploy").list_deployments(
        applicationName=application,
        deploymentGroupName=group,
        includeOnlyStatuses=["Created", "Queued", "InProgress", "Baking", "Ready"],
    )
    return list(answer["deployments"])


def known(site: Site, mark: str) -> str | None:
    """Return the deployment that was started with this mark, if there is one among the latest hundred."""
    application, group = site.codedeploy
    codedeploy = site.clients("codedeploy")
    found = codedeploy.list_deployments(applicationName=application, deploymentGroupName=group)["deployments"]
    for start in range(0, min(len(found), 100), 25):
        answer = codedeploy.batch_get_deployments(deploymentIds=found[start : start + 25])
        for info in answer["deploymentsInfo"]:
            if info.get("description") == mark:
                return str(info["deploymentId"])
    return None


def look(site: Site, service: str, revision: str, deployment: str, digest: str | None, since: datetime) -> Look:
    """See how far a CodeDeploy deployment has come; it is done once the old tasks are gone too."""
    info = _info(site, deployment)
    status, error = info["status"], info.get("errorInformation") or {}
    failures = failures_of(site, service, revision, since)
    found = site.service(service)
    seen = tuple(dict.fromkeys((*_said(error), *map(why_stopped, failures), *news_of(found, since))))
    progress = _progress(site, deployment)
    if status in ("Failed", "Stopped"):
        return Look(service, progress, failed=f"{service}: CodeDeploy {status.lower()}: {_one_line(error)}", seen=seen)
    if len(failures) >= _FAILURES:
        return Look(service, progress, failed=f"{service}: {len(failures)} new tasks ended by themselves", seen=seen)
    if status != "Succeeded":
        return Look(service, progress, seen=seen)
    wrong = _wrong(site, found, service, revision, digest)
    return Look(service, wrong or "done", done=not wrong, seen=seen)


def shifted(site: Site, deployment: str) -> bool:
    """Whether all traffic goes to the new tasks."""
    events = {event["lifecycleEventName"]: event["status"] for event in _target(site, deployment)["lifecycleEvents"]}
    return all(events.get(name) == "Succeeded" for name in _SHIFTED)


def traffic(site: Site, deployment: str) -> dict[str, float]:
    """Return the share of the traffic, in percent, that each task set of a deployment gets; by the task set's id."""
    # "identifer" is CodeDeploy's own spelling.
    return {one["identifer"]: one.get("trafficWeight", 0.0) for one in _target(site, deployment)["taskSetsInfo"]}


def undo(site: Site, deployment: str) -> None:
    """Stop a deployment that runs and send the traffic back; one that has ended is left as it is."""
    if _info(site, deployment)["status"] in _ENDED:
        return
    codedeploy = site.clients("codedeploy")
    try:
        codedeploy.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)
    except codedeploy.exceptions.DeploymentAlreadyCompletedException:
        return


def ended(site: Site, deployment: str) -> bool:
    """Whether nothing more happens to a deployment."""
    return _info(site, deployment)["status"] in _ENDED


def serves(site: Site, service: str, revision: str) -> bool:
    """Whether a service's primary tasks are of this revision, and no other set is left."""
    sets = site.service(service).get("taskSets", ())
    return len(sets) == 1 and sets[0]["taskDefinition"] == revision and sets[0]["status"] == "PRIMARY"


def steady(site: Site, service: str) -> bool:
    """Whether the primary tasks all run."""
    found = site.service(service)
    primary = [one for one in found.get("taskSets", ()) if one["status"] == "PRIMARY"]
    return bool(primary) and primary[0]["stabilityStatus"] == "STEADY_STATE"


def _wrong(site: Site, found: dict[str, Any], service: str, revision: str, digest: str | None) -> str | None:
    primary = next((one for one in found.get("taskSets", ()) if one["status"] == "PRIMARY"), None)
    if primary is None or primary["taskDefinition"] != revision:
        return "waiting for ECS to show the new revision"
    if digest and (other := images_of(site.tasks(service, "RUNNING"), service) - {digest}):
        return f"{', '.join(sorted(other))} still runs"
    return None


def _info(site: Site, deployment: str) -> dict[str, Any]:
    return dict(site.clients("codedeploy").get_deployment(deploymentId=deployment)["deploymentInfo"])


def _target(site: Site, deployment: str) -> dict[str, Any]:
    codedeploy = site.clients("codedeploy")
    ids = codedeploy.list_deployment_targets(deploymentId=deployment)["targetIds"]
    if not ids:
        return {"lifecycleEvents": [], "taskSetsInfo": []}
    answer = codedeploy.batch_get_deployment_targets(deploymentId=deployment, targetIds=ids[:1])
    return dict(answer["deploymentTargets"][0]["ecsTarget"])


def _progress(site: Site, deployment: str) -> str:
    target = _target(site, deployment)
    now = [event["lifecycleEventName"] for event in target["lifecycleEvents"] if event["status"] == "InProgress"]
    weight = next(
        (row.get("trafficWeight") for row in target["taskSetsInfo"] if row.get("taskSetLabel") == "Green"), None
    )
    sets: Sequence[dict[str, Any]] = target["taskSetsInfo"]
    green = next((row for row in sets if row.get("taskSetLabel") == "Green"), None)
    run = f", {green['runningCount']} of {green['desiredCount']} new tasks run" if green else ""
    return f"{now[0] if now else 'keeping the old tasks for a while'}{run}, {weight or 0:.0f} % of the traffic"


def _said(error: dict[str, str]) -> list[str]:
    return [_one_line(error)] if error else []


def _one_line(error: dict[str, str]) -> str:
    return f"{error.get('code', '')}: {error.get('message', '')}".strip(": ") or "no reason given"
