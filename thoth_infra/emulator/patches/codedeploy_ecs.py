"""CodeDeploy's deployments of ECS services: moto keeps them at "Created" for ever and can't stop one."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from moto.codedeploy.models import codedeploy_backends
from moto.codedeploy.responses import CodeDeployResponse as Response
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult

from thoth_infra.emulator.ecs.blue_green import BlueGreen, Deployer
from thoth_infra.emulator.ecs.records import Revision
from thoth_infra.emulator.ecs.surroundings import durations
from thoth_infra.emulator.patches.ecs_answers import when
from thoth_infra.emulator.patches.ecs_world import ALONE, world_of
from thoth_infra.emulator.patches.registry import patch, wrap

_CONFIG = re.compile(
    r"CodeDeployDefault\.ECS(?P<kind>Canary|Linear)(?P<percent>\d+)Percent(?:Every)?(?P<minutes>\d+)Minutes?"
)


def shifts(config: str) -> tuple[tuple[float, int], ...]:
    """Return when which percentage of the traffic moves under a deployment configuration.

    >>> shifts("CodeDeployDefault.ECSCanary10Percent5Minutes")
    ((0.0, 10), (300.0, 100))
    """
    found = _CONFIG.fullmatch(config)
    if found is None:
        return ((0.0, 100),)
    percent, wait = int(found["percent"]), 60.0 * int(found["minutes"])
    if found["kind"] == "Canary":
        return ((0.0, percent), (wait, 100))
    steps = range(percent, 101, percent)
    return tuple((wait * index, share) for index, share in enumerate(steps))


def _world(response: Any) -> tuple[Any, Any]:
    from moto.ecs.models import ecs_backends

    backend = response.codedeploy_backend
    return world_of(ecs_backends[backend.account_id][backend.region_name])


def _refuse(code: str, message: str) -> JsonRESTError:
    return JsonRESTError(code, message)


@patch("codedeploy", needed=lambda: True)
def one_at_a_time() -> None:
    """moto answers in several threads at once; a deployment works on ECS's world, which is not made for that."""

    @wrap(Response, "call_action")
    def call_action(original: Any, self: Any) -> Any:
        with ALONE:
            return original(self)


@patch("codedeploy", needed=lambda: True)
def deployments_run() -> None:
    """moto's deployments stay at "Created"; here they go through their lifecycle, or back."""

    @wrap(Response, "create_deployment")
    def create_deployment(original: Any, self: Any) -> Any:
        asked = self._get_params()
        group = self.codedeploy_backend.get_deployment_group(asked["applicationName"], asked["deploymentGroupName"])
        if not group.ecs_services:
            return original(self)
        world, around = _world(self)
        service = group.ecs_services[0]
        key = f"{service['clusterName']}/{service['serviceName']}"
        _refuse_second(world, key, group.deployment_group_name)
        properties = _properties(asked)
        answer = original(self)
        identifier = answer.result["deploymentId"]
        revision = around.revision(properties["TaskDefinition"])
        world.deployments[identifier] = _made(self, identifier, key, revision, group, world.now)
        world.advance(time.time(), around, durations())
        return answer


@patch("codedeploy", needed=lambda: True)
def deployments_are_shown() -> None:
    """moto shows what was asked for, not how far it has come."""

    @wrap(Response, "get_deployment")
    def get_deployment(original: Any, self: Any) -> Any:
        world, _ = _world(self)
        answer = original(self)
        if found := world.deployments.get(self._get_param("deploymentId")):
            answer.result["deploymentInfo"].update(_info(found))
        return answer

    @wrap(Response, "batch_get_deployments")
    def batch_get_deployments(original: Any, self: Any) -> Any:
        world, _ = _world(self)
        answer = original(self)
        for row in answer.result["deploymentsInfo"]:
            if found := world.deployments.get(row["deploymentId"]):
                row.update(_info(found))
        return answer

    @wrap(Response, "list_deployments")
    def list_deployments(original: Any, self: Any) -> Any:
        world, _ = _world(self)
        backend = codedeploy_backends[self.current_account][self.region]
        for identifier, found in world.deployments.items():
            if identifier in backend.deployments:
                backend.deployments[identifier].status = found.status
        return original(self)


def _refuse_second(world: Any, service: str, group: str) -> None:
    if any(one.service == service and one.running for one in world.deployments.values()):
        text = f"The Deployment Group '{group}' already has an active Deployment"
        raise _refuse("DeploymentLimitExceededException", text)


def _made(response: Any, identifier: str, service: str, revision: Revision, group: Any, now: float) -> BlueGreen:
    """Return the deployment that a CreateDeployment of a deployment group begins."""
    asked = response._get_params()
    pair = group.load_balancer_info["targetGroupPairInfoList"][0]
    ends = group.blue_green_deployment_configuration.get("terminateBlueInstancesOnDeploymentSuccess") or {}
    rollback = asked.get("autoRollbackConfiguration") or group.auto_rollback_configuration
    return BlueGreen(
        identifier,
        service,
        revision,
        now,
        _target_groups(response, pair),
        tuple(pair["prodTrafficRoute"]["listenerArns"]),
        shifts(str(group.deployment_config_name)),
        60.0 * ends.get("terminationWaitTimeInMinutes", 0),
        alarms=_alarms(group),
        rolls_back_on=tuple(rollback.get("events", ())) if rollback.get("enabled") else (),
        description=asked.get("description") or "",
    )


