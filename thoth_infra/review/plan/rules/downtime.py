"""What stops, for a while or for good, while a change is applied or after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from thoth_infra.review.plan.change import Change
from thoth_infra.terraform.summary import Action

#: What carries traffic or work, by type: what its absence means.
CARRIERS: Final[Mapping[str, str]] = {
    "aws_appautoscaling_target": "the service is no longer scaled: it stays at the size that it has",
    "aws_autoscaling_group": "its hosts and what runs on them are stopped",
    "aws_db_instance": "nothing can be stored or read until there is a new one",
    "aws_dynamodb_table": "nothing can be stored or read until there is a new one",
    "aws_ebs_volume": "it is taken from its host",
    "aws_ecs_capacity_provider": "tasks can't be placed by it",
    "aws_ecs_cluster": "all services are stopped",
    "aws_ecs_cluster_capacity_providers": "services of the cluster can't be placed",
    "aws_ecs_service": "all its tasks are stopped",
    "aws_efs_access_point": "tasks that mount it fail until they are started anew",
    "aws_efs_file_system": "tasks can't reach the files",
    "aws_efs_mount_target": "tasks of a zone can't reach the files",
    "aws_eip": "the public address is given up: whoever allows it must be told the new one",
    "aws_instance": "it is stopped and made anew",
    "aws_internet_gateway": "nothing gets in or out",
    "aws_lb": "nobody reaches the service, and its address changes",
    "aws_lb_listener": "connections to its port are refused",
    "aws_lb_target_group": "the load balancer has nowhere to send requests to",
    "aws_nat_gateway": "connections out of its zone are cut",
    "aws_rds_cluster": "nothing can be stored or read until there is a new one",
    "aws_route53_record": "the name leads nowhere for as long as the answer is cached",
    "aws_subnet": "what runs in it has to move",
    "aws_vpc": "everything in it is made anew",
}
#: These may be made before the old one goes, and nothing is missed then.
_SEAMLESS: Final = frozenset({"aws_appautoscaling_target", "aws_lb_target_group", "aws_lb_listener", "aws_ecs_service"})


def findings(change: Change) -> Iterator[str]:
    """Yield what stops."""
    if change.goes and change.type in CARRIERS:
        if not (change.action is Action.REPLACE and change.create_first and change.type in _SEAMLESS):
            again = " while it is replaced" if change.action is Action.REPLACE else ""
            yield CARRIERS[change.type] + again
        return
    if rule := _RULES.get(change.type):
        yield from rule(change)


def _database(change: Change) -> Iterator[str]:
    when = "at once" if change.will("apply_immediately") else "in the maintenance window"
    if change.differs("instance_class"):
        yield f"it restarts {when}, for some minutes, to change its size"
    if change.differs("engine_version"):
        before, after = (_major(each) for each in (change.was("engine_version"), change.will("engine_version")))
        if after > before:
            yield f"a new major version: it stands still {when}, and there is no way back but a restored copy"
        elif _numbers(change.will("engine_version")) > _numbers(change.was("engine_version")):
            yield f"it restarts {when}, for some minutes, for the new version"
    if change.differs("multi_az") and change.was("multi_az"):
        yield "no standby takes over any more when a zone or the host fails"


def _numbers(version: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in str(version).split(".") if part.isdigit())


def _major(version: Any) -> int:
    return next(iter(_numbers(version)), 0)


def _service(change: Change) -> Iterator[str]:
    path = "deployment_minimum_healthy_percent"
    if change.differs(path) and change.will(path) == 0 and change.was(path):
        yield "a deployment stops all tasks before it starts new ones"
    if change.differs("desired_count") and change.will("desired_count") == 0:
        yield "no task runs any more"


def _group(change: Change) -> Iterator[str]:
    if change.differs("max_size") and change.will("max_size") == 0:
        yield "no host can run any more"


def _target(change: Change) -> Iterator[str]:
    if change.differs("max_capacity") and change.will("max_capacity") == 0:
        yield "no task can run any more"


def _balancer(change: Change) -> Iterator[str]:
    if change.differs("enable_deletion_protection") and change.was("enable_deletion_protection"):
        yield "nothing stands between a mistake and the deletion of the load balancer"


def _schedule(change: Change) -> Iterator[str]:
    if change.action is Action.CREATE and change.will("scalable_target_action.max_capacity") in (0, "0"):
        yield "the service is stopped by the clock"


_RULES: Final[Mapping[str, Callable[[Change], Iterator[str]]]] = {
    "aws_appautoscaling_scheduled_action": _schedule,
    "aws_appautoscaling_target": _target,
    "aws_autoscaling_group": _group,
    "aws_db_instance": _database,
    "aws_ecs_service": _service,
    "aws_lb": _balancer,
}
