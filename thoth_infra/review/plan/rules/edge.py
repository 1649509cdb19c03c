"""The edge: listeners and their TLS, the firewall's rules, public addresses and routes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from thoth_infra.review.plan.change import Change, blocks
from thoth_infra.review.plan.rules.doors import networks_added
from thoth_infra.terraform.summary import Action


def findings(change: Change) -> Iterator[str]:
    """Yield why the edge lets through more than before."""
    if rule := _RULES.get(change.type):
        yield from rule(change)


def _listener(change: Change) -> Iterator[str]:
    if change.differs("protocol") and change.was("protocol") in ("HTTPS", "TLS"):
        yield "it no longer speaks TLS: what is sent can be read on the way"
    elif change.differs("ssl_policy") and _strength(change.will("ssl_policy")) < _strength(change.was("ssl_policy")):
        yield "it accepts older versions of TLS"
    redirects = change.was("default_action.type") == "redirect"
    if redirects and change.differs("default_action.type") and change.will("protocol") == "HTTP":
        yield "plain HTTP is served instead of sent on to HTTPS"
    is_plain = change.will("protocol") == "HTTP" and change.will("default_action.type") == "forward"
    if change.action is Action.CREATE and is_plain and change.after.get("load_balancer_arn"):
        yield "plain HTTP is served: what is sent can be read on the way"


def _strength(policy: Any) -> tuple[int, int, str]:
    """Return how strict one of the load balancer's TLS policies is: its oldest version of TLS, and its own date."""
    text = str(policy or "")
    if found := re.search(r"TLS13-1-([0-3])", text):
        return int(found[1]), 1, "".join(re.findall(r"\d{4}-\d{2}", text)[-1:])
    if found := re.search(r"TLS-1-([0-2])", text):
        return int(found[1]), 0, ""
    return (2, 0, "") if "-FS-1-2" in text else (1, 0, "") if "-FS-1-1" in text else (0, 0, "")


def _balancer(change: Change) -> Iterator[str]:
    if change.differs("internal") and change.was("internal"):
        yield "it gets an address that the whole internet can reach"


def _firewall(change: Change) -> Iterator[str]:
    if change.differs("default_action") and _kind(_first(change.before, "default_action")) == "block":
        yield "what no rule is about is let through"
    if change.action is Action.CREATE or change.is_unknown("rule"):
        return
    before, after = _by_name(change.before), _by_name(change.after)
    for name in sorted(set(before) - set(after)):
        yield f"a rule is gone: {_safe(name)}"
    for name in sorted(set(before) & set(after)):
        yield from (f"{_safe(name)} {what}" for what in _weaker(before[name], after[name]))


# Names of our own rules are not shown: only Amazon's are certain to be no secret.
_NAME = re.compile(r"AWSManagedRules[A-Za-z]{1,60}")


def _safe(name: str) -> str:
    return name if _NAME.fullmatch(name) else "a rule"


def _by_name(acl: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(rule.get("name")): rule for rule in blocks(acl, "rule")}


def _weaker(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = _acts(before), _acts(after)
    if old != new and old == "block":
        yield f"no longer blocks, it only {'counts' if new == 'count' else 'lets through'}"
    was, will = _limit(before), _limit(after)
    if was and will and will > was:
        yield f"blocks after {will} requests instead of {was}"
    more = _counted(after) - _counted(before)
    if more:
        yield f"only counts {len(more)} more of its own rules"


def _acts(rule: Mapping[str, Any]) -> str:
    """Return what a rule does. Of a managed group ``none`` means: what its own rules say, and they block."""
    action = _kind(_first(rule, "action"))
    return action or {"none": "block"}.get(_kind(_first(rule, "override_action")), "count")


def _first(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next(iter(blocks(data, name)), {})


def _kind(block: Mapping[str, Any]) -> str:
    return next((name for name, body in block.items() if body), "")


def _limit(rule: Mapping[str, Any]) -> int:
    rate = _first(_first(rule, "statement"), "rate_based_statement")
    return int(rate.get("limit") or 0)


def _counted(rule: Mapping[str, Any]) -> set[str]:
    group = _first(_first(rule, "statement"), "managed_rule_group_statement")
    overrides = blocks(group, "rule_action_override")
    return {str(each.get("name")) for each in overrides if _kind(_first(each, "action_to_use")) in ("count", "allow")}


def _networks(change: Change) -> Iterator[str]:
    if change.stays and not change.is_unknown("addresses"):
        added = networks_added(change.was("addresses") or (), change.will("addresses") or ())
        if added:
            yield f"more networks are on the list: {', '.join(added[:4])}"


def _route(change: Change) -> Iterator[str]:
    everywhere = (
        change.will("destination_cidr_block") == "0.0.0.0/0" or change.will("destination_ipv6_cidr_block") == "::/0"
    )
    gateway = str(change.will("gateway_id") or "")
    if (
        change.action is Action.CREATE
        and change.after.get("route_table_id")
        and everywhere
        and gateway.startswith("igw-")
    ):
        yield "the subnets of this route table get a way from and to the internet"


def _origins(change: Change) -> Iterator[str]:
    if change.stays:
        before = {o for rule in blocks(change.before, "cors_rule") for o in rule.get("allowed_origins") or ()}
        after = {o for rule in blocks(change.after, "cors_rule") for o in rule.get("allowed_origins") or ()}
        if after - before:
            yield "web pages of another origin may use the bucket"


_RULES: Final[Mapping[str, Callable[[Change], Iterator[str]]]] = {
    "aws_lb": _balancer,
    "aws_lb_listener": _listener,
    "aws_route": _route,
    "aws_s3_bucket_cors_configuration": _origins,
    "aws_wafv2_ip_set": _networks,
    "aws_wafv2_web_acl": _firewall,
}