@patch("codedeploy", needed=lambda: not hasattr(Response, "stop_deployment"))
def deployments_stop() -> None:
    """moto has neither StopDeployment nor deployment targets."""

    def stop_deployment(self: Any) -> Any:
        world, around = _world(self)
        found = _found(world, self._get_param("deploymentId"))
        if not found.running:
            raise _refuse("DeploymentAlreadyCompletedException", "The deployment has already completed.")
        undo = bool(self._get_param("autoRollbackEnabled"))
        stopped = ("MANUAL_STOP", "The deployment was stopped by a user.")
        Deployer(world, around, durations()).end(found, "Stopped", stopped, undo=undo)
        return ActionResult({"status": "Succeeded", "statusMessage": ""})

    def list_deployment_targets(self: Any) -> Any:
        world, _ = _world(self)
        found = _found(world, self._get_param("deploymentId"))
        return ActionResult({"targetIds": [found.service.replace("/", ":")]})

    def batch_get_deployment_targets(self: Any) -> Any:
        world, _ = _world(self)
        found = _found(world, self._get_param("deploymentId"))
        return ActionResult({"deploymentTargets": [_target(world, found)]})

    for added in (stop_deployment, list_deployment_targets, batch_get_deployment_targets):
        setattr(Response, added.__name__, added)


def _found(world: Any, identifier: str) -> BlueGreen:
    found: BlueGreen | None = world.deployments.get(identifier)
    if found is None:
        raise _refuse("DeploymentDoesNotExistException", f"The deployment {identifier} could not be found")
    return found


def _properties(asked: dict[str, Any]) -> dict[str, Any]:
    """Read the AppSpec as CodeDeploy does, which refuses one that it can't follow."""
    try:
        content = json.loads(asked["revision"]["appSpecContent"]["content"])
        properties: dict[str, Any] = content["Resources"][0]["TargetService"]["Properties"]
        properties["LoadBalancerInfo"]["ContainerName"], properties["LoadBalancerInfo"]["ContainerPort"]
        properties["TaskDefinition"]
    except (KeyError, IndexError, TypeError, ValueError):
        raise _refuse("InvalidRevisionException", "The revision's AppSpec is not valid") from None
    return properties


def _target_groups(response: Any, pair: dict[str, Any]) -> tuple[str, str]:
    from moto.elbv2.models import elbv2_backends

    backend = elbv2_backends[response.current_account][response.region]
    arns = {group.name: arn for arn, group in backend.target_groups.items()}
    first, second = (arns.get(row["name"], row["name"]) for row in pair["targetGroups"])
    return first, second


def _alarms(group: Any) -> tuple[str, ...]:
    found = group.alarm_configuration
    found = found if isinstance(found, dict) else vars(found) if found else {}
    return tuple(row["name"] for row in found.get("alarms") or ()) if found.get("enabled") else ()


def _info(found: BlueGreen) -> dict[str, Any]:
    info: dict[str, Any] = {
        "status": found.status,
        "creator": found.creator,
        "startTime": when(found.started_at),
        "completeTime": when(found.ended_at),
        "instanceTerminationWaitTimeStarted": found.shifted_at is not None,
    }
    if found.error:
        info["errorInformation"] = {"code": found.error[0], "message": found.error[1]}
    return info


def _target(world: Any, found: BlueGreen) -> dict[str, Any]:
    service = world.services.get(found.service)
    sets = service.sets if service else []
    tasks = world.of_service(service) if service else []
    rows = []
    for label, identifier in (("Blue", found.blue), ("Green", found.green)):
        one = next((one for one in sets if one.id == identifier), None)
        if one is not None:
            mine = [task for task in tasks if task.set_id == one.id]
            rows.append(
                {
                    "identifer": one.id,
                    "taskSetLabel": label,
                    "status": one.status,
                    "desiredCount": service.desired,
                    "runningCount": sum(task.phase == "RUNNING" for task in mine),
                    "pendingCount": sum(task.phase in ("PROVISIONING", "PENDING") for task in mine),
                    "trafficWeight": float(found.percent if label == "Green" else 100 - found.percent),
                    "targetGroup": {"name": one.target_group.rpartition("/")[0].rpartition("/")[2]},
                }
            )
    events = [
        {
            "lifecycleEventName": event.name,
            "status": event.status,
            "startTime": when(event.started_at),
            "endTime": when(event.ended_at),
        }
        for event in found.events
    ]
    target = {
        "deploymentId": found.id,
        "targetId": found.service.replace("/", ":"),
        "status": found.status,
        "lifecycleEvents": events,
        "taskSetsInfo": rows,
    }
    return {"deploymentTargetType": "ECSTarget", "ecsTarget": target}
