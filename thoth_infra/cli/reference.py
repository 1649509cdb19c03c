"""The command line as Markdown; ``python -m thoth_infra.cli.reference`` writes all pages of docs/reference."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from thoth_infra.cli.main import COMMANDS, cli
from thoth_infra.files import write_atomic
from thoth_infra.review.reference import containers, errors, metrics
from thoth_infra.review.reference.markdown import code, literal, page, table

FOLDER: Final = "docs/reference"

# What the variables of the command line itself do; the options' own stand with the options.
VARIABLES: Final[Mapping[str, str]] = {
    "AWS_PROFILE": "AWS profile of this shell. The guard wants the environment's (`identity.profile`).",
    "NO_COLOR": "Print without colours.",
    "THOTH_DOCKER": "Program that `terraform-docker.sh` calls in place of `docker`.",
    "THOTH_EMULATED": "For `terraform-docker.sh`: work on the emulated environment at `AWS_ENDPOINT_URL`.",
    "THOTH_EMULATOR_PACE": "How many times faster than AWS the emulator's ECS runs; 20 if not set.",
    "THOTH_ENGINE": "The same as `--engine`.",
    "THOTH_ENV": "The same as `--env`.",
    "THOTH_PROVIDER_MIRROR": "Folder of a provider mirror, for a machine that reaches no registry.",
    "THOTH_ROOT": "The same as `--root`.",
    "THOTH_TERRAFORM": "The local Terraform to run, in place of the first on `PATH`. It must be of the pinned version.",
}

_INTRODUCTION: Final = """\
`thoth-infra [GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]`. Global options stand before the command. Results
go to stdout, all else to stderr. What the exit codes mean is in [exit codes](../exit-codes.md), what each
error means in [errors](errors.md).
"""
_MAKE: Final = """\
`make TARGET ENV=staging`: the same words as the commands. `ARGS='…'` passes further options on.
"""
_OWN: Final = "containers.md#variables-of-your-own-machine"
_TARGET: Final = re.compile(r"(?m)^([a-z-]+):[^#=]*## (.*)$")


def document(root: Path) -> str:
    """Return the text of ``docs/reference/cli.md``."""
    context = click.Context(cli, info_name="thoth-infra", **cli.context_settings)
    return page(
        "Command line",
        _INTRODUCTION,
        "## Global options",
        _options(cli, context),
        *(part for title in _groups() for part in _group(title, context)),
        "## Variables",
        f"Variables that set configuration are in [containers, variables and queues]({_OWN}).",
        table(("variable", "meaning"), ((code(name), text) for name, text in VARIABLES.items())),
        "## Make targets",
        _MAKE,
        table(("target", "does"), targets(root)),
    )


def _groups() -> tuple[str, ...]:
    return tuple(dict.fromkeys(group for _, _, group, _ in COMMANDS.values()))


def _group(title: str, context: click.Context) -> Iterator[str]:
    yield f"## {title}"
    for name, (_, _, group, _) in COMMANDS.items():
        command = cli.get_command(context, name)
        if group == title and command is not None:
            yield from section(command, click.Context(command, info_name=name, parent=context))


def section(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield the parts of a command's section, then those of the commands below it."""
    yield f"### `{context.command_path.removeprefix('thoth-infra ')}`"
    yield literal(inspect.cleandoc(command.help or ""))
    if not isinstance(command, click.Group):
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"```text\n{context.command_path} {usage}\n```"
        yield _options(command, context)
        return
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        if below is not None:
            yield from section(below, click.Context(below, info_name=name, parent=context))


def _options(command: click.Command, context: click.Context) -> str:
    # Two columns, so that the meaning is not out of sight on a narrow screen.
    rows = [(_name(parameter, context), " ".join(_told(parameter))) for parameter in command.params]
    return table(("option", "meaning"), rows)


def _name(parameter: click.Parameter, context: click.Context) -> str:
    if not isinstance(parameter, click.Option):
        return code(parameter.metavar or parameter.make_metavar(context))
    names = ", ".join(map(code, (*parameter.opts, *parameter.secondary_opts)))
    if parameter.is_flag or parameter.count:
        return names
    plain = "" if isinstance(parameter.type, click.Choice | click.IntRange) else parameter.make_metavar(context)
    return f"{names} {literal(parameter.metavar or plain)}".strip()


def _told(parameter: click.Parameter) -> Iterator[str]:
    """Yield the sentences on an option: meaning, values, default, variable."""
    help_text = getattr(parameter, "help", None) or ""
    yield literal(re.sub(r" ?\[(?:env var|default): [^\]]*\](?=\.?$)", "", help_text))
    if isinstance(parameter.type, click.Choice):
        yield f"One of {', '.join(code(str(choice)) for choice in parameter.type.choices)}."
    if isinstance(parameter.type, click.IntRange):
        bounds = (("from", parameter.type.min), ("to", parameter.type.max))
        yield f"A number {' '.join(f'{word} {bound}' for word, bound in bounds if bound is not None)}."
    if parameter.required:
        yield "Required."
    several = parameter.multiple if isinstance(parameter, click.Option) else parameter.nargs == -1
    if several and "repeated" not in help_text:
        yield "May be repeated."
    if default := _default(parameter, help_text):
        yield f"Default: {default}."
    if isinstance(parameter.envvar, str):
        yield f"Variable: {code(parameter.envvar)}."


def _default(parameter: click.Parameter, help_text: str) -> str:
    if told := re.search(r"\[default: ([^\]]*)\]", help_text):
        return literal(told[1])
    value = parameter.to_info_dict().get("default")
    flag = isinstance(parameter, click.Option) and parameter.is_flag
    return "" if flag or value in (None, "") or not isinstance(value, str | int | float) else code(str(value))


def targets(root: Path) -> list[tuple[str, str]]:
    """Return the make targets with what each does."""
    text = (root / "Makefile").read_text(encoding="utf-8")
    return [(code(f"make {name}"), literal(about)) for name, about in _TARGET.findall(text)]


def documents(root: Path) -> dict[str, str]:
    """Return the pages of the reference that are generated, by path below ``root``."""
    return {
        f"{FOLDER}/cli.md": document(root),
        f"{FOLDER}/containers.md": containers.document(),
        f"{FOLDER}/errors.md": errors.document(root),
        f"{FOLDER}/metrics.md": metrics.document(root),
    }


def write(root: Path) -> None:
    """Write the pages of the project at ``root``."""
    for name, text in documents(root).items():
        write_atomic(root / name, text)


if __name__ == "__main__":
    write(Path.cwd())
