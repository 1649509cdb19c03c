"""Doors in the network: security-group rules, public addresses and routes, listeners, the firewall."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from thoth_infra.review.plan.change import Change, Plan, blocks
from thoth_infra.terraform.summary import Action

_RULE_TYPES: Final[Mapping[str, str]] = {
    "aws_vpc_security_group_ingress_rule": "in",
    "aws_vpc_security_group_egress_rule": "out",
}
_GROUPS: Final = frozenset({"aws_security_group", "aws_default_security_group"})
_ALL_PORTS: Final = (0, 65535)


@dataclass(frozen=True)
class Door:
    """One opening of one security group. ``peer`` is a network, or the id of a group or prefix list."""

    group: str
    way: str
    protocol: str
    ports: tuple[int, int]
    peer: str

    def within(self, other: Door) -> bool:
        """Whether this one lets through nothing that ``other`` does not."""
        return (
            (self.group, self.way) == (other.group, other.way)
            and other.protocol in (self.protocol, "-1")
            and other.ports[0] <= self.ports[0]
            and self.ports[1] <= other.ports[1]
            and (_network_within(self.peer, other.peer))
        )

    def __str__(self) -> str:
        low, high = self.ports
        ports = "all ports" if self.ports == _ALL_PORTS else f"port {low}" if low == high else f"ports {low} to {high}"
        network = _network(self.peer)
        peer = (
            "the whole internet" if network and not network.prefixlen else str(network) if network else "another group"
        )
        return f"{ports} {'open to' if self.way == 'in' else 'may be reached at'} {peer}"


def findings(change: Change, plan: Plan) -> Iterator[str]:
    """Yield why something can be reached, or reach, what it could not."""
    before, after = doors(change, before=True), doors(change, before=False)
    if after:
        open_before = [*before, *_open(plan)]
        yield from (str(door) for door in after if not any(door.within(other) for other in open_before))


def _open(plan: Plan) -> Iterator[Door]:
    """Yield the doors that there are now; an opening that another one already had is none."""
    for change in (*plan.changes, *plan.unchanged):
        if change.type in _RULE_TYPES or change.type == "aws_security_group_rule":
            yield from doors(change, before=True)


def doors(change: Change, *, before: bool) -> tuple[Door, ...]:
    """Return the openings that a resource is, or has; none of a group that is only made by this plan."""
    values = change.before if before else change.after
    if not values:
        return ()
    if change.type in _RULE_TYPES:
        group = values.get("security_group_id")
        # A rule that is made anew because its group is: the group it had stands for the one to come.
        if group is None and not before and change.stays:
            group = change.before.get("security_group_id")
        return tuple(_of_rule(values, str(group), _RULE_TYPES[change.type], change)) if group else ()
    if change.type == "aws_security_group_rule":
        way = "in" if values.get("type") == "ingress" else "out"
        group = values.get("security_group_id")
        return tuple(_inline(values, str(group), way)) if group else ()
    if change.type in _GROUPS and change.action is not Action.CREATE:
        own = str(change.before.get("id"))
        found = [(way, each) for name, way in (("ingress", "in"), ("egress", "out")) for each in blocks(values, name)]
        return tuple(door for way, each in found for door in _inline(each, own, way))
    return ()


def _of_rule(values: Mapping[str, Any], group: str, way: str, change: Change) -> Iterator[Door]:
    peer = next(
        (
            values[n]
            for n in ("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id")
            if values.get(n)
        ),
        "",
    )
    if not peer and change.is_unknown("referenced_security_group_id"):
        # The other group is made by this plan: it holds nothing yet, but what is opened towards it is open.
        peer = str(change.before.get("referenced_security_group_id") or "a group to come")
    yield Door(group, way, str(values.get("ip_protocol")), _ports(values, values.get("ip_protocol")), str(peer))


def _inline(values: Mapping[str, Any], group: str, way: str) -> Iterator[Door]:
    names = ("cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "security_groups")
    peers = [str(peer) for name in names for peer in values.get(name) or ()]
    peers += ["self"] if values.get("self") else []
    peers += [str(values["source_security_group_id"])] if values.get("source_security_group_id") else []
    protocol = str(values.get("protocol"))
    yield from (Door(group, way, protocol, _ports(values, protocol), peer) for peer in peers)


def _ports(values: Mapping[str, Any], protocol: Any) -> tuple[int, int]:
    low, high = values.get("from_port"), values.get("to_port")
    if str(protocol) == "-1" or low is None or high is None or -1 in (low, high):
        return _ALL_PORTS
    return int(low), int(high)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _network_within(inner: str, outer: str) -> bool:
    small, large = _network(inner), _network(outer)
    if inner == outer:
        return True
    if large is not None and not large.prefixlen:
        return True  # whoever may reach everything may reach each group too
    if isinstance(small, ipaddress.IPv4Network) and isinstance(large, ipaddress.IPv4Network):
        return small.subnet_of(large)
    if isinstance(small, ipaddress.IPv6Network) and isinstance(large, ipaddress.IPv6Network):
        return small.subnet_of(large)
    return False


def networks_added(before: Iterable[str], after: Iterable[str]) -> tuple[str, ...]:
    """Return the networks of ``after`` that are not within one of ``before``."""
    known = tuple(before)
    return tuple(each for each in after if _network(each) and not any(_network_within(each, old) for old in known))
