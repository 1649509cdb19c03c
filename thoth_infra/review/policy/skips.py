"""The skip file: findings that stay, each with its reason and the row or decision that owns it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from thoth_infra.config import yaml_source
from thoth_infra.config.yaml_source import Document, KeyPath
from thoth_infra.errors import ConfigInvalid, Problem, did_you_mean
from thoth_infra.review.policy.findings import Finding

FILE: Final = "policy.yaml"
STALE: Final = "stale-skip"
TOO_MANY: Final = "too-many-skips"
# Distinct checks that one environment may skip; more of them, and it is the estate that wants mending.
LIMIT: Final = 12

_FIELDS: Final = ("check", "environments", "resources", "reason", "owner")
_CHECK: Final = re.compile(r"CKV\d?_[A-Z]+_\d+|[a-z]+(-[a-z]+)+")
_ROW: Final = re.compile(r"S[1-4]\.\d{1,2}")
_DECISION: Final = "decision: "
_SHORTEST_REASON: Final = 20


@dataclass(frozen=True)
class Skip:
    """One check that may fail on some resources of some environments.

    ``resources`` are addresses, in which ``*`` stands for anything; ``owner`` is a row of the specification
    (S2.5), or ``decision: `` and words; ``line`` is where the skip stands in the file.
    """

    check: str
    environments: tuple[str, ...]
    resources: tuple[str, ...]
    reason: str
    owner: str
    line: int

    def covers(self, environment: str, finding: Finding) -> bool:
        """Return whether the skip holds for a finding in an environment."""
        named = environment in self.environments and finding.check == self.check
        return named and any(_matches(pattern, finding.address) for pattern in self.resources)


@dataclass(frozen=True)
class Judged:
    """An environment's findings: those that count, and those that a skip covers, with the skip."""

    open: tuple[Finding, ...]
    skipped: tuple[tuple[Finding, Skip], ...]

    @property
    def skipped_checks(self) -> tuple[str, ...]:
        """The distinct checks that are skipped, sorted."""
        return tuple(sorted({finding.check for finding, _ in self.skipped}))


def judge(environment: str, found: Iterable[Finding], skips: Sequence[Skip], *, seen: frozenset[str]) -> Judged:
    """Take from the findings what the skips cover, and add what is wrong with the skips themselves.

    A skip, or one of its patterns, that covers nothing is stale, and itself a failure. ``seen`` are the sources that
    ran: a skip of a rule can't be stale when there was no plan to judge.
    """
    found = tuple(found)
    covered = [(f, next((s for s in skips if s.covers(environment, f)), None)) for f in found]
    judged = Judged(
        open=tuple(finding for finding, skip in covered if skip is None),
        skipped=tuple((finding, skip) for finding, skip in covered if skip is not None),
    )
    faults = [*_stale(environment, found, skips, seen), *_too_many(environment, judged)]
    return Judged((*judged.open, *faults), judged.skipped)


SCANNER: Final = "scanner"
RULES: Final = "rules"


def source_of(check: str) -> str:
    """Return what a check is run by: ``scanner`` or ``rules``."""
    return SCANNER if check.startswith("CKV") else RULES


def _stale(
    environment: str, found: Sequence[Finding], skips: Sequence[Skip], seen: frozenset[str]
) -> Iterable[Finding]:
    for skip in skips:
        if environment not in skip.environments or source_of(skip.check) not in seen:
            continue
        addresses = [finding.address for finding in found if finding.check == skip.check]
        for pattern in skip.resources:
            if not any(_matches(pattern, address) for address in addresses):
                wrong = f"the skip of {skip.check} covers nothing in {environment}"
                right = f"remove {environment}, the pattern or the skip"
                yield Finding(STALE, pattern, wrong, right, place=f"{FILE}:{skip.line}")


