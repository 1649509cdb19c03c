"""Planning with the rights of a role that can't write, as GitHub's workflows do for pull requests."""

from __future__ import annotations

from typing import Any

import click

from thoth_infra.cli.session import Session
from thoth_infra.config.environment import Environment

read_only_option = click.option(
    "--read-only", is_flag=True, help="As a role that can't write: no lock, and of the shared account its reading role."
)


def rights(session: Session, read_only: bool) -> dict[str, Any]:
    """Return the arguments of a plan that is made with the rights of a role that can't write."""
    if not read_only:
        return {}
    # The shared account's own side assumes no role.
    roles = [session.environment.identity.shared_role] if isinstance(session.environment, Environment) else []
    return {"lock": False, "variables": tuple(f"shared_session_role={role}-read" for role in roles)}
