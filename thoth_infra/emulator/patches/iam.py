"""IAM: the names of service-linked roles, and whom an OIDC provider signs in."""

from __future__ import annotations

from typing import Any

from moto.core.responses import EmptyResult
from moto.iam import models
from moto.iam.responses import IamResponse as Response

from thoth_infra.emulator.patches.registry import action, lacks, patch


@patch("iam", needed=lambda: "spot" not in models.SERVICE_NAME_CONVERSION)
def role_of_spot() -> None:
    """moto names Spot's service-linked role AWSServiceRoleForspot; AWS calls it AWSServiceRoleForEC2Spot."""
    models.SERVICE_NAME_CONVERSION["spot"] = "EC2Spot"


@patch("iam", needed=lacks(Response, "add_client_id_to_open_id_connect_provider"))
def audiences_of_oidc() -> None:
    """moto can't change the client ids (audiences) of an OIDC provider."""

    @action(Response)
    def add_client_id_to_open_id_connect_provider(self: Any) -> Any:
        found = self.backend.get_open_id_connect_provider(self._get_param("OpenIDConnectProviderArn"))
        client = self._get_param("ClientID")
        if client not in found.client_id_list:
            found.client_id_list.append(client)
        return EmptyResult()
