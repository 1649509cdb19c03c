"""Secrets Manager: which secret a request is about, where policies are enforced."""

from __future__ import annotations

from typing import Any

from moto.secretsmanager.responses import SecretsManagerResponse as Response

from thoth_infra.emulator.patches.registry import patch


@patch("secretsmanager", needed=lambda: not hasattr(Response, "_determine_resource"))
def secrets_are_judged_by_arn() -> None:
    """moto judges every request as one on ``*``, so that a policy about one secret allows nothing at all."""

    def _determine_resource(self: Any) -> str:
        asked = self._get_param("SecretId")
        if not asked or asked.startswith("arn:"):
            return asked or "*"
        found = self.backend.secrets.get(asked)
        region, account = self.region, self.current_account
        return found.arn if found else f"arn:aws:secretsmanager:{region}:{account}:secret:{asked}"

    Response._determine_resource = _determine_resource
