"""Gateways, endpoints, addresses, load balancer, firewall, data transfer."""

from __future__ import annotations

from thoth_infra.review.cost.hours import MONTH
from thoth_infra.review.cost.lines import Basis, Lines
from thoth_infra.review.cost.money import Spread, line

NETWORK, EDGE = "Network", "Edge"
MILLION = 1_000_000


def network(basis: Basis) -> Lines:
    """Yield what stands between the subnets and the internet. The gateways of somebody else's VPC are not ours."""
    found, usage, usd = basis.estate.network, basis.usage, basis.prices.usd
    if found.nat_gateways:
        hours = Spread.fixed(found.nat_gateways * MONTH)
        yield line(NETWORK, "VPC", "NAT gateways", "hour", hours, usd("nat.hour"))
        through = basis.used(usage.api_gb if not found.endpoint_zones else usage.api_gb / 10)
        yield line(NETWORK, "VPC", "NAT gateways: data", "GB", through, usd("nat.gb"))
    if found.nat_addresses:
        hours = Spread.fixed(found.nat_addresses * MONTH)
        yield line(NETWORK, "VPC", "public addresses of NAT gateways", "hour", hours, usd("ipv4.address"))
    if found.endpoint_zones:
        hours = Spread.fixed(found.endpoint_zones * MONTH)
        yield line(NETWORK, "VPC", "interface endpoints", "zone-hour", hours, usd("endpoint.hour"))
        # Logs, queues and images go this way then, and a tenth goes on through the gateway.
        data = basis.used(usage.api_gb)
        yield line(NETWORK, "VPC", "interface endpoints: data", "GB", data, usd("endpoint.gb"))
    if basis.estate.edge.balancers:
        out = basis.used(usage.audio_hours * usage.out_gb_per_audio_hour)
        yield line(NETWORK, "EC2", "data transfer to the internet", "GB", out, usd("transfer.out"))


def edge(basis: Basis) -> Lines:
    """Yield the load balancer, which has an address in each zone, and its firewall."""
    found, usage, usd = basis.estate.edge, basis.usage, basis.prices.usd
    if found.balancers:
        yield line(EDGE, "ELB", "load balancer", "hour", Spread.fixed(found.balancers * MONTH), usd("alb.hour"))
        # One unit of capacity takes 1 GB in an hour; requests and connections are far below theirs.
        units = basis.used(usage.upload_gb + usage.audio_hours * usage.out_gb_per_audio_hour)
        yield line(EDGE, "ELB", "load balancer: capacity units", "LCU-hour", units, usd("alb.lcu"))
        hours = Spread.fixed(found.zones * MONTH)
        yield line(EDGE, "VPC", "public addresses of the load balancer", "hour", hours, usd("ipv4.address"))
    if found.web_acls:
        yield line(EDGE, "WAF", "web ACL", "month", Spread.fixed(found.web_acls), usd("waf.acl"))
        yield line(EDGE, "WAF", "rules", "month", Spread.fixed(found.web_acl_rules), usd("waf.rule"))
        millions = basis.used(usage.requests / MILLION)
        yield line(EDGE, "WAF", "requests", "1,000,000 requests", millions, usd("waf.requests"))
