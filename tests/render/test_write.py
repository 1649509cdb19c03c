"""Bringing a folder to a rendered tree: what is replaced, removed, left alone, refused."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.render.support import snapshot
from thoth_infra import files
from thoth_infra.errors import ThothError
from thoth_infra.render.tree import MARK, Tree
from thoth_infra.render.write import compare, diff, write

OURS = f"{MARK}templates/x.tf.j2. Do not edit.\n\n"
TREE: Tree = {
    "10-first.tf": OURS + "first = 1\n",
    "20-second.tf": OURS + 'second = "é🎸"\n',
    "modules/pool/main.tf": OURS + "pool = 1\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose staging holds ``TREE``."""
    write(tmp_path, "staging", TREE)
    return tmp_path


def test_a_first_write_adds_every_file_readable_by_all(tmp_path: Path) -> None:
    changes = write(tmp_path, "staging", TREE)
    assert changes.added == tuple(f"terraform/staging/{name}" for name in TREE)
    assert not changes.changed + changes.removed + changes.foreign
    folder = tmp_path / "terraform" / "staging"
    assert snapshot(folder) == {name: text.encode() for name, text in TREE.items()}
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*.tf")} == {0o644}


def test_a_second_write_touches_nothing(root: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    assert not write(root, "staging", TREE).any
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == before


def test_only_what_differs_is_written(root: Path) -> None:
    untouched = root / "terraform/staging/20-second.tf"
    inode = untouched.stat().st_ino
    changes = write(root, "staging", {**TREE, "10-first.tf": OURS + "first = 2\n"})
    assert (changes.changed, changes.added, changes.removed) == (("terraform/staging/10-first.tf",), (), ())
    assert (root / "terraform/staging/10-first.tf").read_text() == OURS + "first = 2\n"
    assert untouched.stat().st_ino == inode


def test_other_line_endings_are_a_difference(root: Path) -> None:
    path = root / "terraform/staging/10-first.tf"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert compare(root, "staging", TREE).changed == ("terraform/staging/10-first.tf",)


def test_stale_generated_files_go_with_their_empty_folders(root: Path) -> None:
    stale = root / "terraform/staging/modules/old/sub/gone.tf"
    stale.parent.mkdir(parents=True)
    stale.write_text(OURS)
    changes = write(root, "staging", TREE)
    assert changes.removed == ("terraform/staging/modules/old/sub/gone.tf",)
    assert not (root / "terraform/staging/modules/old").exists()
    assert (root / "terraform/staging/modules/pool/main.tf").exists()


@pytest.mark.parametrize("content", [b"hand = written\n", b"", b"\xff\xfe binary", b"# from templates\n"])
def test_files_of_other_origin_are_left_alone_and_reported(root: Path, content: bytes) -> None:
    foreign = root / "terraform/staging/override.tf"
    foreign.write_bytes(content)
    changes = write(root, "staging", TREE)
    assert changes.foreign == ("terraform/staging/override.tf",)
    assert not changes.any
    assert foreign.read_bytes() == content


def test_what_terraform_keeps_in_the_folder_is_its_own(root: Path) -> None:
    folder = root / "terraform/staging"
    (folder / ".terraform.lock.hcl").write_text("# locked\n")
    (folder / ".terraform/providers").mkdir(parents=True)
    (folder / ".terraform/providers/x.tf").write_text(OURS)
    assert compare(root, "staging", TREE).foreign == ()
    assert not write(root, "staging", TREE).any
    assert (folder / ".terraform/providers/x.tf").exists()


def test_another_environment_is_not_touched(root: Path) -> None:
    write(root, "production", TREE)
    before = snapshot(root / "terraform/production")
    write(root, "staging", {"10-first.tf": OURS})
    assert snapshot(root / "terraform/production") == before
    assert list(snapshot(root / "terraform/staging")) == ["10-first.tf"]


def test_a_full_disk_leaves_the_old_tree(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot(root)
    calls = []

    def full(path: Path, data: str | bytes, mode: int = 0o644) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        files.write_atomic(path, data, mode)

    monkeypatch.setattr("thoth_infra.render.write.write_atomic", full)
    with pytest.raises(ThothError, match=r"terraform/staging could not be brought up to date: .*No space left"):
        write(root, "staging", {name: text + "# new\n" for name, text in TREE.items()})
    assert len(calls) == 2
    assert snapshot(root) == before


def test_a_folder_in_the_place_of_a_file_is_refused_before_anything_changes(root: Path) -> None:
    taken = root / "terraform/staging/30-third.tf"
    taken.mkdir()
    before = snapshot(root)
    tree = {**{name: text + "# new\n" for name, text in TREE.items()}, "30-third.tf": OURS}
    with pytest.raises(ThothError, match=r"terraform/staging/30-third.tf is a folder") as caught:
        write(root, "staging", tree)
    assert caught.value.hint == "move the folder away"
    assert snapshot(root) == before


@pytest.mark.parametrize("place", ["terraform", "terraform/staging", "terraform/staging/modules"])
def test_a_file_in_the_place_of_a_folder_is_refused(root: Path, place: str) -> None:
    shutil.rmtree(root / place)
    (root / place).write_text("in the way\n")
    with pytest.raises(ThothError, match=f"{place} is a file, but a folder"):
        write(root, "staging", TREE)
    assert (root / place).read_text() == "in the way\n"


@pytest.mark.parametrize("place", ["terraform/staging", "terraform/staging/modules"])
def test_a_link_in_the_place_of_a_folder_is_not_written_through(root: Path, place: str) -> None:
    write(root, "production", TREE)
    shutil.rmtree(root / place)
    elsewhere = root / place.replace("staging", "production")
    (root / place).symlink_to(elsewhere)
    before = snapshot(elsewhere)
    with pytest.raises(ThothError, match=f"{place} is a link"):
        write(root, "staging", {name: text + "# new\n" for name, text in TREE.items()})
    assert snapshot(elsewhere) == before


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_in_the_place_of_a_file_is_replaced_not_followed(root: Path, exists: bool) -> None:
    path, elsewhere = root / "terraform/staging/10-first.tf", root / "precious"
    if exists:
        elsewhere.write_text(TREE["10-first.tf"])
    path.unlink()
    path.symlink_to(elsewhere)
    assert write(root, "staging", TREE).changed == ("terraform/staging/10-first.tf",)
    assert not path.is_symlink()
    assert path.read_text() == TREE["10-first.tf"]
    assert elsewhere.exists() == exists


def test_nothing_temporary_is_left_behind(root: Path) -> None:
    write(root, "staging", {name: text + "# new\n" for name, text in TREE.items()})
    assert [path.name for path in (root / "terraform").iterdir()] == ["staging"]


def _new_tree() -> Tree:
    return {
        "10-first.tf": TREE["10-first.tf"].replace("first = 1", "first = 1 # \u2028 one line"),
        "20-second.tf": TREE["20-second.tf"] + "\n\nthird = 3\n",
        "modules/new/main.tf": OURS + "no end of line",
    }


def test_the_diff_applies(root: Path) -> None:
    old = root / "terraform/staging/20-second.tf"
    old.write_text(old.read_text().removesuffix("\n"))
    text = diff(root, "staging", _new_tree())
    assert "+first = 1 # \u2028 one line" in text.split("\n")
    git = shutil.which("git")
    assert git, "git is what the project is cloned with"
    done = subprocess.run(
        [git, "apply", "--whitespace=nowarn", "-"],
        cwd=root,
        input=text.encode(),
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(root.parent)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert snapshot(root / "terraform/staging") == {name: text.encode() for name, text in _new_tree().items()}
    assert diff(root, "staging", _new_tree()) == ""


def test_the_diff_writes_nothing(root: Path) -> None:
    before = snapshot(root)
    assert diff(root, "staging", _new_tree())
    assert snapshot(root) == before
