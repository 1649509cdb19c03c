"""EFS: backup policy and file-system policy."""

from __future__ import annotations

import json
from typing import Any

from moto.efs.responses import EFSResponse as Response

from thoth_infra.emulator.patches.registry import action, lacks, patch

_JSON = {"Content-Type": "application/json"}


def _file_system(response: Any) -> Any:
    response.efs_backend.describe_file_systems(file_system_id=response._get_param("FileSystemId"))  # or raises
    return response.efs_backend.file_systems_by_id[response._get_param("FileSystemId")]


@patch("efs", needed=lacks(Response, "put_backup_policy"))
def backup_policy() -> None:
    """moto has no PutBackupPolicy, and its description fails where no backup was asked for at creation."""

    @action(Response)
    def put_backup_policy(self: Any) -> Any:
        _file_system(self)._backup = self._get_param("BackupPolicy")["Status"] == "ENABLED"
        return self.describe_backup_policy()

    @action(Response)
    def describe_backup_policy(self: Any) -> Any:
        status = "ENABLED" if _file_system(self)._backup else "DISABLED"
        return json.dumps({"BackupPolicy": {"Status": status}}), _JSON


@patch("efs", needed=lacks(Response, "delete_file_system_policy"))
def file_system_policy_deletion() -> None:
    """moto has no DeleteFileSystemPolicy, which every destroy calls."""

    @action(Response)
    def delete_file_system_policy(self: Any) -> Any:
        _file_system(self).file_system_policy = None
        return "{}", _JSON
