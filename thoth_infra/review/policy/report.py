"""The verdict on one Terraform root, as data and as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from thoth_infra.review.policy import rules, skips
from thoth_infra.review.policy.findings import Finding, Level
from thoth_infra.review.policy.plan import Plan
from thoth_infra.review.policy.scanner import Scan
from thoth_infra.review.policy.skips import Judged, Skip


@dataclass(frozen=True)
class Verdict:
    """What the scanner and our rules say of one root. ``resources``: in its plan; None when no plan was judged."""

    environment: str
    scanner: str
    passed: int
    resources: int | None
    judged: Judged

    @property
    def failures(self) -> tuple[Finding, ...]:
        """What must be mended or skipped."""
        return tuple(f for f in self.judged.open if f.level is Level.FAILURE)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What is only said."""
        return tuple(f for f in self.judged.open if f.level is Level.WARNING)

    def as_data(self) -> dict[str, Any]:
        """Return the frozen result of ``policy --json`` for this root."""
        return {
            "environment": self.environment,
            "holds": not self.failures,
            "scanner": self.scanner,
            "passed": self.passed,
            "rules": len(rules.RULES) if self.resources is not None else 0,
            "resources": self.resources,
            "failures": [_as_data(finding) for finding in self.failures],
            "warnings": [_as_data(finding) for finding in self.warnings],
            "skipped": [
                {"check": finding.check, "address": finding.address, "reason": skip.reason, "owner": skip.owner}
                for finding, skip in self.judged.skipped
            ],
        }

    def as_text(self) -> str:
        """Return the verdict for a terminal: one line that sums up, then what is to be done."""
        return "\n".join([self._headline(), *self._details()])

    def _headline(self) -> str:
        skipped = f"{len(self.judged.skipped)} skipped with a reason ({len(self.judged.skipped_checks)} checks)"
        failed, warned = len(self.failures), len(self.warnings)
        plan = "no plan judged"
        if self.resources is not None:
            plan = f"{len(rules.RULES)} rules over {self.resources} resources"
        return (
            f"{self.environment}: {failed} failed, {warned} warning{'s'[: warned != 1]};"
            f" {self.scanner}: {self.passed} passed, {skipped}; {plan}"
        )

    def _details(self) -> Iterator[str]:
        for finding in (*self.failures, *self.warnings):
            place = f" ({finding.place})" if finding.place else ""
            yield f"  {finding.level} {finding.check}: {finding.address}{place}: {finding.wrong}"
            yield f"    {finding.right}"


def verdict(
    environment: str, scan: Scan, plan: Plan | None, skipping: Sequence[Skip], others: Sequence[Finding] = ()
) -> Verdict:
    """Judge one root by its scan, by its plan where there is one, and by what others found in the tree."""
    found = (*scan.findings, *(rules.check(plan) if plan else ()), *others)
    seen = frozenset({skips.SCANNER, skips.RULES} if plan else {skips.SCANNER})
    return Verdict(
        environment=environment,
        scanner=f"checkov {scan.version}".rstrip(),
        passed=scan.passed,
        resources=len(plan.managed) if plan else None,
        judged=skips.judge(environment, found, skipping, seen=seen),
    )


def _as_data(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "address": finding.address,
        "place": finding.place,
        "wrong": finding.wrong,
        "right": finding.right,
    }
