"""The values of ``shared.auto.tfvars``: who of the environments' account may do what in the shared one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from thoth_infra.config.environment import Environment
from thoth_infra.config.shared import SharedAccount
from thoth_infra.contract.services import IMAGES

SHARED_SECTIONS: dict[str, tuple[str, ...]] = {
    "Identity": ("project", "region", "account_id", "tags"),
    "What the environments use": ("zone", "images", "image_releases", "lesson_buckets"),
    "Who may": (
        "role_name",
        "trusted_role_arns",
        "reading_role_arns",
        "pull_role_arns",
        "push_role_arns",
        "watch_role_arns",
    ),
}


def shared_variables(shared: SharedAccount, environments: Sequence[Environment]) -> dict[str, Any]:
    """Return every variable of the shared root module, by name."""
    pulling = [env for env in environments if env.images.registry == "shared"]
    return {
        "project": shared.project,
        "region": shared.region,
        "account_id": shared.accounts.shared,
        "tags": dict(sorted(shared.all_tags.items())),
        "zone": shared.zone,
        "images": list(IMAGES),
        "image_releases": shared.image_releases,
        "lesson_buckets": list(shared.lesson_buckets),
        "role_name": environments[0].identity.shared_role,
        "trusted_role_arns": _roles(environments, lambda env: [*env.identity.operator_roles, *_github(env, "apply")]),
        "reading_role_arns": _roles(environments, lambda env: _github(env, "plan", "watch")),
        "pull_role_arns": _roles(pulling, lambda env: [f"{env.prefix}-{s.name}-execution" for s in env.running]),
        "push_role_arns": _roles(pulling, lambda env: _github(env, "deploy")),
        "watch_role_arns": _roles(pulling, lambda env: _github(env, "watch")),
    }


def _github(env: Environment, *purposes: str) -> list[str]:
    return [f"{env.prefix}-github-{purpose}" for purpose in purposes]


def _roles(environments: Iterable[Environment], names: Any) -> list[str]:
    return sorted({f"arn:aws:iam::{env.accounts.own}:role/{name}" for env in environments for name in names(env)})
