"""``thoth-infra env``: list, show, explain, check and create environments."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click

from thoth_infra.cli.context import (
    Project,
    check_environment,
    environment_option,
    environments_option,
    pass_project,
    set_option,
)
from thoth_infra.cli.tables import table
from thoth_infra.config import across
from thoth_infra.config.environment import Environment
from thoth_infra.config.explain import Explanation, Given, derived, effective, explain, value
from thoth_infra.config.load import Loaded, load, names
from thoth_infra.errors import CheckFailed, ConfigInvalid, Problem


@click.group()
def env() -> None:
    """List, show, explain, check and create environments."""


@env.command("list")
@pass_project
def list_environments(project: Project) -> None:
    """List the environments."""
    rows = [_row(project, name) for name in names(project.root)]
    project.emit(rows, _table(rows))


def _row(project: Project, name: str) -> dict[str, Any]:
    try:
        environment = load(project.root, name).environment
    except ConfigInvalid as error:
        count = len(error.problems)
        return {"name": name, "problems": count}
    return {
        "name": name,
        "account": environment.accounts.own,
        "region": environment.region,
        "domain": environment.domain.name if environment.domain else None,
        "gpu": {pool: config.instance_type for pool, config in environment.gpu_pools.items()},
        "problems": 0,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    cells = [("NAME", "ACCOUNT", "REGION", "DOMAIN", "GPU")]
    for row in rows:
        if row["problems"]:
            hint = f"invalid: thoth-infra env check --env {row['name']}"
            cells.append((row["name"], hint, "", "", ""))
        else:
            gpu = ", ".join(dict.fromkeys(row["gpu"].values()))
            cells.append((row["name"], row["account"], row["region"], row["domain"] or "-", gpu))
    return table(cells[0], cells[1:])


@env.command("show")
@click.argument("key", required=False)
@environment_option
@set_option
@pass_project
def show(project: Project, key: str | None, environment: str, settings: tuple[str, ...]) -> None:
    """Show the effective values, or those of one KEY."""
    loaded = project.load(environment, settings)
    if key:
        found = value(loaded, key)
        project.emit(found, found if isinstance(found, str) else _yaml(found))
    else:
        values = effective(loaded.environment)
        project.emit({**values, "derived": derived(loaded.environment)}, _yaml(values))


def _yaml(values: Any) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Puts digits in quotes, which other readers would take for numbers or times."""

    def text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
        quoted = not data[:1].isalpha() or data.lower() in {"y", "n", "yes", "no", "on", "off"}
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"' if quoted else None)

    Dumper.add_representer(str, text)
    dumped: str = yaml.dump(values, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
    return dumped.removesuffix("\n").removesuffix("\n...")


@env.command("explain")
@click.argument("key")
@environment_option
@set_option
@pass_project
def explain_key(project: Project, key: str, environment: str, settings: tuple[str, ...]) -> None:
    """Tell where the value of KEY comes from."""
    found = explain(load(project.root, environment, settings=settings), key)
    project.emit(found, "\n\n".join(_explained(explanation) for explanation in found))


def _explained(explanation: Explanation) -> str:
    lines = [f"{explanation.key} = {_short(explanation.effective)}"]
    lines += [f"  {explanation.description}"] if explanation.description else []
    lines += [f"  over {_short(given)}" for given in explanation.shadowed]
    return "\n".join(lines)


def _short(given: Given) -> str:
    shown = json.dumps(given.value, ensure_ascii=False)
    return f"{shown}  ({given.layer}{f', {given.place}' if given.place else ''})"


@env.command("check")
@environments_option
@pass_project
def check(project: Project, environments: tuple[str, ...]) -> None:
    """Check the configuration, each environment and all together."""
    for name in environments:
        check_environment(project.root, name)
    wanted = environments or names(project.root)
    loaded, problems = _load_all(project, names(project.root))
    problems = {name: found for name, found in problems.items() if name in wanted}
    for clash in across.problems(loaded):
        # Of the two, whoever is checked is told; the later one if both are.
        for name in [name for name in (clash.second, clash.first) if name in wanted][:1]:
            problems.setdefault(name, []).append(clash.problem)
    warnings = [clash.problem for clash in across.warnings(loaded) if {clash.first, clash.second} & set(wanted)]
    _report(project, wanted, problems, warnings)
    if problems:
        raise ConfigInvalid(problem for found in problems.values() for problem in found)


def _load_all(project: Project, wanted: Iterable[str]) -> tuple[dict[str, Loaded], dict[str, list[Problem]]]:
    loaded: dict[str, Loaded] = {}
    problems: dict[str, list[Problem]] = {}
    for name in wanted:
        try:
            loaded[name] = load(project.root, name)
        except ConfigInvalid as error:
            problems[name] = list(error.problems)
    return loaded, problems


def _report(
    project: Project, wanted: Iterable[str], problems: dict[str, list[Problem]], warnings: list[Problem]
) -> None:
    for warning in warnings:
        project.say(f"warning: {warning}")
    project.emit(
        {
            "environments": [
                {"name": name, "ok": name not in problems, "problems": problems.get(name, [])} for name in wanted
            ],
            "warnings": warnings,
        },
        "\n".join(f"{name}: ok" for name in wanted if name not in problems),
    )


@env.command("new")
@click.argument("name")
@click.option("--from", "source", required=True, metavar="NAME", help="Environment to copy.")
@pass_project
def new(project: Project, name: str, source: str) -> None:
    """Create environments/NAME.yaml after another environment."""
    from thoth_infra.config.create import create

    file, loaded = create(project.root, name, source)
    environment: Environment = loaded.environment
    shown = file.relative_to(project.root)
    project.emit(
        {"file": str(shown), "state": environment.state.key, "cidr": environment.network.cidr},
        f"wrote {shown}: state {environment.state.key}, network {environment.network.cidr}\n"
        f"Read it through, then: thoth-infra render --env {name}",
    )


@env.command("schema")
@click.option("--check", "only_check", is_flag=True, help="Exit 1 if docs/environments.schema.json is not current.")
@pass_project
def schema_command(project: Project, only_check: bool) -> None:
    """Print the JSON Schema for editors."""
    from thoth_infra.config import reference, schema

    if not only_check:
        click.echo(schema.text(), nl=False)
        return
    file = project.root / reference.SCHEMA
    if not file.is_file() or file.read_text(encoding="utf-8") != schema.text():
        raise CheckFailed(f"{reference.SCHEMA} is not current", "run: python -m thoth_infra.config.reference")
    project.emit({"current": True}, f"{reference.SCHEMA}: current")
