"""The lock of the images: a layer of its own, which says nothing else, and gives way to a tag from above."""

from __future__ import annotations

from pathlib import Path

import pytest

from thoth_infra.config import images_lock
from thoth_infra.config.explain import explain
from thoth_infra.config.load import load, lock_file
from thoth_infra.errors import ConfigInvalid

DIGESTS = {"api": f"sha256:{'a' * 64}", "transcription": f"sha256:{'b' * 64}"}


def write(root: Path, text: str) -> Path:
    file = lock_file(root, "staging")
    file.write_text(text)
    return file


@pytest.mark.parametrize("tag", ["1.4.0", "0123456789ab", "123456789012", "1e10", "79b2567ed9ba-dirty"])
def test_what_is_written_is_read_again(root: Path, tag: str) -> None:
    file = write(root, images_lock.content(tag, DIGESTS))
    env = load(root, "staging", variables={}).environment
    assert (env.images.tag, env.images.digests) == (tag, DIGESTS)
    assert images_lock.recorded(file) == DIGESTS
    assert env.image("music-terms", "music-terms").endswith(f"/thoth/music-terms:{tag}")


def test_without_a_lock_nothing_is_recorded(root: Path) -> None:
    lock_file(root, "staging").unlink()
    assert images_lock.recorded(lock_file(root, "staging")) == {}
    assert load(root, "staging", variables={}).environment.images.digests == {}


def test_a_digest_is_explained_by_its_line(root: Path) -> None:
    text = images_lock.content("1.4.0", DIGESTS)
    write(root, text)
    line = next(n for n, line in enumerate(text.splitlines(), 1) if "transcription" in line)
    (found,) = explain(load(root, "staging", variables={}), "images.digests.transcription")
    assert found.effective.value == DIGESTS["transcription"]
    assert found.effective.place == f"environments/staging.images.lock:{line}"


@pytest.mark.parametrize(
    ("text", "key", "wrong"),
    [
        ("images: { tag: x }\nregion: eu-west-1\n", "region", "a lock has nothing but images"),
        ("images: { digests: { api: latest } }\n", "images.digests.api", "'latest' is not an image's digest"),
        ("images: { digests: { apy: latest } }\n", "images.digests.apy", ""),
        ("images: { tag: a b }\n", "images.tag", "'a b' is not an image tag"),
        ("images: [\n", "(file)", ""),
    ],
)
def test_a_lock_that_was_damaged_is_refused_at_its_line(root: Path, text: str, key: str, wrong: str) -> None:
    write(root, text)
    with pytest.raises(ConfigInvalid) as error:
        load(root, "staging", variables={})
    assert {(str(p.file), p.key) for p in error.value.problems} >= {("environments/staging.images.lock", key)}
    assert wrong in str(error.value)


def test_another_tag_from_above_takes_the_place_of_the_digests(root: Path) -> None:
    write(root, images_lock.content("1.4.0", DIGESTS))
    same = load(root, "staging", variables={"THOTH_IMAGES__TAG": "1.4.0"}).environment
    assert same.images.digests == DIGESTS
    other = load(root, "staging", variables={}, settings=["images.tag=1.5.0"])
    assert other.environment.image("api", "api").endswith("/thoth/api:1.5.0")
    (found,) = explain(other, "images.digests")
    assert found.effective.value == {}
    mine = f"sha256:{'c' * 64}"
    both = load(root, "staging", variables={}, settings=["images.tag=1.5.0", f"images.digests.api={mine}"]).environment
    assert both.images.digests == {"api": mine}


def test_a_digest_from_above_is_taken(root: Path) -> None:
    write(root, images_lock.content("1.4.0", DIGESTS))
    mine = f"sha256:{'c' * 64}"
    env = load(root, "staging", variables={}, settings=[f"images.digests.api={mine}"]).environment
    assert env.images.digests == {**DIGESTS, "api": mine}
