"""AWS Backup: selections, tags and changes of a plan."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from moto.backup.exceptions import ResourceNotFoundException
from moto.backup.models import Plan
from moto.backup.responses import BackupResponse as Response
from moto.core.utils import unix_time

from thoth_infra.emulator.patches.registry import action, kept_on, lacks, patch


def _plan_id(response: Any) -> str:
    return str(response.path.split("/plans/")[1].split("/")[0])


def _selection_id(response: Any) -> str:
    return str(response.path.rstrip("/").split("/")[-1])


@patch("backup", needed=lacks(Response, "create_backup_selection", "get_backup_selection"))
def selections() -> None:
    """moto has no backup selections."""

    @action(Response)
    def create_backup_selection(self: Any) -> str:
        asked = json.loads(self.body)
        self.backup_backend.get_backup_plan(_plan_id(self), None)  # or raises
        selection = {
            "BackupPlanId": _plan_id(self),
            "SelectionId": str(uuid4()),
            "CreationDate": unix_time(),
            "CreatorRequestId": asked.get("CreatorRequestId"),
            "BackupSelection": asked["BackupSelection"],
        }
        kept_on(self.backup_backend, "selections")[selection["SelectionId"]] = selection
        return json.dumps(selection)

    @action(Response)
    def get_backup_selection(self: Any) -> str:
        selection = kept_on(self.backup_backend, "selections").get(_selection_id(self))
        if selection is None:
            raise ResourceNotFoundException(msg=f"Cannot find Backup selection with ID {_selection_id(self)}")
        return json.dumps(selection)

    @action(Response)
    def delete_backup_selection(self: Any) -> str:
        kept_on(self.backup_backend, "selections").pop(_selection_id(self), None)
        return "{}"

    @action(Response)
    def list_backup_selections(self: Any) -> str:
        found = kept_on(self.backup_backend, "selections").values()
        of_plan = [
            {**selection, "SelectionName": selection["BackupSelection"]["SelectionName"]}
            for selection in found
            if selection["BackupPlanId"] == _plan_id(self)
        ]
        return json.dumps({"BackupSelectionsList": of_plan})


@patch("backup", needed=lambda: True)
def tags_without_trailing_slash() -> None:
    """moto reads the ARN from ``/tags/ARN/``; the Go SDK sends ``/tags/ARN``, so that no tag is ever found."""

    @action(Response)
    def list_tags(self: Any) -> str:
        arn = unquote(self.path.split("/tags/", 1)[1].rstrip("/"))
        return json.dumps({"Tags": self.backup_backend.list_tags(resource_arn=arn)})


@patch("backup", needed=lacks(Response, "update_backup_plan"))
def plan_update() -> None:
    """moto has no UpdateBackupPlan. The defaults of a new plan's rules are moto's own."""

    @action(Response)
    def update_backup_plan(self: Any) -> str:
        plan = self.backup_backend.get_backup_plan(_plan_id(self), None)
        new = Plan(json.loads(self.body)["BackupPlan"], plan.creator_request_id, self.backup_backend)
        plan.backup_plan, plan.version_id = new.backup_plan, new.version_id
        plan.advanced_backup_settings = new.advanced_backup_settings
        return json.dumps(plan.to_dict())


@patch("backup", needed=lacks(Response, "list_recovery_points_by_backup_vault"))
def recovery_points() -> None:
    """moto has no recovery points; before a vault is deleted, the provider lists them. No plan ever runs here."""
    from moto.backup.urls import url_paths

    for end in ("", "/"):  # Go's SDK leaves out the slash at the end, Python's does not
        url_paths[f"{{0}}/backup-vaults/(?P<name>[^/]+)/recovery-points{end}$"] = Response.dispatch

    @action(Response)
    def list_recovery_points_by_backup_vault(self: Any) -> str:
        vault = _vault(self)
        asked = self._get_param("createdAfter")
        since = datetime.fromisoformat(asked).timestamp() if asked else 0.0
        points = kept_on(self.backup_backend, "recovery_points").get(vault, {}).values()
        return json.dumps({"RecoveryPoints": [point for point in points if point["CreationDate"] >= since]})


def _vault(response: Any) -> str:
    name = unquote(response.path.split("/backup-vaults/")[1].split("/")[0])
    response.backup_backend.describe_backup_vault(name)  # or raises
    return name


@patch("backup", needed=lacks(Response, "start_backup_job"))
def backups_on_demand() -> None:
    """moto makes no backups. Here one is complete at once; before a vault with some is deleted, they must be."""
    from moto.backup.urls import url_paths

    for end in ("", "/"):
        url_paths[f"{{0}}/backup-jobs{end}$"] = Response.dispatch
        url_paths[f"{{0}}/backup-vaults/(?P<name>[^/]+)/recovery-points/(?P<point>.+){end}$"] = Response.dispatch

    @action(Response)
    def start_backup_job(self: Any) -> str:
        asked = json.loads(self.body)
        self.backup_backend.describe_backup_vault(asked["BackupVaultName"])
        region, account = self.region, self.current_account
        arn = f"arn:aws:backup:{region}:{account}:recovery-point:{uuid4()}"
        kind = asked["ResourceArn"].split(":")[2]
        point = {
            "RecoveryPointArn": arn,
            "BackupVaultName": asked["BackupVaultName"],
            "ResourceArn": asked["ResourceArn"],
            "ResourceType": {"elasticfilesystem": "EFS", "rds": "RDS"}.get(kind, kind.upper()),
            "CreationDate": unix_time(),
            "CompletionDate": unix_time(),
            "Status": "COMPLETED",
        }
        kept_on(self.backup_backend, "recovery_points").setdefault(asked["BackupVaultName"], {})[arn] = point
        job = {"BackupJobId": str(uuid4()), "RecoveryPointArn": arn, "CreationDate": point["CreationDate"]}
        return json.dumps(job)

    @action(Response)
    def delete_recovery_point(self: Any) -> str:
        arn = unquote(self.path.split("/recovery-points/")[1].rstrip("/"))
        points = kept_on(self.backup_backend, "recovery_points").get(_vault(self), {})
        if points.pop(arn, None) is None:
            raise ResourceNotFoundException(msg=f"Cannot find recovery point {arn}")
        return "{}"
