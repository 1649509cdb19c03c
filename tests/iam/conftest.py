"""One emulated estate for all proofs of what roles may do, made once for all of pytest's processes."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
from pathlib import Path

import pytest

from tests.iam.enforcement import Verdicts, make
from tests.iam.estate import Estate, made


@pytest.fixture(scope="session")
def proof(tmp_path_factory: pytest.TempPathFactory) -> tuple[Estate, Verdicts]:
    """The estate's policies, and what its emulator answered to every role's attempts, made in a fixed order.

    The emulator is gone by then. It takes two minutes, so that the first process makes it and the others wait for it.
    """
    if shutil.which("terraform") is None:
        pytest.skip("no Terraform on this machine")
    own = tmp_path_factory.getbasetemp()
    folder = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (folder / "iam.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _made_once(folder / "iam.pickle", tmp_path_factory.mktemp("iam"))


def _made_once(kept: Path, folder: Path) -> tuple[Estate, Verdicts]:
    if not kept.exists():
        with made(folder) as estate:
            kept.write_bytes(pickle.dumps((estate, make(estate))))
    found: tuple[Estate, Verdicts] = pickle.loads(kept.read_bytes())  # noqa: S301 - our own, of a moment ago
    return found


@pytest.fixture(scope="session")
def estate(proof: tuple[Estate, Verdicts]) -> Estate:
    return proof[0]


@pytest.fixture(scope="session")
def verdicts(proof: tuple[Estate, Verdicts]) -> Verdicts:
    return proof[1]
