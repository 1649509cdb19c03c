"""What every command needs: the project, the chosen environment, and how to print."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import click

from thoth_infra.config import shared
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import FOLDER, Loaded, load, names
from thoth_infra.errors import ThothError, did_you_mean

# The engines of `--engine`; thoth_infra.terraform.engines resolves them.
Choice = Literal["auto", "docker", "local"]

RootModule: TypeAlias = Environment | shared.SharedAccount

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Project:
    """The project that a command works on, and the global options."""

    root: Path
    engine: Choice = "auto"
    json: bool = False
    verbose: bool = False

    def load(self, environment: str, settings: tuple[str, ...] = ()) -> Loaded:
        """Load an environment and say which of its values come from outside the committed files."""
        loaded = load(self.root, environment, settings=settings)
        for key, origin in loaded.overrides.items():
            self.say(f"note: {key} comes from {origin}, not from the committed files")
        return loaded

    def root_module(self, name: str, settings: tuple[str, ...] = ()) -> RootModule:
        """Load what a Terraform root is rendered from: an environment, or the shared account's side."""
        return shared.load(self.root) if name == shared.NAME else self.load(name, settings).environment

    def say(self, text: str) -> None:
        """Print progress or a diagnosis, on stderr."""
        click.echo(text, err=True)

    def emit(self, result: Any, text: str | None = None) -> None:
        """Print a result on stdout: ``text``, or with ``--json`` the result itself."""
        if self.json:
            click.echo(json.dumps(result, indent=2, default=_plain, ensure_ascii=False))
        elif text:
            click.echo(text)


def _plain(value: Any) -> Any:
    for method in ("model_dump", "_asdict"):
        if hasattr(value, method):
            return getattr(value, method)(**({"mode": "json"} if method == "model_dump" else {}))
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    return str(value)


def find_root(start: Path) -> Path:
    """Return the nearest folder at or above ``start`` that holds environments and the Terraform pin."""
    for folder in (start, *start.parents):
        if (folder / FOLDER / "_defaults.yaml").is_file() and (folder / ".terraform-version").is_file():
            return folder
    raise ThothError(
        f"no Thoth project at or above {start}",
        "change into the project, or give its folder: thoth-infra --root DIR …",
    )


def project(ctx: click.Context) -> Project:
    """Return the project of the running command."""
    given = ctx.find_root().obj or {}
    root = given.get("root")
    found = find_root(Path(root).resolve() if root else Path.cwd())
    return Project(found, given.get("engine", "auto"), given.get("json", False), given.get("verbose", False))


def pass_project(function: F) -> F:
    """Give a command the ``Project`` as its first argument."""

    @click.pass_context
    def wrapper(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        return ctx.invoke(function, project(ctx), *args, **kwargs)

    wrapper.__doc__ = function.__doc__
    wrapper.__name__ = function.__name__
    if hasattr(function, "__click_params__"):
        wrapper.__click_params__ = function.__click_params__  # type: ignore[attr-defined]
    return wrapper  # type: ignore[return-value]


def _complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    try:
        return [name for name in roots(project(ctx).root) if name.startswith(incomplete)]
    except ThothError:
        return []


def check_environment(root: Path, name: str) -> str:
    """Return ``name`` if the project has that environment; else raise with the nearest known name."""
    known = roots(root)
    if name not in known:
        raise ThothError(f"there is no environment {name!r}", did_you_mean(name, known))
    return name


def roots(root: Path) -> tuple[str, ...]:
    """Return the names of all Terraform roots: the environments, and the shared account's side."""
    return (*names(root), shared.NAME) if shared.exists(root) else names(root)


environment_option = click.option(
    "--env", "environment", envvar="THOTH_ENV", required=True, shell_complete=_complete, metavar="NAME",
    help="Environment to act on [env var: THOTH_ENV].",
)  # fmt: skip
environments_option = click.option(
    "--env", "environments", envvar="THOTH_ENV", multiple=True, shell_complete=_complete, metavar="NAME",
    help="Environment to act on; may be repeated [default: all].",
)  # fmt: skip
set_option = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override one configuration key for this run."
)
