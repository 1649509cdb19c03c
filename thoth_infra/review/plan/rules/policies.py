"""Whom a change lets in by policy: of roles, of keys, of queues, of buckets; and policies attached to roles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from thoth_infra.review.plan.change import Change, Plan, blocks
from thoth_infra.review.plan.widening import UNKNOWN, widenings
from thoth_infra.terraform.summary import Action

#: Attributes that hold policies in the IAM language.
ATTRIBUTES: Final = ("policy", "assume_role_policy", "access_policy", "resource_policy")
#: Their ``policy`` is JSON too, but of another language.
_OTHER_LANGUAGES: Final = frozenset({"aws_ecr_lifecycle_policy", "aws_dlm_lifecycle_policy"})
#: Without an own policy, these let in whom the account's policies let in: the first one can only be compared with that.
_WHAT: Final[Mapping[str, str]] = {
    "aws_iam_role": "who may take the role",
    "aws_kms_key": "the key's policy",
}
#: The target of a policy: where that is made or goes in the same plan, there was or will be nothing to protect.
_TARGETS: Final = ("role", "user", "group", "bucket", "queue_url", "arn", "file_system_id", "key_id", "repository",
                   "secret_arn", "topic_arn", "backup_vault_name", "vpc_endpoint_id")  # fmt: skip
_ATTACHMENTS: Final = frozenset(
    {"aws_iam_role_policy_attachment", "aws_iam_user_policy_attachment", "aws_iam_group_policy_attachment",
     "aws_iam_policy_attachment", "aws_iam_role_policy_attachments_exclusive"}
)  # fmt: skip
#: Their policy has a resource of its own here; the attribute only mirrors it, and is unknown where they are made anew.
_MIRRORS: Final = frozenset({"aws_s3_bucket", "aws_secretsmanager_secret", "aws_sns_topic", "aws_sqs_queue"})
_POLICY_WITHOUT_TARGET: Final = frozenset({"aws_iam_policy"})


def findings(change: Change, plan: Plan) -> Iterator[str]:
    """Yield why somebody may do more than before."""
    if change.type in _ATTACHMENTS:
        yield from _attached(change)
    if change.type == "aws_iam_role" and change.differs("permissions_boundary") and change.was("permissions_boundary"):
        yield "the role's permissions boundary changes"
    if change.type in _OTHER_LANGUAGES:
        return
    for attribute in ATTRIBUTES:
        if change.type in _MIRRORS and change.is_unknown(attribute):
            continue
        if attribute in change.before or attribute in change.after:
            yield from _compared(change, attribute, plan)


def _compared(change: Change, attribute: str, plan: Plan) -> Iterator[str]:
    before, versions = change.was(attribute), _after(change, attribute, plan)
    if change.action is Action.CREATE:
        before = None
        if _target_is_new(change):
            yield from (reason for after in versions for reason in _for_everybody(after))
            return
    elif change.action is Action.DELETE and _target_goes(change, plan):
        return
    what = _WHAT.get(change.type, "the policy")
    if not versions:
        yield f"{what} will be known during the apply only, and can't be judged before"
        return
    # Of several that it can be, it is the one that is least different: the others belong to its like.
    found = min((widenings(_text(before), after) for after in versions), key=len)
    yield from (f"{what}: {each}" for each in found)


def _text(policy: Any) -> str | None:
    return policy if isinstance(policy, str) and policy else None


def _after(change: Change, attribute: str, plan: Plan) -> list[str | Mapping[str, Any] | None]:
    """Return the policy as it will be; where only the apply knows, the data sources that it can come from.

    Those are told by their statements' names. None is found where nothing is known.
    """
    if not change.is_unknown(attribute):
        return [_text(change.will(attribute))]
    wanted, count = _sids(change.was(attribute))
    same = [each for each in plan.documents.values() if _names(each) == wanted]
    if not wanted:
        same = [each for each in same if len(blocks(each, "statement")) == count]
    near = [each for each in plan.documents.values() if len(wanted & _names(each)) * 2 > len(wanted | _names(each))]
    return [_as_policy(each) for each in same or near]


def _sids(policy: Any) -> tuple[frozenset[str], int]:
    """Return the names of a policy's statements, and how many there are."""
    try:
        bodies = json.loads(policy)["Statement"] if isinstance(policy, str) else []
    except (ValueError, KeyError):
        return frozenset(), 0
    rows = [bodies] if isinstance(bodies, Mapping) else bodies
    return frozenset(str(row.get("Sid", "")) for row in rows) - {""}, len(rows)


def _names(document: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(block.get("sid") or "") for block in blocks(document, "statement")) - {""}


def _as_policy(document: Mapping[str, Any]) -> dict[str, Any]:
    return {"Statement": [_body(block) for block in blocks(document, "statement")]}


def _body(block: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"Effect": block.get("effect") or "Allow"}
    for ours, theirs in (("actions", "Action"), ("not_actions", "NotAction"),
                         ("resources", "Resource"), ("not_resources", "NotResource")):  # fmt: skip
        if found := block.get(ours):
            body[theirs] = [text or UNKNOWN for text in found]
        elif ours == "resources" and not block.get("not_resources"):
            body[theirs] = [UNKNOWN]
    for each in blocks(block, "principals"):
        known = [text or UNKNOWN for text in each.get("identifiers") or (UNKNOWN,)]
        body.setdefault("Principal", {}).setdefault(each.get("type"), []).extend(known)
    for each in blocks(block, "condition"):
        known = [text or UNKNOWN for text in each.get("values") or (UNKNOWN,)]
        body.setdefault("Condition", {}).setdefault(each.get("test"), {})[each.get("variable")] = known
    return body


def _attached(change: Change) -> Iterator[str]:
    if change.action is Action.CREATE and _target_is_new(change):
        return
    if change.action is Action.CREATE or (change.stays and change.was("policy_arn") != change.will("policy_arn")):
        arn = str(change.will("policy_arn") or "")
        if change.stays and arn.endswith(":policy/ReadOnlyAccess"):
            return  # whatever was there could write, or was as narrow
        named = f" ({arn.rpartition('/')[2]})" if arn.startswith("arn:aws:iam::aws:policy/") else ""
        yield f"it gets another policy of permissions{named}"


def _for_everybody(policy: str | Mapping[str, Any] | None) -> Iterator[str]:
    """A new thing's own policy is a part of it; what lets in all the world is told nevertheless."""
    yield from (f"the policy: {each}" for each in widenings(None, policy) if "anybody" in each or "do *" in each)


def _target_is_new(change: Change) -> bool:
    if change.type in _POLICY_WITHOUT_TARGET:
        return True  # nobody has it before it is attached, and that is judged by itself
    given = [name for name in _TARGETS if name in change.after or change.is_unknown(name)]
    return not given or any(change.is_unknown(name) for name in given if name != "arn" or change.type != "aws_kms_key")


def _target_goes(change: Change, plan: Plan) -> bool:
    """Whether what the policy protects is deleted too."""
    targets = {str(change.before[name]) for name in _TARGETS if change.before.get(name)}
    if not targets.isdisjoint(
        str(other.before.get(name))
        for other in plan.changes
        if other.goes and other.address != change.address
        for name in ("id", "arn", "name", "bucket", "url")
        if other.before.get(name)
    ):
        return True
    return not any(name in change.before for name in _TARGETS)
