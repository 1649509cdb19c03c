"""CodeDeploy: changing and deleting, and the alarms of a deployment group."""

from __future__ import annotations

from typing import Any

import moto.codedeploy.responses
from moto.codedeploy.responses import CodeDeployResponse as Response
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import camelcase_to_underscores

from thoth_infra.emulator.patches.registry import action, ignores, lacks, patch, wrap


@patch("codedeploy", needed=ignores(moto.codedeploy.responses._deployment_group_info, "alarm_configuration"))
def alarm_configuration() -> None:
    """moto always answers an empty alarm configuration."""

    @wrap(moto.codedeploy.responses, "_deployment_group_info")
    def deployment_group_info(original: Any, group: Any) -> dict[str, Any]:
        info: dict[str, Any] = original(group)
        alarms = group.alarm_configuration
        if alarms:
            info["alarmConfiguration"] = alarms if isinstance(alarms, dict) else vars(alarms)
        return info


@patch("codedeploy", needed=lacks(Response, "delete_application", "delete_deployment_group"))
def deletion() -> None:
    """moto can't delete an application or a deployment group, so that no destroy ends."""

    @action(Response)
    def delete_deployment_group(self: Any) -> Any:
        groups = self.codedeploy_backend.deployment_groups.get(self._get_param("applicationName"), {})
        groups.pop(self._get_param("deploymentGroupName"), None)
        return ActionResult({"hooksNotCleanedUp": []})

    @action(Response)
    def delete_application(self: Any) -> Any:
        name = self._get_param("applicationName")
        self.codedeploy_backend.applications.pop(name, None)
        self.codedeploy_backend.deployment_groups.pop(name, None)
        return EmptyResult()


@patch("codedeploy", needed=lacks(Response, "update_deployment_group"))
def deployment_group_update() -> None:
    """moto has no UpdateDeploymentGroup."""

    @action(Response)
    def update_deployment_group(self: Any) -> Any:
        asked = self._get_params()
        application, name = asked.pop("applicationName"), asked.pop("currentDeploymentGroupName")
        group = self.codedeploy_backend.get_deployment_group(application, name)
        for key, value in asked.items():
            attribute = camelcase_to_underscores(key)
            if value is not None and hasattr(group, attribute):
                setattr(group, attribute, value)
        return ActionResult({"hooksNotCleanedUp": []})
