"""What the configuration said before a change, out of Git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from thoth_infra.cli.earlier import earlier

ROOT = Path(__file__).resolve().parents[2]


def git(root: Path, *arguments: str) -> None:
    own = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *own, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    root = tmp_path / "repository" / "infra"  # not the repository's own root
    shutil.copytree(ROOT / "environments", root / "environments")
    git(root.parent, "init", "--initial-branch=main")
    git(root, "add", ".")
    git(root, "commit", "--message", "first")
    return root


def edit(root: Path, old: str, new: str) -> None:
    file = root / "environments" / "staging.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def backup_days(root: Path) -> int | None:
    found = earlier(root, "staging")
    return None if found is None else found.database.backup_days  # type: ignore[union-attr]


def test_an_edit_starts_from_the_last_commit(project: Path) -> None:
    edit(project, "backup_days: 7", "backup_days: 3")
    assert backup_days(project) == 7


def test_a_commit_starts_from_the_one_before(project: Path) -> None:
    edit(project, "backup_days: 7", "backup_days: 3")
    git(project, "commit", "--all", "--message", "second")
    assert backup_days(project) == 7


def test_a_pull_request_starts_from_its_base(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(project, "update-ref", "refs/remotes/origin/main", "HEAD")
    for days in (5, 4, 3):
        edit(project, f"backup_days: {7 if days == 5 else days + 1}", f"backup_days: {days}")
        git(project, "commit", "--all", "--message", str(days))
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    assert backup_days(project) == 7


def test_without_a_difference_there_is_none(project: Path) -> None:
    assert earlier(project, "staging") is None


def test_without_git_or_with_another_history_there_is_none(project: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(project / "environments", alone / "environments")
    assert earlier(alone, "staging") is None
    shutil.copy(project / "environments/staging.yaml", project / "environments/new.yaml")
    assert earlier(project, "new") is None
