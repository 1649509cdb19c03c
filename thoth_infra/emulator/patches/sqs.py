"""SQS: how attributes come back."""

from __future__ import annotations

import json
from typing import Any

from moto.sqs.models import Queue, SQSBackend

from thoth_infra.emulator.patches.registry import ignores, patch, wrap

_ALLOW = "RedriveAllowPolicy"


def _compact(policy: Any) -> str:
    document = json.loads(policy) if isinstance(policy, str) else policy
    return json.dumps(document, separators=(",", ":"))


@patch("sqs", needed=ignores(Queue.attributes, "separators"))
def compact_redrive_policy() -> None:
    """moto writes RedrivePolicy with spaces; AWS (and the provider's comparison of strings) without."""
    original = Queue.attributes.fget

    def attributes(self: Any) -> dict[str, Any]:
        found: dict[str, Any] = original(self)
        if found.get("RedrivePolicy"):
            found["RedrivePolicy"] = _compact(found["RedrivePolicy"])
        return found

    Queue.attributes = property(attributes)


@patch("sqs", needed=lambda: _ALLOW not in Queue.BASE_ATTRIBUTES)
def redrive_allow_policy() -> None:
    """moto doesn't know RedriveAllowPolicy and refuses to read it; the provider waits 15 minutes for it to show."""

    @wrap(Queue, "_set_attributes")
    def set_attributes(original: Any, self: Any, attributes: dict[str, Any], now: float | None = None) -> None:
        others = {key: value for key, value in attributes.items() if key != _ALLOW}
        if _ALLOW in attributes:
            self.thoth_redrive_allow = _compact(attributes[_ALLOW]) if attributes[_ALLOW] else None
        original(self, others, now)

    @wrap(SQSBackend, "get_queue_attributes")
    def get_queue_attributes(original: Any, self: Any, queue_name: str, attribute_names: list[str]) -> Any:
        names = [name for name in attribute_names if name != _ALLOW]
        queue = self.get_queue(queue_name)
        found = original(self, queue_name, names) if names else {}
        allow = getattr(queue, "thoth_redrive_allow", None)
        if allow and {"All", _ALLOW} & set(attribute_names):
            found = {**found, _ALLOW: allow}
        return found


@patch("sqs", needed=lambda: True)
def set_attributes_keeps_policy() -> None:
    """moto takes the queue's policy away at every SetQueueAttributes that doesn't repeat it."""

    @wrap(Queue, "_set_attributes")
    def set_attributes(original: Any, self: Any, attributes: dict[str, Any], now: float | None = None) -> None:
        policy = getattr(self, "policy", None)
        original(self, attributes, now)
        if "Policy" not in attributes:
            self.policy = policy
