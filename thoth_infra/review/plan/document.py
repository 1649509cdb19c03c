"""A report as data, for ``--json`` and ``plan --summary json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from thoth_infra.review.plan.report import Entry, PlanReport, Risk


def as_document(report: PlanReport) -> dict[str, Any]:
    """Return the report: counts, ``risks`` by class, and ``changes``, one for each resource."""
    return {
        "environment": report.environment,
        "add": report.add,
        "change": report.change,
        "destroy": report.destroy,
        "outputs": report.outputs,
        "risks": {risk.value: report.count(risk) for risk in Risk},
        "cost": asdict(report.cost) if report.cost else None,
        "changes": [_change(entry, address) for entry in report.entries for address in entry.addresses],
    }


def _change(entry: Entry, address: str) -> dict[str, Any]:
    cause = entry.cause
    return {
        "address": address,
        "type": entry.type,
        "action": entry.action.value,
        "risk": entry.risk.value,
        "findings": [{"risk": finding.risk.value, "reason": finding.reason} for finding in entry.findings],
        "forced_by": list(entry.forced_by),
        "changed": list(entry.changed),
        "cause": asdict(cause) if cause else None,
        "noise": entry.noise.value,
        "drifted": entry.drifted,
    }
