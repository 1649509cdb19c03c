"""The environment's saved Logs Insights queries."""

from __future__ import annotations

from dataclasses import asdict

import click

from thoth_infra.aws import insights, logs
from thoth_infra.cli.context import Project, environment_option, pass_project
from thoth_infra.cli.log_lines import legible
from thoth_infra.cli.operations import clients_of
from thoth_infra.cli.tables import table
from thoth_infra.cli.terraform import emulate_option


@click.command(name="insights")
@click.argument("query", required=False)
@environment_option
@emulate_option
@click.option("--since", default="1h", show_default=True, metavar="SPAN", help="How far back: 30s, 15m, 2h, 1d.")
@click.option("--job", default="", metavar="ID", help="The job that the query is about.")
@pass_project
def run_query(project: Project, query: str | None, environment: str, emulate: bool, since: str, job: str) -> None:
    """Run one of the environment's saved Logs Insights queries; without a name, list them."""
    back = logs.since(since).total_seconds()
    with clients_of(project, environment, emulate) as (env, clients):
        saved = insights.saved(clients, env.prefix)
        if query is None:
            text = table(("QUERY", "ASKS"), [(one.name, one.text) for one in saved])
            project.emit([asdict(one) for one in saved], text if saved else "no queries are saved: apply first")
            return
        rows = insights.run(clients, insights.named(saved, query, job), back)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = table([name.upper() for name in columns], [[legible(row.get(name, "")) for name in columns] for row in rows])
    project.emit(rows, text if rows else f"nothing in the last {since}")
