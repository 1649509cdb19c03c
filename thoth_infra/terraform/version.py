"""The one pin of Terraform's version: ``.terraform-version`` at the project root."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from thoth_infra.errors import EngineError

PIN_FILE = ".terraform-version"
REPOSITORY = "hashicorp/terraform"

_PIN = re.compile(r"(?P<version>\d+\.\d+\.\d+)(?:\s+(?P<digest>sha256:[0-9a-f]{64}))?")


@dataclass(frozen=True)
class Pin:
    """A Terraform version, and the digest of its image when the pin file gives one."""

    version: str
    digest: str | None = None

    @property
    def image(self) -> str:
        """The image to run, by tag, and by digest where one is pinned."""
        tagged = f"{REPOSITORY}:{self.version}"
        return f"{tagged}@{self.digest}" if self.digest else tagged


def read_pin(project: Path) -> Pin:
    """Read the pin: ``1.11.4``, or ``1.11.4 sha256:…`` where the image is pinned by digest too.

    Raises EngineError when the file is missing or says anything else.
    """
    path = project / PIN_FILE
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise EngineError(f"{path}: {error.strerror}", "The project root pins Terraform there.") from error
    match = _PIN.fullmatch(text)
    if match is None:
        raise EngineError(f"{path}: {text!r} is not a version", "Write one version, like 1.11.4.")
    return Pin(match["version"], match["digest"])