def _too_many(environment: str, judged: Judged) -> Iterable[Finding]:
    if (count := len(judged.skipped_checks)) > LIMIT:
        wrong = f"skips {count} checks: {', '.join(judged.skipped_checks)}"
        yield Finding(TOO_MANY, environment, wrong, f"mend what they find: at most {LIMIT} may be skipped", place=FILE)


def _matches(pattern: str, address: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), address) is not None


def load(root: Path, environments: Iterable[str]) -> tuple[Skip, ...]:
    """Read the skip file of a project; without a file nothing is skipped.

    Raises ConfigInvalid for a skip that lacks a reason or an owner, or that can't hold.
    """
    if not (root / FILE).is_file():
        return ()
    document = yaml_source.read(root / FILE, Path(FILE))
    reader = _Reader(document, tuple(environments))
    skips = reader.skips()
    if reader.problems:
        raise ConfigInvalid(reader.problems)
    return skips


class _Reader:
    """Turns the file into skips, noting every problem."""

    def __init__(self, document: Document, environments: tuple[str, ...]) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._environments = environments

    def skips(self) -> tuple[Skip, ...]:
        for key in self._document.data:
            if key != "skips":
                self._problem((key,), "is not known", did_you_mean(key, ["skips"]))
        entries = self._document.data.get("skips")
        if not isinstance(entries, list):
            self._problem(("skips",), "is not a list", "write one item '- check: …' for each")
            return ()
        return tuple(skip for index, entry in enumerate(entries) if (skip := self._skip(index, entry)))

    def _skip(self, index: int, entry: Any) -> Skip | None:
        path: KeyPath = ("skips", str(index))
        if not isinstance(entry, dict):
            self._problem(path, "is not a mapping", f"write {', '.join(_FIELDS)} for it")
            return None
        for key in entry.keys() - set(_FIELDS):
            self._problem((*path, key), "is not known", did_you_mean(key, _FIELDS))
        before = len(self.problems)
        skip = Skip(
            check=self._text(path, entry, "check", "the id that `thoth-infra policy` shows"),
            environments=self._texts(path, entry, "environments"),
            resources=self._texts(path, entry, "resources"),
            reason=self._text(path, entry, "reason", "say why it may stay"),
            owner=self._text(path, entry, "owner", "a row such as S2.5, or 'decision: …'"),
            line=self._document.lines.get(path, 1),
        )
        if len(self.problems) > before:
            return None
        self._judge(path, skip)
        return skip

    def _judge(self, path: KeyPath, skip: Skip) -> None:
        if not _CHECK.fullmatch(skip.check):
            self._problem((*path, "check"), f"{skip.check!r} is no check's id", "write it as it is shown")
        for name in skip.environments:
            if name not in self._environments:
                wrong = f"there is no environment {name!r}"
                self._problem((*path, "environments"), wrong, did_you_mean(name, self._environments))
        if len(skip.reason) < _SHORTEST_REASON:
            self._problem((*path, "reason"), f"{skip.reason!r} says little", "say why it may stay")
        if not (_ROW.fullmatch(skip.owner) or (len(skip.owner) > len(_DECISION) and skip.owner.startswith(_DECISION))):
            self._problem((*path, "owner"), f"{skip.owner!r} owns nothing", "a row such as S2.5, or 'decision: …'")

    def _text(self, path: KeyPath, entry: dict[str, Any], key: str, right: str) -> str:
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            self._problem((*path, key) if key in entry else path, f"has no {key}", right)
            return ""
        return " ".join(value.split())

    def _texts(self, path: KeyPath, entry: dict[str, Any], key: str) -> tuple[str, ...]:
        value = entry.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
            self._problem((*path, key) if key in entry else path, f"has no {key}", f"list the {key} that it holds for")
            return ()
        return tuple(value)

    def _problem(self, path: KeyPath, wrong: str, right: str) -> None:
        line = self._document.lines.get(path) or self._document.lines.get(path[:-1]) or 1
        self.problems.append(Problem(self._document.file, line, ".".join(path), wrong, right))
