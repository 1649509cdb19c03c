"""docs/reference/errors.md: every error of the command line, of the workers and of the API, and where it is made."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from thoth_infra import errors
from thoth_infra.review.reference.markdown import code, literal, page, table
from thoth_infra.review.reference.raised import Kind, Site, Source, family, sites, sources

PACKAGE: Final = "thoth_infra"
WORKERS: Final = "workers"
_LONGEST: Final = 300
# Makes a PoisonError of a code; the hint to each code stands in a table beside it.
_REFUSE: Final = "refuse"
_HINTS: Final = "HINTS"
_PASSING: Final = "_PASSING"
# Classes of the API that carry a status or a code, but are no family.
_API: Final = ("Problem", "Refused")
_STATUS: Final = {"NotFound": "404", "Conflict": "409", "KeyTaken": "409", "VersionMismatch": "412", "Refused": "422"}

_INTRODUCTION: Final = """\
`thoth-infra` prints an error once, on stderr, as `Error: …` with a `Hint: …` where something helps, and ends
with the exit code of its kind ([exit codes](../exit-codes.md)). With `--json`, stdout stays empty. Words in
{braces} are filled in when it happens.
"""
_CONFIGURATION: Final = """\
A `ConfigInvalid` lists every problem as `file:line: key: what is wrong; what would be right`. What each key
takes is in [configuration](../configuration.md).
"""
_STAGES: Final = """\
In dead letters, in the workers' logs (`code`) and in the API's jobs (`error.code`). *Poison* goes to the
dead-letter queue at once; *retryable* comes again after a pause; *host* ends the worker, and the message
comes again in its successor; *start* means that the worker does not start. [The workers](../workers.md) tells
which stage says what.
"""
_PROBLEMS: Final = """\
Answers of the API that are no success are problem details (RFC 9457); `code` is for programs. A code of the
table above may come, too, with status 503 or as a job's error.
"""
_AGAIN: Final = {"PoisonError": "poison", "HostError": "host", "StageError": "start"}


@dataclass(frozen=True)
class CommandError:
    """A kind of error of the command line, with the places that make it."""

    kind: Kind
    exit_code: int
    made: tuple[Site, ...]


@dataclass(frozen=True, order=True)
class Coded:
    """An error with a code for programs: ``how`` is its kind, or its HTTP status."""

    code: str
    how: str
    message: str
    hint: str
    module: str


def command_errors(root: Path) -> tuple[CommandError, ...]:
    """Return the kinds of error of the command line, by exit code and name."""
    found = sources(root, PACKAGE)
    kinds = family(found, errors.ThothError.__name__)
    made = sites(found, kinds)
    rows = (CommandError(k, _exit_code(k), tuple(s for s in made if s.kind == k.name)) for k in kinds.values())
    return tuple(sorted(rows, key=lambda row: (row.exit_code, row.kind.name)))


def _exit_code(kind: Kind) -> int:
    known: type[errors.ThothError] = getattr(importlib.import_module(kind.module), kind.name)
    return known.exit_code


def stage_errors(root: Path) -> tuple[Coded, ...]:
    """Return the errors with which stages fail, by code. Raises ValueError for an error whose code is not written."""
    found = sources(root, WORKERS)
    kinds = family(found, "StageError")
    hints = {key: text for source in found for key, text in _hints(source)}
    made = [_coded(site, _AGAIN.get(site.kind, "retryable")) for site in sites(found, kinds)]
    made += [replace(_coded(site, "poison"), hint=hints[site.texts[0] or ""]) for site in _refused(found)]
    made += [row for source in found for row in _passing(source)]
    # One refusal has two codes, by the host's kind.
    single = (replace(row, code=one) for row in made if row.code for one in row.code.split(" / "))
    return tuple(sorted(set(single)))


def _refused(found: tuple[Source, ...]) -> Iterator[Site]:
    yield from (site for site in sites(found, {_REFUSE: None}) if len(site.texts) > 1 and site.texts[0])


def problems(root: Path) -> tuple[Coded, ...]:
    """Return the problems with which the API answers, by code."""
    found = sources(root, WORKERS)
    store = set(family(found, "StoreError")) - {"VersionMismatch"}
    rows = []
    for site in sites(found, dict.fromkeys((*_API, *store))):
        given = site.texts
        status = given[0] or "" if site.kind == "Problem" else _STATUS.get(site.kind, "422")
        rows.append(_coded(replace(site, texts=given[1:] if site.kind == "Problem" else given), status))
    rows += [_coded(site, "412") for site in _mismatches(found)]
    return tuple(sorted({row for row in rows if row.code}))


def _mismatches(found: tuple[Source, ...]) -> Iterator[Site]:
    """Yield what the class VersionMismatch says of itself, in its constructor."""
    for source in found:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef) and node.name == "VersionMismatch":
                own = ast.Module([statement for statement in node.body if isinstance(statement, ast.FunctionDef)], [])
                yield from sites((Source(source.module, own, {}),), {"__init__": None})


def _coded(site: Site, how: str) -> Coded:
    code_, message, hint = (*site.texts, None, None, None)[:3]
    return Coded(code_ or "", how, message or "", hint or "", site.module)


def _hints(source: Source) -> Iterator[tuple[str, str]]:
    for node in _assigned(source, _HINTS):
        for table_ in ast.walk(node):
            if isinstance(table_, ast.Dict):
                pairs = zip(table_.keys, table_.values, strict=True)
                yield from ((k.value, v.value) for k, v in pairs if _is_text(k) and _is_text(v))  # type: ignore[union-attr, attr-defined]


def _passing(source: Source) -> Iterator[Coded]:
    for node in _assigned(source, _PASSING):
        for row in ast.walk(node):
            if isinstance(row, ast.Tuple) and len(row.elts) == 3 and all(map(_is_text, row.elts)):
                code_, message, hint = (element.value for element in row.elts)  # type: ignore[attr-defined]
                yield Coded(code_, "retryable", message, hint, source.module)


def _assigned(source: Source, name: str) -> Iterator[ast.expr]:
    for node in source.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value: ast.expr | None = getattr(node, "value", None)
        if value is not None and any(isinstance(target, ast.Name) and target.id == name for target in targets):
            yield value


def _is_text(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def document(root: Path) -> str:
    """Return the text of the page."""
    kinds = command_errors(root)
    return page(
        "Errors",
        _INTRODUCTION,
        "## Kinds",
        table(
            ("kind", "exit code", "meaning", "made in"),
            ((code(k.kind.name), str(k.exit_code), _about(k.kind.about), _modules(k)) for k in kinds),
        ),
        *(part for kind in kinds for part in _catalogue(kind)),
        "## Stages",
        _STAGES,
        _coded_table(stage_errors(root), "again"),
        "## The API",
        _PROBLEMS,
        _coded_table(problems(root), "status"),
    )


def _about(text: str) -> str:
    return literal(text.replace("``", "`"))


def _modules(found: CommandError) -> str:
    return ", ".join(dict.fromkeys(code(_short(site.module)) for site in found.made))


def _short(module: str) -> str:
    return module.removeprefix(f"{PACKAGE}.").removeprefix(f"{WORKERS}.")


def _catalogue(found: CommandError) -> Iterator[str]:
    """Yield the section of a kind: every message that it is made with."""
    rows = dict.fromkeys((_cell(s.texts[0]), _cell(s.texts[1] if s.texts[1:] else None), s.module) for s in found.made)
    shown = [(message, hint, code(_short(module))) for message, hint, module in rows if message]
    if not shown and found.kind.name != errors.ConfigInvalid.__name__:
        return
    yield f"## `{found.kind.name}`: exit code {found.exit_code}"
    yield _CONFIGURATION if found.kind.name == errors.ConfigInvalid.__name__ else ""
    yield table(("message", "hint", "made in"), shown)


def _cell(text: str | None) -> str:
    text = literal(" ".join((text or "").split()))
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _coded_table(rows: tuple[Coded, ...], how: str) -> str:
    shown = dict.fromkeys((code(r.code), r.how, _cell(r.message), _cell(r.hint), code(_short(r.module))) for r in rows)
    return table(("code", how, "message", "hint", "made in"), shown)
