"""What a change loses for good, or leaves to the next mistake to lose."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from thoth_infra.review.plan.change import Change
from thoth_infra.review.plan.rules import ageing
from thoth_infra.terraform.summary import Action

#: What goes with a resource that is deleted or replaced, by type; these come first in every summary.
HELD: Final[Mapping[str, str]] = {
    "aws_backup_plan": "no more backups are made by it",
    "aws_backup_selection": "what it selected is not backed up until another one does",
    "aws_backup_vault": "the backups in it go",
    "aws_cloudwatch_log_group": "its logs are deleted",
    "aws_db_instance": "the database and its records are deleted",
    "aws_docdb_cluster": "the database and its records are deleted",
    "aws_dynamodb_table": "the table and its items are deleted",
    "aws_ebs_volume": "the volume and what is on it are deleted",
    "aws_ecr_repository": "its images are deleted, and no task can be started or rolled back from them",
    "aws_efs_access_point": "tasks no longer see the files below its folder",
    "aws_efs_file_system": "the file system and all files are deleted",
    "aws_efs_mount_target": "mounts are cut: writes in flight are lost",
    "aws_elasticache_cluster": "what it holds is lost",
    "aws_kinesis_stream": "records not yet read are lost",
    "aws_kms_key": "all that it encrypts can't be read any more once its deletion window is over",
    "aws_neptune_cluster": "the database and its records are deleted",
    "aws_opensearch_domain": "the indices are deleted",
    "aws_rds_cluster": "the database and its records are deleted",
    "aws_redshift_cluster": "the warehouse and its data are deleted",
    "aws_s3_bucket": "the bucket and its objects go",
    "aws_s3_object": "the object is deleted",
    "aws_secretsmanager_secret": "the secret and its value are deleted",
    "aws_secretsmanager_secret_version": "the secret's value is deleted",
    "aws_sqs_queue": "messages in it are deleted",
    "aws_ssm_parameter": "its value is deleted",
}


#: Made anew at once, these hold what they held, unless they say something else.
_MADE_ANEW: Final = frozenset({"aws_backup_selection"})


class _Lower(NamedTuple):
    """A number that must not shrink. ``zero``: what 0 means, if not "none at all"; ``scale``: its unit in days."""

    reason: str
    unit: str = "days"
    scale: int = 1
    zero: str = ""


_LOWER: Final[Mapping[tuple[str, str], _Lower]] = {
    ("aws_db_instance", "allocated_storage"): _Lower(
        "storage can't shrink: the database would have to be made anew", "GiB"
    ),
    ("aws_db_instance", "backup_retention_period"): _Lower("automated backups are kept for a shorter time"),
    ("aws_rds_cluster", "backup_retention_period"): _Lower("automated backups are kept for a shorter time"),
    ("aws_cloudwatch_log_group", "retention_in_days"): _Lower("older logs are deleted", zero="for ever"),
    ("aws_kms_key", "deletion_window_in_days"): _Lower("there is less time to take a deletion back"),
    ("aws_secretsmanager_secret", "recovery_window_in_days"): _Lower("there is less time to take a deletion back"),
    ("aws_sqs_queue", "message_retention_seconds"): _Lower("messages that wait longer are deleted", scale=86400),
    ("aws_backup_vault_lock_configuration", "min_retention_days"): _Lower("backups can be deleted sooner"),
    ("aws_kinesis_stream", "retention_period"): _Lower("records are deleted sooner", "hours"),
}

#: Switches, and what their losing position means.
_SWITCHES: Final[Mapping[tuple[str, str], tuple[bool, str]]] = {
    ("aws_backup_vault", "force_destroy"): (True, "from now on, deleting the vault deletes its backups too"),
    ("aws_db_instance", "delete_automated_backups"): (True, "from now on, automated backups go with the database"),
    ("aws_db_instance", "deletion_protection"): (
        False,
        "nothing stands between a mistake and the deletion of the database",
    ),
    ("aws_db_instance", "skip_final_snapshot"): (True, "a deletion would leave no final snapshot"),
    ("aws_rds_cluster", "deletion_protection"): (
        False,
        "nothing stands between a mistake and the deletion of the database",
    ),
    ("aws_rds_cluster", "skip_final_snapshot"): (True, "a deletion would leave no final snapshot"),
    ("aws_dynamodb_table", "deletion_protection_enabled"): (
        False,
        "nothing stands between a mistake and the deletion of the table",
    ),
    ("aws_dynamodb_table", "point_in_time_recovery.enabled"): (
        False,
        "the table can't be brought back to an earlier moment",
    ),
    ("aws_dynamodb_table", "ttl.enabled"): (True, "items expire from now on"),
    ("aws_ecr_repository", "force_delete"): (True, "from now on, deleting the repository deletes its images too"),
    ("aws_kms_key", "is_enabled"): (False, "what the key encrypts can't be read while it is off"),
    ("aws_s3_bucket", "force_destroy"): (True, "from now on, deleting the bucket deletes its objects too"),
}


def findings(change: Change) -> Iterator[str]:
    """Yield why data may be lost."""
    if change.goes and change.type in HELD and not (change.action is Action.REPLACE and change.type in _MADE_ANEW):
        yield HELD[change.type] + _mercy(change)
        return
    yield from _lowered(change)
    yield from _switched(change)
    if special := _SPECIAL.get(change.type):
        yield from special(change)


def _mercy(change: Change) -> str:
    """Say what softens a deletion, or that nothing does."""
    if change.type == "aws_db_instance":
        return "; no final snapshot is taken" if change.was("skip_final_snapshot") else "; a final snapshot is taken"
    if change.type == "aws_kms_key":
        return f" ({change.was('deletion_window_in_days') or 30} days)"
    if change.type == "aws_s3_bucket" and not change.was("force_destroy"):
        return "; the apply fails while it holds any"
    return ""


def _lowered(change: Change) -> Iterator[str]:
    for (kind, name), rule in _LOWER.items():
        if kind != change.type or not change.differs(name):
            continue
        before, after = change.was(name) or 0, change.will(name) or 0
        if _rank(after, rule) < _rank(before, rule):
            yield f"{rule.reason}: {_amount(after, rule)} instead of {_amount(before, rule)}"


def _rank(number: float, rule: _Lower) -> float:
    return float("inf") if rule.zero and number == 0 else number


def _amount(number: float, rule: _Lower) -> str:
    return rule.zero if rule.zero and number == 0 else f"{number / rule.scale:g} {rule.unit}"


def _switched(change: Change) -> Iterator[str]:
    for (kind, name), (bad, reason) in _SWITCHES.items():
        if kind == change.type and change.differs(name) and bool(change.will(name)) is bad:
            yield reason


def _engine(change: Change) -> Iterator[str]:
    if change.differs("engine_version"):
        before, after = _version(change.was("engine_version")), _version(change.will("engine_version"))
        if after < before:
            yield "a database can't go back to an older version: it would have to be restored from a copy"


def _version(text: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", str(text)))


def _versioning(change: Change) -> Iterator[str]:
    path = "versioning_configuration.status"
    if change.was(path) == "Enabled" and change.will(path) != "Enabled" and not change.is_unknown(path):
        yield "what is overwritten or deleted from now on can't be brought back"


def _selected(change: Change) -> Iterator[str]:
    if change.differs("resources") and set(change.was("resources") or ()) - set(change.will("resources") or ()):
        yield "something is no longer backed up"


def _letters(change: Change) -> Iterator[str]:
    if change.was("redrive_policy") and not change.will("redrive_policy") and not change.is_unknown("redrive_policy"):
        yield "messages that fail again and again are deleted with time: no dead-letter queue takes them"


def _file_backups(change: Change) -> Iterator[str]:
    path = "backup_policy.status"
    if change.differs(path) and change.will(path) == "DISABLED":
        yield "the file system is no longer backed up by itself"


_DAYS = re.compile(r"(?:^|_)(?:DAYS|RETENTION)(?:_|$)")


def _task(change: Change) -> Iterator[str]:
    """Services delete by age too; how old things get is told them by variables such as ``JOB_FILES_DAYS``."""
    before, after = (_variables(each.get("container_definitions")) for each in (change.before, change.after))
    for name in sorted(set(before) & set(after)):
        if (
            _DAYS.search(name)
            and before[name].isdigit()
            and after[name].isdigit()
            and int(after[name]) < int(before[name])
        ):
            yield f"the service deletes sooner: {name} is {int(after[name])} instead of {int(before[name])}"


def _variables(definitions: Any) -> dict[str, str]:
    containers = json.loads(definitions) if isinstance(definitions, str) else ()
    return {str(v.get("name")): str(v.get("value")) for each in containers for v in each.get("environment") or ()}


_SPECIAL: Final[Mapping[str, Callable[[Change], Iterator[str]]]] = {
    "aws_backup_plan": ageing.backups,
    "aws_backup_selection": _selected,
    "aws_db_instance": _engine,
    "aws_ecr_lifecycle_policy": ageing.images,
    "aws_ecs_task_definition": _task,
    "aws_efs_backup_policy": _file_backups,
    "aws_rds_cluster": _engine,
    "aws_s3_bucket_lifecycle_configuration": ageing.objects,
    "aws_s3_bucket_versioning": _versioning,
    "aws_sqs_queue": _letters,
}
