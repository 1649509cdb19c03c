"""One emulated estate for all proofs of what roles may do; they run in one process (`xdist_group`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.iam import attempts
from tests.iam.estate import Estate, made


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    if shutil.which("terraform") is None:
        pytest.skip("no Terraform on this machine")
    with made(tmp_path_factory.mktemp("iam")) as found:
        yield found


@pytest.fixture(scope="session")
def verdicts(estate: Estate) -> attempts.Verdicts:
    """What the emulator answered to every role's attempts, made once and in a fixed order."""
    return attempts.make(estate)
