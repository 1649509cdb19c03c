"""Who may do what: AWS's rules for policies, over the policies that Terraform planned or applied.

Pure, and small on purpose: it knows the policy language as far as our trees and AWS's managed policies use it, and
raises on everything else. What it can't judge must never look allowed or refused.
"""

from thoth_infra.review.iam.document import Document, PolicyUnreadable, parse
from thoth_infra.review.iam.evaluate import Decision, Principal, Request, authorize, evaluate

__all__ = ["Decision", "Document", "PolicyUnreadable", "Principal", "Request", "authorize", "evaluate", "parse"]
