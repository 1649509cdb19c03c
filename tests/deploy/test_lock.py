"""A deployment of a tag, and the lock that does not know of it."""

from __future__ import annotations

import pytest

from tests.deploy.conftest import NAME, Estate
from thoth_infra.config.images_lock import recorded


@pytest.mark.slow
def test_a_tag_that_the_lock_does_not_have_is_deployed_and_how_to_record_it_is_told(estate: Estate) -> None:
    estate.lock("1")
    ran = estate.deploy("--tag", "2")
    assert ran.code == 0, ran.err
    how = f"images lock --env {NAME} --tag 2"
    assert how in ran.err

    assert estate.run(*how.split()).code == 0

    locked = recorded(estate.root / "environments" / f"{NAME}.images.lock")
    assert locked == {image: digest for (image, tag), digest in estate.digests.items() if tag == "2"}
    again = estate.deploy("--tag", "2")
    assert (again.code, "images lock" in again.err) == (0, False)
