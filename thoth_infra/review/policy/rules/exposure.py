"""What the internet could reach: only the load balancer, on 80 and 443."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Final

from thoth_infra.review.policy.findings import Finding
from thoth_infra.review.policy.plan import Plan, Resource
from thoth_infra.review.policy.statements import Kind, Statement, statements

PUBLIC: Final = "nothing-public"

_WEB_PORTS: Final = frozenset({80, 443})
_BLOCKS: Final = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
# Types, flag, the block that it stands in, and what it does.
_FLAGS: Final = (
    (("aws_subnet",), "map_public_ip_on_launch", "", "gives public addresses to what starts in it"),
    (("aws_db_instance", "aws_rds_cluster_instance"), "publicly_accessible", "", "has a public address"),
    (("aws_ecs_service",), "assign_public_ip", "network_configuration", "gives its tasks public addresses"),
    (("aws_instance",), "associate_public_ip_address", "", "has a public address"),
    (
        ("aws_launch_template",), "associate_public_ip_address", "network_interfaces",
        "gives its instances public addresses",
    ),
)  # fmt: skip
# What is not the internet: RFC 1918, and IPv6's unique local addresses.
_PRIVATE: Final = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
# An endpoint's policy grants nothing by itself: it bounds what may pass, and AWS's default lets everything pass.
_BOUNDS_ONLY: Final = frozenset({"aws_vpc_endpoint"})
# A policy that lets "*" in must bind it to one of these.
_BINDING: Final = (
    "aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:SourceAccount", "aws:SourceArn",
    "aws:SourceVpc", "aws:SourceVpce", "kms:CallerAccount",
)  # fmt: skip


def public(plan: Plan) -> Iterator[Finding]:
    """Yield everything that the internet could reach, the load balancer apart."""
    for find in (_flags, _ingress, _balancers, _buckets, _policies):
        yield from find(plan)


def _finding(resource: Resource | Statement, wrong: str, right: str) -> Finding:
    return Finding(PUBLIC, resource.address, wrong, right)


def _flags(plan: Plan) -> Iterator[Finding]:
    for types, flag, block, wrong in _FLAGS:
        for resource in plan.of(*types):
            bodies = resource.blocks(block) if block else (resource.values,)
            if any(_is_true(body.get(flag)) for body in bodies):
                yield _finding(resource, wrong, f"{flag} = false")


def _is_true(value: Any) -> bool:
    """Return whether a flag is set; a launch template's are texts."""
    return str(value).lower() == "true"


def _ingress(plan: Plan) -> Iterator[Finding]:
    balancers = {address for lb in plan.of("aws_lb") for address in plan.references(lb, "security_groups")}
    known = {group for lb in plan.of("aws_lb") for group in lb.get("security_groups") or ()}
    for rule in plan.of("aws_vpc_security_group_ingress_rule"):
        ports = set(range(rule.get("from_port") or 0, (rule.get("to_port") or 0) + 1))
        of_balancer = rule.get("security_group_id") in known or plan.references(rule, "security_group_id") & balancers
        if _is_public(rule.values) and not (of_balancer and ports <= _WEB_PORTS and rule.get("ip_protocol") == "tcp"):
            wrong = f"lets the internet in on {_ports(rule.values)}"
            yield _finding(rule, wrong, "refer to a security group; only the load balancer's has 80 and 443 open")
    for rule in plan.of("aws_security_group_rule"):
        if rule.get("type") == "ingress" and _is_public(rule.values):
            yield _finding(rule, f"lets the internet in on {_ports(rule.values)}", "refer to a security group")
    for group in plan.of("aws_security_group", "aws_default_security_group"):
        # Of a group that exists, Terraform also shows the rules that are resources of their own.
        for block in group.blocks("ingress") if plan.is_configured(group, "ingress") else ():
            if _is_public(block):
                right = "use aws_vpc_security_group_ingress_rule, derived from the contract's flows"
                yield _finding(group, f"lets the internet in on {_ports(block)}", right)


def _is_public(rule: Mapping[str, Any]) -> bool:
    networks = [rule.get("cidr_ipv4"), rule.get("cidr_ipv6"), *(rule.get("cidr_blocks") or ())]
    networks += rule.get("ipv6_cidr_blocks") or ()
    return any(not _is_private(network) for network in networks if network)


def _is_private(network: str) -> bool:
    found = ipaddress.ip_network(network, strict=False)
    # Of one version only: ip_network.subnet_of raises for a mixture.
    return any(found.version == net.version and found.subnet_of(net) for net in _PRIVATE)  # type: ignore[arg-type]


def _ports(rule: Mapping[str, Any]) -> str:
    low, high = rule.get("from_port"), rule.get("to_port")
    if low is None or low == -1:
        return "every port"
    return f"port {low}" if low == high else f"ports {low} to {high}"


def _balancers(plan: Plan) -> Iterator[Finding]:
    outside = [lb for lb in plan.of("aws_lb") if not lb.get("internal")]
    for lb in outside:
        if len(outside) > 1 or lb.get("load_balancer_type") != "application":
            yield _finding(
                lb, "is a second way in from the internet", "internal = true: the api's is the only public one"
            )


def _buckets(plan: Plan) -> Iterator[Finding]:
    covered = set()
    for block in plan.of("aws_s3_bucket_public_access_block"):
        covered |= {*plan.references(block, "bucket"), block.get("bucket")}
        if off := [flag for flag in _BLOCKS if not block.get(flag)]:
            yield _finding(block, f"leaves {', '.join(off)} off", "set all four to true")
    for bucket in plan.of("aws_s3_bucket"):
        if not {bucket.address, bucket.get("bucket")} & covered:
            yield _finding(bucket, "could be made public", "give it an aws_s3_bucket_public_access_block")
    for acl in plan.of("aws_s3_bucket_acl"):
        if str(acl.get("acl")).startswith("public-"):
            yield _finding(acl, f"is {acl.get('acl')}", "remove the ACL: the bucket's owner owns every object")


def _policies(plan: Plan) -> Iterator[Finding]:
    bounds = {resource.address for resource in plan.of(*_BOUNDS_ONLY)}
    for statement in statements(plan):
        if statement.address in bounds:
            continue
        everybody = any(name == "*" for _, name in statement.principals)
        if statement.kind is Kind.RESOURCE and statement.allow and everybody and not _is_bound(statement):
            wrong = f"{statement.place} lets anybody {', '.join(statement.actions)}"
            yield _finding(statement, wrong, "name the principals, or bind it to the account: aws:PrincipalAccount")


def _is_bound(statement: Statement) -> bool:
    condition = statement.condition(*_BINDING)
    return condition is not None and "*" not in condition.values
