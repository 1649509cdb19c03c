"""Every queue has somewhere to put what it can't deliver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from thoth_infra.review.policy.findings import Finding
from thoth_infra.review.policy.plan import Plan, Resource

DEAD_LETTERS: Final = "queue-dead-letter"


def dead_letters(plan: Plan) -> Iterator[Finding]:
    """Yield queues that have no dead-letter queue and are none."""
    queues = tuple(plan.of("aws_sqs_queue"))
    sources = [queue for queue in queues if _redrives(plan, queue)]
    targets = {address for queue in sources for address in plan.references(queue, "redrive_policy")}
    targets |= {arn for queue in sources if (arn := _target(queue))}
    for queue in queues:
        if queue not in sources and queue.address not in targets and queue.get("arn") not in targets:
            wrong = "has no dead-letter queue: a message that always fails is delivered until it expires"
            yield Finding(DEAD_LETTERS, queue.address, wrong, "give it a redrive_policy")


def _redrives(plan: Plan, queue: Resource) -> bool:
    """Return whether a queue hands on what fails. Of what is not known yet, the configuration decides."""
    if queue.is_unknown("redrive_policy"):
        return plan.is_configured(queue, "redrive_policy")
    return bool(_target(queue))


def _target(queue: Resource) -> str | None:
    text = queue.get("redrive_policy")
    return json.loads(text).get("deadLetterTargetArn") if text else None
