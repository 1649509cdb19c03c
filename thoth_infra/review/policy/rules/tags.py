"""Cost-allocation tags: on every resource that takes tags, and on what those make in turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from thoth_infra.review.policy.findings import Finding
from thoth_infra.review.policy.plan import Plan, Resource

COST_TAGS: Final = "cost-tags"
KEYS: Final = ("Project", "Environment", "Owner", "CostCenter")
# What a launch template makes and what costs; a template without these would make it untagged.
_LAUNCHED: Final = ("instance", "volume")


def cost_tags(plan: Plan) -> Iterator[Finding]:
    """Yield what lacks a cost tag, or names another environment."""
    for resource in plan.managed:
        if "tags_all" in resource.values:
            yield from _wrong(plan, resource, resource.get("tags_all") or {}, "")
        elif resource.is_unknown("tags_all"):
            # One tag that waits for apply hides them all: what the provider adds to a resource's own is var.tags.
            yield from _wrong(plan, resource, {**(plan.variable("tags") or {}), **(resource.get("tags") or {})}, "")
    for group in plan.of("aws_autoscaling_group"):
        handed_on = {t["key"]: t["value"] for t in group.blocks("tag") if t["propagate_at_launch"]}
        yield from _wrong(plan, group, handed_on, " on its instances")
    for template in plan.of("aws_launch_template"):
        given = {s["resource_type"]: s["tags"] or {} for s in template.blocks("tag_specifications")}
        for kind in _LAUNCHED:
            yield from _wrong(plan, template, given.get(kind, {}), f" on each {kind}")
    for service in plan.of("aws_ecs_service"):
        if service.get("propagate_tags") not in {"SERVICE", "TASK_DEFINITION"}:
            right = 'set propagate_tags = "SERVICE"'
            yield Finding(COST_TAGS, service.address, "its tasks run without tags", right)


def _wrong(plan: Plan, resource: Resource, tags: Mapping[str, Any], where: str) -> Iterator[Finding]:
    missing = [key for key in KEYS if not tags.get(key)]
    if missing:
        wrong = f"lacks the tag{'s'[: len(missing) > 1]} {', '.join(missing)}{where}"
        right = "give it var.tags" if where else "let the provider's default_tags reach it: no tag may be empty"
        yield Finding(COST_TAGS, resource.address, wrong, right)
    elif tags["Environment"] != plan.environment:
        wrong = f"is tagged Environment = {tags['Environment']}{where}"
        yield Finding(COST_TAGS, resource.address, wrong, f"tag it {plan.environment}, whose cost it is")
