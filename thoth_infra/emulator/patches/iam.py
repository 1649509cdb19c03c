"""IAM: the names of service-linked roles."""

from __future__ import annotations

from moto.iam import models

from thoth_infra.emulator.patches.registry import patch


@patch("iam", needed=lambda: "spot" not in models.SERVICE_NAME_CONVERSION)
def role_of_spot() -> None:
    """moto names Spot's service-linked role AWSServiceRoleForspot; AWS calls it AWSServiceRoleForEC2Spot."""
    models.SERVICE_NAME_CONVERSION["spot"] = "EC2Spot"
