"""ECR: images have the digest and the size that their manifest says, other accounts' registries can be asked, and
Docker is led to this emulator."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ecr.models import ECRBackend as Backend
from moto.ecr.models import Image, ecr_backends
from moto.ecr.responses import ECRResponse as Response

from thoth_infra.emulator.docker_registry import USER, token
from thoth_infra.emulator.ecs.images import PREFIX
from thoth_infra.emulator.patches.registry import ignores, patch, wrap

# What stands for an image that was pushed elsewhere has that image's digest.
STANDS_FOR = f"{PREFIX}digest"


class DigestDoesNotMatch(ServiceException):  # type: ignore[misc]  # moto is untyped here
    """What ECR answers to a manifest that is not the one which was meant."""

    code = "ImageDigestDoesNotMatchException"


@patch("ecr", needed=lambda: True)
def digest_of_the_manifest() -> None:
    """moto makes an image's digest of its layers' alone, so that two images of the same layers are one."""

    @wrap(Backend, "put_image")
    def put_image(
        original: Any, self: Any, repository: str, manifest: str, tag: str, kind: Any = None, digest: Any = None
    ) -> Any:
        annotations = json.loads(manifest).get("annotations") or {}
        found = annotations.get(STANDS_FOR) or f"sha256:{sha256(manifest.encode()).hexdigest()}"
        if digest and digest != found:
            raise DigestDoesNotMatch(f"image digest {digest} does not match the calculated digest {found}")
        return original(self, repository, manifest, tag, kind, found)


@patch("ecr", needed=ignores(Response.ecr_backend, "registryId"))
def registry_of_another_account() -> None:
    """moto looks in the caller's own registry whichever one is named; images are in the shared account's."""

    def ecr_backend(self: Any) -> Any:
        return ecr_backends[self._get_param("registryId") or self.current_account][self.region]

    Response.ecr_backend = property(ecr_backend)


@patch("ecr", needed=lambda: True)
def size_of_the_layers() -> None:
    """moto takes the size of the configuration for the image's: ECR adds up what the manifest lists."""

    @wrap(Image, "get_image_size_in_bytes")
    def get_image_size_in_bytes(original: Any, self: Any) -> Any:
        manifest = json.loads(self.image_manifest)
        if not manifest.get("layers"):
            return original(self)
        return sum(one.get("size", 0) for one in (manifest.get("config") or {}, *manifest["layers"]))


@patch("ecr", needed=ignores(Backend.describe_images, "image_scan_findings_summary"))
def scans_are_summed_up() -> None:
    """moto tells an image's findings one by one only: DescribeImages counts them by severity once it was scanned."""

    @wrap(Backend, "describe_images")
    def describe_images(
        original: Any, self: Any, repository: str, registry: str | None = None, ids: Any = None
    ) -> list[Any]:
        found = list(original(self, repository, registry, ids))
        for image in (one for one in found if one.last_scan):
            told = self.describe_image_scan_findings(registry, repository, {"imageDigest": image.get_image_digest()})
            findings = told["imageScanFindings"]
            image.image_scan_findings_summary = {
                "imageScanCompletedAt": image.last_scan,
                "findingSeverityCounts": dict(findings["findingSeverityCounts"]),
            }
        return found


@patch("ecr", needed=ignores(Response.get_authorization_token, "HTTP_HOST", "Host", "host"))
def login_to_the_emulator() -> None:
    """moto's token expired in 2015 and is for AWS's own host: Docker has to come here, where pushes are understood."""

    def get_authorization_token(self: Any) -> ActionResult:
        accounts = self._get_param("registryIds") or [self.current_account]
        data = [
            {
                "authorizationToken": b64encode(f"{USER}:{token(account, self.region)}".encode()).decode(),
                "expiresAt": datetime.now(UTC) + timedelta(hours=12),
                "proxyEndpoint": f"http://{self.headers['Host']}",
            }
            for account in accounts
        ]
        return ActionResult({"authorizationData": data})

    Response.get_authorization_token = get_authorization_token
