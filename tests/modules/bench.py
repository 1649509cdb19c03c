"""A folder in which the pinned Terraform finds the pinned provider and needs neither state nor account."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.render.support import PROJECT, terraform
from thoth_infra.terraform.cli_config import compose
from thoth_infra.terraform.mirror import find, host_platform

LOCK_FILE = ".terraform.lock.hcl"


@dataclass(frozen=True)
class Bench:
    """Runs Terraform in ``folder``, which exists. Of the user's own AWS settings nothing gets in."""

    folder: Path

    def init(self) -> None:
        """Install provider and modules; versions and checksums are the committed ones."""
        shutil.copy(PROJECT / "terraform" / "staging" / LOCK_FILE, self.folder)
        done = self("init", "-backend=false", "-lockfile=readonly")
        assert done.returncode == 0, done.stdout

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Terraform; its errors stand in ``stdout`` too, each behind the run that it ended."""
        return subprocess.run(
            [terraform(), *arguments, "-no-color"], cwd=self.folder, env=self._variables, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip

    @cached_property
    def _variables(self) -> dict[str, str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "TF_"))}
        # The provider's schema is large and all of it stays in use: collecting rarely saves a quarter of the time.
        own |= {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "GOGC": "400"}
        if mirror := find(own, self.folder, host_platform()):
            config = self.folder / "terraform.rc"
            config.write_text(compose(mirror))
            own["TF_CLI_CONFIG_FILE"] = str(config)
        return own
