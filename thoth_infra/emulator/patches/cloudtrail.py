"""CloudTrail: deleting a trail."""

from __future__ import annotations

from typing import Any

from moto.cloudtrail.models import CloudTrailBackend as Backend

from thoth_infra.emulator.patches.registry import ignores, patch, wrap


@patch("cloudtrail", needed=ignores(Backend.delete_trail, "arn", "get_trail"))
def trail_deleted_by_arn() -> None:
    """moto deletes a trail by its name only; the provider gives the ARN, is told that all is well, and it stays."""

    @wrap(Backend, "delete_trail")
    def delete_trail(original: Any, self: Any, name: str) -> None:
        original(self, self.get_trail(name).trail_name)
