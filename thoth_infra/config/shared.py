"""The shared-services account's side of the project: a root module of its own, in an account of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from thoth_infra.config import layers, messages, sources
from thoth_infra.config.estate import Protection, State
from thoth_infra.config.load import DEFAULTS, FOLDER
from thoth_infra.config.section import Section
from thoth_infra.config.values import (
    AccountId,
    BucketName,
    DomainName,
    Profile,
    ProjectName,
    Region,
    RolePattern,
    TagKey,
    TagValue,
)
from thoth_infra.errors import ConfigInvalid, Problem

NAME = "shared"
FILE = "_shared.yaml"
# Of the defaults that environments share, those that hold for the shared account too.
_COMMON = ("project", "region", "tags", "accounts")


class SharedIdentity(Section):
    """Who may run Terraform on the shared account."""

    profile: Profile
    role_patterns: Annotated[tuple[RolePattern, ...], Field(min_length=1)]


class SharedAccounts(Section):
    """The accounts, seen from the environments."""

    own: AccountId
    shared: AccountId


class SharedAccount(Section):
    """What the shared-services account holds for the environments."""

    name: Literal["shared"]
    project: ProjectName
    region: Region
    accounts: SharedAccounts
    tags: dict[TagKey, TagValue]
    identity: SharedIdentity
    state: State
    zone: DomainName
    lesson_buckets: tuple[BucketName, ...] = ()
    image_releases: Annotated[int, Field(ge=2, le=1000)]

    @property
    def account_id(self) -> str:
        """The account that its Terraform runs in."""
        return self.accounts.shared

    @property
    def protection(self) -> Protection:
        """Every environment's images and names hang on it."""
        return Protection(deletion_protection=True, approval="manual", final_snapshot=True)

    @property
    def all_tags(self) -> dict[str, str]:
        """Return the tags of every resource."""
        return {**self.tags, "Project": self.project, "Environment": self.name, "ManagedBy": "thoth-infra"}


def exists(root: Path) -> bool:
    """Whether the project has a shared side."""
    return (root / FOLDER / FILE).is_file()


def load(root: Path) -> SharedAccount:
    """Load the shared side. Raises ConfigInvalid with every problem, each at its file, line and key."""
    folder = root / FOLDER
    defaults = sources.yaml_layer(layers.DEFAULTS, folder / DEFAULTS, Path(FOLDER, DEFAULTS))
    common = {key: defaults.data[key] for key in _COMMON if key in defaults.data}
    merged = layers.merge(
        [
            layers.Layer(defaults.name, defaults.file, common, defaults.lines),
            sources.yaml_layer(layers.ENVIRONMENT, folder / FILE, Path(FOLDER, FILE)),
        ]
    )
    try:
        return SharedAccount.model_validate_json(json.dumps(merged.data), strict=True)
    except ValidationError as error:
        raise ConfigInvalid(_problem(merged, detail) for detail in error.errors(include_url=False)) from None


def _problem(merged: layers.Merged, detail: Any) -> Problem:
    path, wrong, right = next(messages.explain(detail, merged.data))
    origin = merged.origin(path)
    return Problem(origin.file, origin.line, ".".join(path) or "(file)", wrong, right)
