"""What an environment expects of AWS is there before its first apply: repositories, and the images of its lock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.emulator.conftest import AsAccount
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load
from thoth_infra.contract.services import IMAGES
from thoth_infra.emulator.access import Emulator
from thoth_infra.emulator.world import prepare

ROOT = Path(__file__).resolve().parents[2]
DIGESTS = {image: f"sha256:{number:064x}" for number, image in enumerate(IMAGES)}


@pytest.fixture
def env(account: str, other_account: str) -> Environment:
    settings = (
        f"accounts.own={account}",
        f"accounts.shared={other_account}",
        f"state.bucket=thoth-state-{account}",
        "images.tag=1.4.0",
        *(f"images.digests.{image}={digest}" for image, digest in DIGESTS.items()),
    )
    return load(ROOT, "dev", settings=settings, personal=False).environment


def images(aws: AsAccount, account: str) -> dict[str, Any]:
    ecr = aws("ecr", account_id=account)
    return {
        one["repositoryName"]: {
            image["imageDigest"]: image.get("imageTags", [])
            for image in ecr.describe_images(repositoryName=one["repositoryName"])["imageDetails"]
        }
        for one in ecr.describe_repositories()["repositories"]
    }


def test_locked_images_are_in_the_shared_registry_however_often_it_is_prepared(
    env: Environment, emulator: Emulator, aws: AsAccount
) -> None:
    for _ in range(2):
        prepare(emulator, env)
        assert images(aws, env.ecr_account) == {f"thoth/{name}": {DIGESTS[name]: ["1.4.0"]} for name in IMAGES}


def test_another_lock_brings_its_images_and_moves_no_tag(env: Environment, emulator: Emulator, aws: AsAccount) -> None:
    prepare(emulator, env)
    other = f"sha256:{'f' * 64}"
    later = env.model_copy(update={"images": env.images.model_copy(update={"digests": {"api": other}})})
    prepare(emulator, later)
    assert images(aws, env.ecr_account)["thoth/api"] == {DIGESTS["api"]: ["1.4.0"], other: []}


def test_an_own_registry_is_terraforms_to_make(env: Environment, emulator: Emulator, aws: AsAccount) -> None:
    own = env.model_copy(update={"images": env.images.model_copy(update={"registry": "own"})})
    prepare(emulator, own)
    assert (images(aws, env.accounts.own), images(aws, env.accounts.shared)) == ({}, {})
