"""``thoth-infra cost``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import click

from thoth_infra.cli.context import Project, check_environment, environment_option, pass_project, set_option
from thoth_infra.cli.session import signed_in_clients
from thoth_infra.cli.tables import marked, table
from thoth_infra.config import prices, shared
from thoth_infra.config.environment import Environment
from thoth_infra.config.prices import OLD_AFTER_DAYS, OVERLAY, Prices
from thoth_infra.errors import CheckFailed, ThothError
from thoth_infra.files import write_atomic
from thoth_infra.review.cost import delta as deltas
from thoth_infra.review.cost import report
from thoth_infra.review.cost.estimate import Estimate, estimate
from thoth_infra.review.cost.usage import usage_of

_HEAD: Final = ("PART", "AT LEAST", "EXPECTED", "AT MOST")


def _amount(text: str) -> Decimal:
    try:
        made = Decimal(text)
    except InvalidOperation:
        made = Decimal("NaN")
    if not made.is_finite() or made < 0:
        raise click.BadParameter(f"{text!r} is not a number from 0 on")
    return made


@click.command()
@environment_option
@set_option
@click.option("--compare", metavar="ENV", help="Show what another environment costs beside it.")
@click.option("--audio-hours", type=_amount, metavar="NUMBER", help="Hours of lessons a month [default: 100].")
@click.option(
    "--usage",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file with other assumptions about a month: docs/cost.md lists them.",
)
@click.option("--max-monthly", type=_amount, metavar="USD", help="Budget [default: the environment's own].")
@click.option("--strict", is_flag=True, help="Hold the upper bound against the budget, too.")
@click.option("--lines", is_flag=True, help="Show every position, not only the parts.")
@click.option("--markdown", is_flag=True, help="Print a table for a pull request.")
@click.option(
    "--refresh", is_flag=True, help="First bring the prices up to date by AWS's price list, which needs an account."
)
@pass_project
def cost(
    project: Project,
    environment: str,
    settings: tuple[str, ...],
    compare: str | None,
    audio_hours: Decimal | None,
    file: Path | None,
    max_monthly: Decimal | None,
    strict: bool,
    lines: bool,
    markdown: bool,
    refresh: bool,
) -> None:
    """Estimate what an environment costs a month, and for an hour of audio.

    At least is what stands there when nobody uploads anything, at most what autoscaling's bounds and twice the expected
    usage allow. Exit code 1 when the expected cost is above the budget.
    """
    env = _environment(project, environment, settings)
    if refresh:
        _refresh(project, env)
    table_of = prices.load(project.root)
    _warn(project, env, table_of)
    found = _estimate(env, table_of, file, audio_hours)
    if compare:
        other = _estimate(_environment(project, compare, ()), table_of, file, audio_hours)
        _compare(project, found, other, markdown=markdown)
    else:
        text = report.as_markdown(found) if markdown else _text(found, lines=lines)
        project.emit(_plain(found), text)
    _gate(env, found, max_monthly, strict=strict)


def _environment(project: Project, name: str, settings: tuple[str, ...]) -> Environment:
    if check_environment(project.root, name) == shared.NAME:
        raise ThothError(
            "the shared account's side is not estimated",
            "its repositories and its key are the same for every environment",
        )
    return project.load(name, settings).environment


def _estimate(env: Environment, table_of: Prices, file: Path | None, hours: Decimal | None) -> Estimate:
    return estimate(env, table_of, usage_of(env, file, hours))


def _warn(project: Project, env: Environment, table_of: Prices) -> None:
    if env.region != table_of.region:
        project.say(f"note: the prices are those of {table_of.region}, not of {env.region}")
    limit = _today() - timedelta(days=OLD_AFTER_DAYS)
    old = [price for price in table_of.rows.values() if price.as_of < limit]
    if old:
        project.say(
            f"note: {len(old)} of {len(table_of.rows)} prices are older than {OLD_AFTER_DAYS} days"
            f" (the oldest of {table_of.oldest.as_of}); `thoth-infra cost --refresh` asks AWS"
        )


def _today() -> date:
    return datetime.now(UTC).date()


def _text(found: Estimate, *, lines: bool) -> str:
    rows: list[tuple[object, ...]] = []
    for part in found.parts:
        rows.append((part.name, *_right(report.columns(part.cost))))
        if lines:
            rows += [
                (f"  {one.item}", *_right(report.columns(one.cost)))
                for one in found.lines
                if one.part == part.name
            ]  # fmt: skip
    rows.append((marked("total", "bold"), *_right(report.columns(found.total))))
    head = (_HEAD[0], *_right(_HEAD[1:]))
    return "\n".join([report.headline(found), "", table(head, rows), "", *report.footnotes(found)])


def _right(cells: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(cell.rjust(10) for cell in cells)


def _compare(project: Project, found: Estimate, other: Estimate, *, markdown: bool) -> None:
    change = deltas.delta(found, other)
    rows = [(one.name, *_right(_moved(one))) for one in change.parts if one.change]
    rows.append((marked("total", "bold"), *_right(_moved(deltas.PartDelta("", change.before, change.after)))))
    head = ("EXPECTED", *_right((found.environment, other.environment, "change")))
    text = "\n".join([report.headline(found), report.headline(other), "", table(head, rows)])
    shown = deltas.as_markdown(change) if markdown else text
    project.emit({"from": _plain(found), "to": _plain(other), "delta": _plain(change)}, shown)


def _moved(one: deltas.PartDelta) -> tuple[str, str, str]:
    return f"{one.before.expected:,.2f}", f"{one.after.expected:,.2f}", f"{one.change:+,.2f}"


def _gate(env: Environment, found: Estimate, limit: Decimal | None, *, strict: bool) -> None:
    source = "--max-monthly"
    if limit is None and env.budget:
        limit, source = Decimal(str(env.budget.monthly_usd)), "budget.monthly_usd"
    if limit is None:
        return
    verdict = report.judged(found, limit, source, strict=strict)
    if not verdict.holds:
        raise CheckFailed(
            report.complaint(found, verdict),
            f"`thoth-infra cost --env {env.name} --lines` shows every position; lower the bounds, or raise the budget",
        )


def _refresh(project: Project, env: Environment) -> None:
    from thoth_infra.aws import price_list
    from thoth_infra.aws.clients import Clients

    with signed_in_clients(project, env, emulate=False) as clients:
        client = Clients(clients.variables, price_list.REGION)("pricing")
        found = price_list.refresh(client, prices.load(project.root), _today())
    for one in found.changed:
        project.say(f"{one.key}: {one.before} → {one.after} US dollars per {one.per}")
    # Only now, when every price is known to be good.
    write_atomic(project.root / OVERLAY, prices.text(found.overlay))
    project.say(f"{found.asked} prices of today, {len(found.changed)} of them new, in {OVERLAY.as_posix()}: commit it")


def _plain(value: Any) -> Any:
    """Return dataclasses as plain values; decimals as text, as they are exact, and dates as ISO 8601."""
    converters: dict[type, Callable[[Any], Any]] = {Decimal: str, date: date.isoformat}
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return converters.get(type(value), lambda plain: plain)(value)
