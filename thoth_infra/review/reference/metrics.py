"""docs/reference/metrics.md: the workers' metrics, who emits each, and what reads it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from thoth_infra.config.load import names
from thoth_infra.contract import metrics as contract
from thoth_infra.contract.services import SERVICES
from thoth_infra.render.write import folder
from thoth_infra.review.reference.markdown import code, literal, page, table
from thoth_infra.review.reference.raised import Source, sources

_READERS: Final = ("thoth_infra.aws", "thoth_infra.review", "thoth_infra.simulate", "thoth_infra.cli")
_DASHBOARD: Final = "52-dashboard.tf"
_RESOURCE: Final = re.compile(r'^resource "(?P<type>\w+)" "(?P<name>\w+)" \{$')
_KEY: Final = re.compile(r'^ +(?:for .* : )?"?(?P<key>[\w${}.-]+)"? +=>? \{$')
_TITLE: Final = re.compile(r'^ +title += "(?P<title>.*)"$')

_INTRODUCTION: Final = f"""\
What the workers report, as lines of CloudWatch's embedded metric format in their logs. Namespace
`{contract.NAMESPACE}`; dimensions {" and ".join(code(name) for name in contract.DIMENSIONS)}, always both: an
alarm that names others reads nothing. Never a job id, since every value of a dimension is a metric of its
own.

*Read by* is what the rendered trees and the commands look at; a metric that nothing reads is there for
queries of your own.
"""
_AWS: Final = """\
Alarms and dashboard also read metrics that AWS itself emits, of which these are in use.
"""
_AWS_METRIC: Final = re.compile(r'^ +namespace += "(AWS/\w+|ECS/\w+)"$')
_NAME: Final = re.compile(r'^ +metric(?:_name)? += "(\w+)"$')


def document(root: Path) -> str:
    """Return the text of the page."""
    rows = (
        (
            code(metric.name), metric.unit, literal(metric.description),
            ", ".join(code(service.name) for service in SERVICES if metric in service.metrics),
            "; ".join((*readers(root, metric), *_commands(root, metric))),
        )
        for metric in contract.METRICS
    )  # fmt: skip
    return page(
        "Metrics",
        _INTRODUCTION,
        table(("metric", "unit", "meaning", "emitted by", "read by"), rows),
        "## Metrics of AWS",
        _AWS,
        table(("namespace", "metric", "read by"), _of_aws(root)),
    )


@cache
def _trees(root: Path) -> tuple[tuple[str, list[str]], ...]:
    """Return the name and the lines of every rendered file, those that are alike in several environments once."""
    found: dict[str, str] = {}
    for name in names(root):
        for path in sorted(folder(root, name).rglob("*.tf")):
            text = path.read_text(encoding="utf-8")
            found.setdefault(text, path.name)
    return tuple((name, text.splitlines()) for text, name in found.items())


def readers(root: Path, metric: contract.Metric) -> tuple[str, ...]:
    """Return the alarms and the dashboard's graphs that read a metric, as Markdown."""
    found = (
        _reader(file, lines, number)
        for file, lines in _trees(root)
        for number, line in enumerate(lines)
        if f'"{metric.name}"' in line
    )
    return tuple(dict.fromkeys(found))


def _reader(file: str, lines: list[str], number: int) -> str:
    if file == _DASHBOARD:
        titles = (found["title"] for line in reversed(lines[:number]) if (found := _TITLE.match(line)))
        return f"dashboard: {literal(next(titles, 'a graph'))}"
    for line in reversed(lines[:number]):
        if found := _RESOURCE.match(line):
            what = "scaling policy" if found["type"] == "aws_appautoscaling_policy" else "alarm"
            return f"{what} {code(found['name'])}"
        if (found := _KEY.match(line)) and found["key"] != "dimensions":
            return f"alarm {code(found['key'])}"
    return code(file)


def _commands(root: Path, metric: contract.Metric) -> Iterator[str]:
    """Yield the modules of the command line that read a metric by the contract's name of it."""
    constant = next(name for name, value in vars(contract).items() if value is metric)
    for source in sources(root, "thoth_infra"):
        if source.module.startswith(_READERS) and source.module != __name__ and constant in _names(source):
            yield f"`{source.module}`"


@cache
def _names(source: Source) -> frozenset[str]:
    return frozenset(str(getattr(node, "id", getattr(node, "attr", ""))) for node in ast.walk(source.tree))


def _of_aws(root: Path) -> list[tuple[str, str, str]]:
    found: dict[tuple[str, str], dict[str, None]] = {}
    for file, lines in _trees(root):
        for number, line in enumerate(lines):
            space = _AWS_METRIC.match(line)
            named = next((m for near in lines[number : number + 3] if (m := _NAME.match(near))), None)
            if space and named:
                found.setdefault((space[1], named[1]), {})[_reader(file, lines, number)] = None
    return [(code(space), code(name), "; ".join(by)) for (space, name), by in sorted(found.items())]
