"""What becomes dearer or cheaper, and in which direction; how much is another module's answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from thoth_infra.review.plan.change import Change, blocks
from thoth_infra.terraform.summary import Action

#: What is paid for by the hour or month for as long as it is there.
_PRICED: Final[Mapping[str, str]] = {
    "aws_db_instance": "a database",
    "aws_ebs_volume": "a volume",
    "aws_elasticache_cluster": "a cache",
    "aws_instance": "an instance",
    "aws_kms_key": "a key",
    "aws_lb": "a load balancer",
    "aws_nat_gateway": "a NAT gateway",
    "aws_rds_cluster": "a database",
    "aws_wafv2_web_acl": "a firewall",
}


class _Number(NamedTuple):
    """A number that is paid for: what grows with it, and the unit it is shown in."""

    what: str
    unit: str = ""


_NUMBERS: Final[Mapping[tuple[str, str], _Number]] = {
    ("aws_appautoscaling_target", "max_capacity"): _Number("most tasks"),
    ("aws_appautoscaling_target", "min_capacity"): _Number("fewest tasks"),
    ("aws_autoscaling_group", "max_size"): _Number("most hosts"),
    ("aws_autoscaling_group", "min_size"): _Number("fewest hosts"),
    ("aws_db_instance", "allocated_storage"): _Number("storage", " GiB"),
    ("aws_db_instance", "max_allocated_storage"): _Number("storage that it may grow to", " GiB"),
    ("aws_ebs_volume", "size"): _Number("size", " GiB"),
    ("aws_ecs_task_definition", "cpu"): _Number("CPU units"),
    ("aws_ecs_task_definition", "memory"): _Number("memory", " MiB"),
    ("aws_launch_template", "block_device_mappings.ebs.volume_size"): _Number("each host's disk", " GiB"),
}
_TYPES: Final[Mapping[tuple[str, str], str]] = {
    ("aws_db_instance", "instance_class"): "instance class",
    ("aws_instance", "instance_type"): "instance type",
    ("aws_launch_template", "instance_type"): "instance type",
}
#: An instance type or class, by its looks: nothing else is shown.
_INSTANCE = re.compile(r"(?:db\.|cache\.)?[a-z][a-z0-9-]{1,15}\.[a-z0-9-]{1,15}")


def findings(change: Change) -> Iterator[str]:
    """Yield what costs more, or less."""
    yield from _priced(change)
    if change.stays:
        yield from _numbers(change)
        yield from _types(change)
    if rule := _RULES.get(change.type):
        yield from rule(change)


def _priced(change: Change) -> Iterator[str]:
    what = _PRICED.get(change.type)
    if change.type == "aws_vpc_endpoint" and "Interface" in (
        change.was("vpc_endpoint_type"),
        change.will("vpc_endpoint_type"),
    ):
        what = "an interface endpoint"
    if what and change.action is Action.CREATE:
        yield f"more: {what} besides"
    elif what and change.action is Action.DELETE:
        yield f"less: {what} goes"


def _numbers(change: Change) -> Iterator[str]:
    for (kind, path), number in _NUMBERS.items():
        if kind != change.type or not change.differs(path):
            continue
        before, after = _as_number(change.was(path)), _as_number(change.will(path))
        if before != after:
            yield f"{'more' if after > before else 'less'}: {number.what} {before:g} → {after:g}{number.unit}"


def _as_number(found: Any) -> float:
    try:
        return float(found or 0)
    except (TypeError, ValueError):
        return 0


def _types(change: Change) -> Iterator[str]:
    for (kind, path), what in _TYPES.items():
        if kind == change.type and change.differs(path):
            yield f"{what} {_shown(change.was(path))} → {_shown(change.will(path))}"


def _shown(found: Any) -> str:
    return str(found) if isinstance(found, str) and _INSTANCE.fullmatch(found) else "another"


def _database(change: Change) -> Iterator[str]:
    if change.differs("multi_az"):
        yield "more: a standby in another zone" if change.will("multi_az") else "less: the standby goes"


def _hosts(change: Change) -> Iterator[str]:
    before, after = (_overrides(each) for each in (change.before, change.after))
    if change.stays and before != after:
        first = [_shown(next(iter(each), None)) for each in (before, after)]
        yield f"instance types change: first of them {first[0]} → {first[1]}"
    elif change.action is Action.DELETE:
        yield "less: its hosts go"


def _overrides(group: Mapping[str, Any]) -> list[str]:
    templates = [t for policy in blocks(group, "mixed_instances_policy") for t in blocks(policy, "launch_template")]
    return [str(o.get("instance_type")) for t in templates for o in blocks(t, "override")]


def _budget(change: Change) -> Iterator[str]:
    if change.action is Action.DELETE:
        yield "nobody is warned any more when spending grows"
    elif change.differs("limit_amount"):
        before, after = _as_number(change.was("limit_amount")), _as_number(change.will("limit_amount"))
        if after > before:
            yield f"the budget warns later: {before:g} → {after:g} US dollars a month"


def _schedule(change: Change) -> Iterator[str]:
    if change.action is Action.DELETE:
        yield "more: the service is no longer stopped by the clock"
    elif change.action is Action.CREATE and change.will("scalable_target_action.max_capacity") in (0, "0"):
        yield "less: the service is stopped by the clock"


_RULES: Final[Mapping[str, Callable[[Change], Iterator[str]]]] = {
    "aws_appautoscaling_scheduled_action": _schedule,
    "aws_autoscaling_group": _hosts,
    "aws_budgets_budget": _budget,
    "aws_db_instance": _database,
}
