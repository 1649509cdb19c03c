"""checkov over a rendered tree: offline, judged by its report alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from thoth_infra.errors import EngineError
from thoth_infra.review.policy.findings import Finding
from thoth_infra.review.policy.tool import Checkov

UNREAD: Final = "scanner-reads-all"


@dataclass(frozen=True)
class Scan:
    """What the scanner said of one tree: its version, how many checks held, and each that did not."""

    version: str
    passed: int
    findings: tuple[Finding, ...]


class Scanner(Protocol):
    """Something that scans a tree."""

    def scan(self, tree: Path) -> Scan:
        """Scan a root module with its local modules and its tfvars."""


class CheckovScanner:
    """Runs the checkov of ``requirements/policy.lock``. ``shown`` is the folder that places are told from."""

    def __init__(self, checkov: Checkov, shown: Path) -> None:
        self._checkov = checkov
        self._shown = shown

    def scan(self, tree: Path) -> Scan:
        """Scan a tree. Raises EngineError when checkov itself fails."""
        completed = self._checkov.run(arguments(tree))
        try:
            report = json.loads(completed.stdout)
        except json.JSONDecodeError:
            last = completed.stderr.strip().splitlines()[-1:] or ["it printed nothing"]
            raise EngineError(
                f"checkov failed on {tree} (exit code {completed.code}): {last[0]}",
                "remove .thoth/tools/checkov, so that it is made anew from requirements/policy.lock",
            ) from None
        return read(report, tree.relative_to(self._shown).as_posix())


def arguments(tree: Path) -> tuple[str, ...]:
    """Return checkov's arguments for a tree.

    It takes every check that comes with it and knows no skips: those are judged by us, where a stale one is noticed.
    It reads ``*.auto.tfvars`` and local modules by itself, and asks no platform, registry or server for anything.
    """
    return (
        "--directory", str(tree), "--framework", "terraform", "--output", "json", "--quiet", "--compact",
        "--skip-download", "--download-external-modules", "false", "--soft-fail",
    )  # fmt: skip


def read(report: Mapping[str, Any] | list[Any], shown: str) -> Scan:
    """Read a report. ``shown`` is the tree's folder, as messages name it.

    A tree of which nothing was read, or a file that could not be, is a finding: a scan that saw nothing holds always.
    """
    if not isinstance(report, Mapping) or "results" not in report:
        return Scan("", 0, (_unread(shown, "nothing was scanned"),))
    results, summary = report["results"], report["summary"]
    unread = [_unread(str(file), "could not be read") for file in results.get("parsing_errors", ())]
    if not summary["passed"]:
        unread.append(_unread(shown, "nothing was scanned"))
    failed = [_finding(entry, shown) for entry in results["failed_checks"]]
    return Scan(str(summary["checkov_version"]), int(summary["passed"]), (*unread, *sorted(failed, key=_order)))


def _finding(entry: Mapping[str, Any], shown: str) -> Finding:
    return Finding(
        check=entry["check_id"],
        address=entry["resource"],
        wrong=entry["check_name"],
        right="mend the template, or skip it with a reason in policy.yaml",
        place=f"{shown}{entry['file_path']}:{entry['file_line_range'][0]}",
    )


def _unread(place: str, wrong: str) -> Finding:
    return Finding(UNREAD, place, wrong, "render the tree and let `thoth-infra validate` read it")


def _order(finding: Finding) -> tuple[str, str]:
    return finding.check, finding.address
