"""ECR: images have the digest of their manifest, and another account's registry can be asked."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from moto.ecr.models import ECRBackend as Backend
from moto.ecr.models import ecr_backends
from moto.ecr.responses import ECRResponse as Response

from thoth_infra.emulator.patches.registry import ignores, patch, wrap


@patch("ecr", needed=lambda: True)
def digest_of_the_manifest() -> None:
    """moto makes an image's digest of its layers' alone, so that two images of the same layers are one."""

    @wrap(Backend, "put_image")
    def put_image(
        original: Any, self: Any, repository: str, manifest: str, tag: str, kind: Any = None, digest: Any = None
    ) -> Any:
        return original(
            self, repository, manifest, tag, kind, digest or f"sha256:{sha256(manifest.encode()).hexdigest()}"
        )


@patch("ecr", needed=ignores(Response.ecr_backend, "registryId"))
def registry_of_another_account() -> None:
    """moto looks in the caller's own registry whichever one is named; images are in the shared account's."""

    def ecr_backend(self: Any) -> Any:
        return ecr_backends[self._get_param("registryId") or self.current_account][self.region]

    Response.ecr_backend = property(ecr_backend)
