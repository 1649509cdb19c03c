"""Route 53: private zones."""

from __future__ import annotations

from typing import Any

from moto.route53.responses import Route53 as Response

from thoth_infra.emulator.patches.registry import patch, wrap


@patch("route53", needed=lambda: True)
def private_zone_by_vpc() -> None:
    """A zone created with a VPC is private; moto wants ``PrivateZone`` as well, which the provider never sends."""

    @wrap(Response, "create_hosted_zone")
    def create_hosted_zone(original: Any, self: Any) -> Any:
        answer = original(self)
        vpc, zone = self._get_param("VPC.VPCId"), answer.result["HostedZone"]
        if vpc and not zone.private_zone:
            zone.private_zone = True
            zone.add_vpc(vpc, self._get_param("VPC.VPCRegion"))
        return answer
