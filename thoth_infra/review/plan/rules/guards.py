"""Guards that are taken away: encryption, logs, access blocks, limits of what a container or host may do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from thoth_infra.review.plan.change import Change, Plan, blocks
from thoth_infra.terraform.summary import Action

#: Without these something is open that was not. The first attribute that is there names what they guard: where that
#: goes too, nothing is open.
GUARDS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "aws_cloudtrail": (("s3_bucket_name",), "nobody can tell any more who read or deleted what"),
    "aws_flow_log": (("vpc_id", "subnet_id", "eni_id"), "connections are no longer recorded"),
    "aws_guardduty_detector": ((), "threats are no longer detected"),
    "aws_s3_account_public_access_block": ((), "buckets can be made public"),
    "aws_s3_bucket_logging": (("bucket",), "who reads the bucket is no longer recorded"),
    "aws_s3_bucket_ownership_controls": (("bucket",), "access lists of objects count again"),
    "aws_s3_bucket_public_access_block": (("bucket",), "the bucket can be made public"),
    "aws_s3_bucket_server_side_encryption_configuration": (
        ("bucket",),
        "objects are no longer encrypted with our own key",
    ),
    "aws_secretsmanager_secret_rotation": (("secret_id",), "the secret is no longer changed by itself"),
    "aws_wafv2_web_acl_association": (("resource_arn",), "the load balancer stands without its firewall"),
    "aws_wafv2_web_acl_logging_configuration": (("resource_arn",), "what the firewall does is no longer recorded"),
}

_Bad = Callable[[Any], bool]
_on: _Bad = lambda found: found in (True, "true")  # noqa: E731
_off: _Bad = lambda found: found in (False, "false", None)  # noqa: E731
_none: _Bad = lambda found: not found  # noqa: E731


def _not(*wanted: Any) -> _Bad:
    return lambda found: found not in wanted


#: (type or "*", path): when a new value is worse, and why.
_SETTINGS: Final[tuple[tuple[str, str, _Bad, str], ...]] = (
    ("*", "storage_encrypted", _off, "what it stores is no longer encrypted"),
    ("*", "encrypted", _off, "what it stores is no longer encrypted"),
    ("*", "kms_key_id", _none, "our own key no longer encrypts it"),
    ("*", "kms_master_key_id", _none, "our own key no longer encrypts it"),
    ("*", "kms_key_arn", _none, "our own key no longer encrypts it"),
    ("*", "transit_encryption_enabled", _off, "what is sent can be read on the way"),
    ("*", "publicly_accessible", _on, "it gets an address that the internet can reach"),
    ("*", "map_public_ip_on_launch", _on, "what starts in the subnet gets a public address"),
    ("*", "associate_public_ip_address", _on, "instances get a public address"),
    ("aws_cloudtrail", "enable_logging", _off, "nobody can tell any more who read or deleted what"),
    ("aws_cloudtrail", "enable_log_file_validation", _off, "a forged or missing log file no longer shows"),
    ("aws_cloudtrail", "is_multi_region_trail", _off, "other regions are no longer recorded"),
    ("aws_db_instance", "iam_database_authentication_enabled", _off, "logins by role are off: passwords only"),
    ("aws_db_instance", "manage_master_user_password", _off, "the password is no longer made and changed by RDS"),
    ("aws_ecr_repository", "image_tag_mutability", _not("IMMUTABLE"), "a tag can be moved to another image"),
    ("aws_ecr_repository", "image_scanning_configuration.scan_on_push", _off, "new images are no longer scanned"),
    (
        "aws_ecs_cluster",
        "configuration.execute_command_configuration.logging",
        _not("OVERRIDE"),
        "what operators type in containers is no longer kept by our rules",
    ),
    (
        "aws_ecs_cluster",
        "configuration.execute_command_configuration.log_configuration.cloud_watch_encryption_enabled",
        _off,
        "the record of what operators type is no longer encrypted",
    ),
    ("aws_ecs_service", "enable_execute_command", _on, "shells can be opened in its containers"),
    ("aws_ecs_service", "network_configuration.assign_public_ip", _on, "its tasks get public addresses"),
    ("aws_flow_log", "traffic_type", _not("ALL"), "not all connections are recorded any more"),
    ("aws_kms_key", "enable_key_rotation", _off, "the key is no longer rotated"),
    (
        "aws_launch_template",
        "metadata_options.http_tokens",
        _not("required"),
        "a forged request can fetch the host's credentials",
    ),
    ("aws_launch_template", "block_device_mappings.ebs.encrypted", _off, "the hosts' disks are no longer encrypted"),
    ("aws_lb", "access_logs.enabled", _off, "requests are no longer recorded"),
    ("aws_lb", "drop_invalid_header_fields", _off, "requests with malformed headers get through"),
    (
        "aws_s3_bucket_ownership_controls",
        "rule.object_ownership",
        _not("BucketOwnerEnforced"),
        "access lists of objects count again",
    ),
    ("aws_s3_bucket_public_access_block", "block_public_acls", _off, "objects can be made public"),
    ("aws_s3_bucket_public_access_block", "block_public_policy", _off, "the bucket can be made public by a policy"),
    ("aws_s3_bucket_public_access_block", "ignore_public_acls", _off, "public access lists count"),
    ("aws_s3_bucket_public_access_block", "restrict_public_buckets", _off, "a public bucket lets in other accounts"),
    (
        "aws_s3_bucket_server_side_encryption_configuration",
        "rule.apply_server_side_encryption_by_default.sse_algorithm",
        _not("aws:kms", "aws:kms:dsse"),
        "objects are no longer encrypted with our own key",
    ),
    ("aws_sqs_queue", "sqs_managed_sse_enabled", _off, "messages are no longer encrypted"),
)

_NUMBERS_UP: Final = {
    (
        "aws_launch_template",
        "metadata_options.http_put_response_hop_limit",
    ): "containers can reach the host's credentials"
}


def findings(change: Change, plan: Plan) -> Iterator[str]:
    """Yield which guard goes."""
    if change.action is Action.DELETE and change.type in GUARDS:
        targets, reason = GUARDS[change.type]
        if not _target_goes(change, targets, plan):
            yield reason
    if not change.stays:
        return
    yield from dict.fromkeys(_settings(change))
    if special := _SPECIAL.get(change.type):
        yield from special(change)


def _settings(change: Change) -> Iterator[str]:
    for kind, path, bad, reason in _SETTINGS:
        if kind in ("*", change.type) and change.differs(path) and bad(change.will(path)) and not bad(change.was(path)):
            yield reason
    for (kind, path), reason in _NUMBERS_UP.items():
        if kind == change.type and change.differs(path) and (change.will(path) or 0) > (change.was(path) or 0):
            yield reason


def _target_goes(change: Change, targets: tuple[str, ...], plan: Plan) -> bool:
    wanted = next((str(change.before[name]) for name in targets if change.before.get(name)), "")
    return bool(wanted) and any(
        wanted in (str(other.before.get(name)) for name in ("id", "arn", "bucket", "name"))
        for other in plan.changes
        if other.goes and other.address != change.address
    )


def _parameters(change: Change) -> Iterator[str]:
    before = {p.get("name"): str(p.get("value")) for p in blocks(change.before, "parameter")}
    after = {p.get("name"): str(p.get("value")) for p in blocks(change.after, "parameter")}
    if before.get("rds.force_ssl") == "1" and after.get("rds.force_ssl") != "1" and not change.is_unknown("parameter"):
        yield "clients may talk to the database without TLS"


def _redacted(change: Change) -> Iterator[str]:
    if blocks(change.before, "redacted_fields") and not blocks(change.after, "redacted_fields"):
        yield "credentials in requests are written to the log"


def _user(change: Change) -> Iterator[str]:
    if change.differs("posix_user.uid") and str(change.will("posix_user.uid") or 0) == "0":
        yield "tasks reach the files as root"


def _trail(change: Change) -> Iterator[str]:
    values = [
        {v for s in blocks(each, "event_selector") for r in blocks(s, "data_resource") for v in r.get("values") or ()}
        for each in (change.before, change.after)
    ]
    if not change.is_unknown("event_selector") and values[0] - values[1]:
        yield "access to some objects is no longer recorded"


_CONTAINER: Final[tuple[tuple[str, _Bad, str], ...]] = (
    ("privileged", _on, "its containers have all rights on their host"),
    ("readonlyRootFilesystem", _off, "a break-in can change the program: its file system is no longer read-only"),
)
_ROOT = re.compile(r"(?:0|root)(?::.*)?")


def _task(change: Change) -> Iterator[str]:
    before, after = (_containers(each.get("container_definitions")) for each in (change.before, change.after))
    for name in set(before) & set(after):
        for setting, bad, reason in _CONTAINER:
            if bad(after[name].get(setting)) and not bad(before[name].get(setting)):
                yield reason
        if _is_root(after[name]) and not _is_root(before[name]):
            yield "its containers run as root"
    old, new = (_volumes(each) for each in (change.before, change.after))
    for setting, reason in (
        ("transit_encryption", "files are sent without TLS"),
        ("iam", "the file system no longer asks who mounts it"),
    ):
        if any(
            row.get(setting) == "ENABLED" and new.get(v, row).get(setting) not in ("ENABLED", None)
            for v, row in old.items()
        ):
            yield reason


def _containers(definitions: Any) -> dict[str, dict[str, Any]]:
    rows = json.loads(definitions) if isinstance(definitions, str) else ()
    return {str(row.get("name")): row for row in rows}


def _is_root(container: Mapping[str, Any]) -> bool:
    return _ROOT.fullmatch(str(container.get("user") or "root")) is not None


def _volumes(task: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for volume in blocks(task, "volume"):
        for files in blocks(volume, "efs_volume_configuration"):
            access = next(iter(blocks(files, "authorization_config")), {})
            found[str(volume.get("name"))] = {
                "transit_encryption": files.get("transit_encryption"),
                "iam": access.get("iam"),
            }
    return found


_SPECIAL: Final[Mapping[str, Callable[[Change], Iterator[str]]]] = {
    "aws_cloudtrail": _trail,
    "aws_db_parameter_group": _parameters,
    "aws_ecs_task_definition": _task,
    "aws_efs_access_point": _user,
    "aws_wafv2_web_acl_logging_configuration": _redacted,
}
