"""Log groups are kept for a while, and encrypted with a key of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from thoth_infra.review.policy.findings import Finding
from thoth_infra.review.policy.plan import Plan

RETENTION: Final = "log-group-kept"


def retention(plan: Plan) -> Iterator[Finding]:
    """Yield log groups that are kept for ever, or whose key is CloudWatch's own."""
    for group in plan.of("aws_cloudwatch_log_group"):
        if not group.is_set("retention_in_days"):
            yield Finding(
                RETENTION, group.address, "is kept for ever", "set retention_in_days from var.log_retention_days"
            )
        if not group.is_set("kms_key_id"):
            yield Finding(
                RETENTION, group.address, "is not encrypted with our key", 'kms_key_id = aws_kms_key.this["logs"].arn'
            )
