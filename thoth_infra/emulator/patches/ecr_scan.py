"""ECR: what a scan finds in an image."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from moto.ecr.models import ECRBackend as Backend

from thoth_infra.emulator.patches.registry import patch, wrap

#: The annotation of an image's manifest that says how many critical vulnerabilities its scan finds.
CRITICAL: Final = "thoth.emulator/critical-findings"


@patch("ecr", needed=lambda: True)
def scans_on_push() -> None:
    """moto scans nothing on push, and finds the same made-up vulnerability in every image."""

    @wrap(Backend, "put_image")
    def put_image(original: Any, self: Any, repository: str, *args: Any, **kwargs: Any) -> Any:
        image = original(self, repository, *args, **kwargs)
        if self.repositories[repository].image_scanning_configuration.get("scanOnPush"):
            image.last_scan = datetime.today()  # as moto itself writes it
        return image

    @wrap(Backend, "describe_image_scan_findings")
    def describe_image_scan_findings(
        original: Any, self: Any, registry_id: str, repository_name: str, image_id: dict[str, Any]
    ) -> Any:
        answer = original(self, registry_id, repository_name, image_id)
        image = self._get_repository(repository_name, registry_id)._get_image(
            image_id.get("imageTag"), image_id.get("imageDigest")
        )
        count = int((json.loads(image.image_manifest).get("annotations") or {}).get(CRITICAL, 0))
        found = answer["imageScanFindings"]
        found["findings"], found["findingSeverityCounts"] = [], {"CRITICAL": count} if count else {}
        return answer
