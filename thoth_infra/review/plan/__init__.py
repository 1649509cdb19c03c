"""What a plan does, for the person who has to say yes: risks and reasons, what forces what, which key caused it."""

from thoth_infra.review.plan.cause import Causes
from thoth_infra.review.plan.classify import review
from thoth_infra.review.plan.document import as_document
from thoth_infra.review.plan.markdown import as_markdown
from thoth_infra.review.plan.report import Cause, CostDelta, Finding, PlanReport, Risk
from thoth_infra.review.plan.text import as_text

__all__ = [
    "Cause", "Causes", "CostDelta", "Finding", "PlanReport", "Risk", "as_document", "as_markdown", "as_text", "review",
]  # fmt: skip
