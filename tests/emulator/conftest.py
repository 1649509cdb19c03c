"""One emulator for the whole test process, in a thread so that its code is measured; each test has its own accounts."""

from __future__ import annotations

import functools
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.config import Config

from thoth_infra.emulator import patches
from thoth_infra.emulator.access import Emulator
from thoth_infra.emulator.server import SETTINGS, application, listen

REGION = "us-east-1"

_accounts = itertools.count(100_000_000_000 + os.getpid())

AsAccount = Callable[..., Any]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "patch(name): fails when moto goes without this patch of the emulator")


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """The emulator; with THOTH_PATCHES=none (or core: only those), stock moto, on which tests of patches fail."""
    before = {name: os.environ.get(name) for name in SETTINGS}
    server = listen(_stock(only) if (only := os.environ.get("THOTH_PATCHES")) else application(), 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield Emulator(f"http://127.0.0.1:{server.port}", os.getpid())
    server.shutdown()
    thread.join()
    server.server_close()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


def _stock(patched: str) -> Any:
    os.environ.update(SETTINGS)
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    if patched == "core":
        patches.apply("core")
    return DomainDispatcherApplication(create_backend_app)


@contextmanager
def fresh_account() -> Iterator[str]:
    """Yield an account that nobody else uses; what was made there is forgotten at the end.

    Else this process grew by gigabytes, and each reset and snapshot took longer than the one before: moto keeps a
    list of every model that it ever made.
    """
    number = str(next(_accounts))
    yield number
    from moto.core import base_backend
    from moto.core.model_instances import model_data

    # S3's keys are files that want to be closed; they are few.
    for backends in list(base_backend.BackendDict._instances):
        if backends.service_name != "s3":
            backends.pop(number, None)
    for models in (found for name, found in model_data.items() if name != "s3"):
        for model in models.values():
            model.instances_tracked.clear()


@pytest.fixture
def account() -> Iterator[str]:
    """An account that nobody else uses: what a test makes there is all there is."""
    with fresh_account() as number:
        yield number


@pytest.fixture
def other_account() -> Iterator[str]:
    """One more."""
    with fresh_account() as number:
        yield number


@pytest.fixture
def aws(emulator: Emulator, account: str) -> AsAccount:
    """``aws("sqs")``: a client in the test's account; ``account_id=`` names another. It does not retry."""

    @functools.cache  # making a client takes longer than most of its calls
    def client(service: str, account_id: str = account) -> Any:
        config = Config(retries={"total_max_attempts": 1}, read_timeout=20)
        return emulator.client(service, account_id=account_id, region=REGION, config=config)

    return client
