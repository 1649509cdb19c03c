"""Service Quotas: those of instances, addresses and Fargate, and raising them."""

from __future__ import annotations

import json
from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend as Backend
from moto.servicequotas.responses import ServiceQuotasResponse as Response

from thoth_infra.emulator.patches.registry import action, kept_on, lacks, patch

# What a new account has (Amazon EC2 and AWS Fargate endpoints and quotas, AWS General Reference): no GPU at all.
_DEFAULTS: Final = {
    ("ec2", "L-DB2E81BA"): ("Running On-Demand G and VT instances", 0.0),
    ("ec2", "L-3819A6DF"): ("All G and VT Spot Instance Requests", 0.0),
    ("ec2", "L-0263D0A3"): ("EC2-VPC Elastic IPs", 5.0),
    ("fargate", "L-3032A538"): ("Fargate On-Demand vCPU resource count", 6.0),
    ("fargate", "L-36FBB829"): ("Fargate Spot vCPU resource count", 6.0),
}


def _default(backend: Any, service: str, code: str) -> dict[str, Any]:
    if (service, code) in _DEFAULTS:
        name, value = _DEFAULTS[service, code]
        return {
            "ServiceCode": service,
            "QuotaCode": code,
            "QuotaName": name,
            "QuotaArn": f"arn:aws:servicequotas:{backend.region_name}:{backend.account_id}:{service}/{code}",
            "Value": value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }
    found = [one for one in backend.list_aws_default_service_quotas(service) if one["QuotaCode"] == code]
    if not found:
        raise NoSuchResource
    return dict(found[0])


@patch("servicequotas", needed=lambda: True)
def quotas_of_compute() -> None:
    """moto knows the quotas of VPC only."""

    def get_service_quota(self: Any, service_code: str, quota_code: str) -> Any:
        found = _default(self, service_code, quota_code)
        raised = kept_on(self, "raised").get((service_code, quota_code))
        return found if raised is None else {**found, "Value": raised}

    Backend.get_service_quota = get_service_quota

    @action(Response)
    def get_aws_default_service_quota(self: Any) -> str:
        asked = json.loads(self.body)
        return json.dumps({"Quota": _default(self.backend, asked["ServiceCode"], asked["QuotaCode"])})


@patch("servicequotas", needed=lacks(Response, "request_service_quota_increase"))
def quotas_are_raised() -> None:
    """moto can't raise a quota. Here a request is granted at once, where AWS may ask a person first."""

    @action(Response)
    def request_service_quota_increase(self: Any) -> str:
        asked = json.loads(self.body)
        service, code, value = asked["ServiceCode"], asked["QuotaCode"], float(asked["DesiredValue"])
        if value <= self.backend.get_service_quota(service, code)["Value"]:
            raise JsonRESTError(
                "IllegalArgumentException", "You must provide a quota value greater than the current quota value"
            )
        kept_on(self.backend, "raised")[service, code] = value
        granted = {"ServiceCode": service, "QuotaCode": code, "DesiredValue": value, "Status": "APPROVED"}
        return json.dumps({"RequestedQuota": granted})
