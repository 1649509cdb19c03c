"""Our own rules over a plan: pure functions from a plan to what it breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from thoth_infra.review.policy.findings import Finding
from thoth_infra.review.policy.plan import Plan
from thoth_infra.review.policy.rules import alarms, exposure, identity, logs, names, queues, tags, tasks, trust


@dataclass(frozen=True)
class Rule:
    """A rule by its name, what it wants to hold, and what finds where it does not."""

    name: str
    holds: str
    find: Callable[[Plan], Iterator[Finding]]


RULES: tuple[Rule, ...] = (
    Rule(tags.COST_TAGS, "everything that can be tagged has the cost tags", tags.cost_tags),
    Rule(names.NAMES, "every name carries its environment", names.names),
    Rule(identity.ACTIONS, "no identity policy allows a wildcard action", identity.actions),
    Rule(identity.RESOURCES, "no identity policy allows an action on every resource", identity.resources),
    Rule(identity.MANAGED, "only known managed policies are attached", identity.managed_policies),
    Rule(trust.TRUST, "every role trusts exact principals", trust.trust),
    Rule(exposure.PUBLIC, "nothing is public but the load balancer", exposure.public),
    Rule(logs.RETENTION, "every log group has a retention and a key", logs.retention),
    Rule(alarms.METRICS, "every alarm and scaling policy reads a metric that is emitted", alarms.metrics),
    Rule(queues.DEAD_LETTERS, "every queue has a dead-letter queue, or is one", queues.dead_letters),
    Rule(tasks.DIGESTS, "every task runs an image by its digest", tasks.digests),
    Rule(tasks.SECRETS, "no container gets a secret in a plain variable", tasks.secrets),
)


def check(plan: Plan) -> tuple[Finding, ...]:
    """Return everything that a plan breaks, in the order of the rules."""
    return tuple(finding for rule in RULES for finding in rule.find(plan))
