"""AWS without an account: moto's server, patched until Terraform's provider is content with it.

Importing this package imports no moto; only the emulator's own process does (``python -m thoth_infra.emulator``).
"""

from __future__ import annotations

from thoth_infra.emulator.access import Emulator
from thoth_infra.emulator.process import forget, running, stop

__all__ = ["Emulator", "forget", "running", "stop"]
