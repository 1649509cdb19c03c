"""Where, and for which environment, Terraform runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Backend:
    """The place of one environment's state in S3."""

    bucket: str
    key: str
    region: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key} ({self.region})"


@dataclass(frozen=True)
class Workspace:
    """One environment's rendered root module and what Terraform keeps beside it.

    ``tree`` is the rendered root (``terraform/<env>``); ``scratch`` holds the data directory, saved
    plans, seals and the command-line configuration (``.thoth/<env>``, or ``.thoth/<env>/emulated``
    so that a run against the emulator never mixes with a real one).
    """

    environment: str
    account_id: str
    region: str
    backend: Backend
    project: Path
    tree: Path
    scratch: Path
    emulated: bool = False

    @property
    def data_dir(self) -> Path:
        """Terraform's data directory (``TF_DATA_DIR``)."""
        return self.scratch / "terraform"

    @property
    def default_plan(self) -> Path:
        """Where a plan is saved when nobody names a file."""
        return self.scratch / "plan.tfplan"

    @property
    def lock_file(self) -> Path:
        """The committed record of provider versions and checksums."""
        return self.tree / ".terraform.lock.hcl"
