"""Checks between environments: what two of them must not share."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from thoth_infra.config.load import Loaded
from thoth_infra.config.yaml_source import KeyPath
from thoth_infra.errors import Problem


@dataclass(frozen=True)
class Clash:
    """Something that two environments share, as a problem of the second one."""

    first: str
    second: str
    problem: Problem


def problems(loaded: Mapping[str, Loaded]) -> Iterator[Clash]:
    """Yield what can't be right in two environments at once, at the later one's file and line.

    Names and prefixes can't clash: an environment's name is its file's.
    """
    for (first, a), (second, b) in combinations(loaded.items(), 2):
        one, two = a.environment, b.environment
        if one.state == two.state:
            wrong = f"{first} has the same state, {one.state.bucket}/{one.state.key}"
            yield Clash(first, second, _problem(b, ("state", "key"), wrong, f"use {second}/terraform.tfstate"))
        if one.domain and two.domain and one.domain.name == two.domain.name:
            wrong, right = f"{first} has the same name, {one.domain.name}", f"use {two.prefix}.{two.domain.zone}"
            yield Clash(first, second, _problem(b, ("domain", "name"), wrong, right))


def warnings(loaded: Mapping[str, Loaded]) -> Iterator[Clash]:
    """Yield what is unwise: networks that overlap can never be peered with each other or a common VPC."""
    for (first, a), (second, b) in combinations(loaded.items(), 2):
        one, two = a.environment.network, b.environment.network
        if one.vpc_id and one.vpc_id == two.vpc_id:
            continue
        if ipaddress.IPv4Network(one.cidr).overlaps(ipaddress.IPv4Network(two.cidr)):
            wrong = f"{two.cidr} overlaps {first}'s {one.cidr}, so the two can't be peered"
            right = "move one of them while it is still empty"
            yield Clash(first, second, _problem(b, ("network", "cidr"), wrong, right))


def _problem(loaded: Loaded, path: KeyPath, wrong: str, right: str) -> Problem:
    origin = loaded.merged.origin(path)
    return Problem(origin.file, origin.line, ".".join(path), wrong, right)
