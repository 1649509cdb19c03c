"""The shared account's side: loaded from its own file and the common defaults, wrong values refused in place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from thoth_infra.config import shared
from thoth_infra.errors import ConfigInvalid

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "environments", tmp_path / "environments")
    return tmp_path


def test_it_runs_in_the_shared_account_with_its_own_state(project: Path) -> None:
    found = shared.load(project)
    assert found.account_id == "542876199144"
    assert found.state.bucket.endswith(found.account_id)
    assert found.all_tags["Environment"] == "shared"
    assert found.protection.deletion_protection


def test_a_project_without_it_has_none(project: Path) -> None:
    (project / "environments" / "_shared.yaml").unlink()
    assert not shared.exists(project)


@pytest.mark.parametrize(
    ("before", "after", "key", "words"),
    [
        ("zone: tfs.services", "zone: tfs services", "zone", "is not a domain name"),
        ("zone: tfs.services", "zones: tfs.services", "zone", "is missing"),
        ("image_releases: 30", "image_releases: 1", "image_releases", "use at least 2"),
        ("[tfs-lesson-videos]", "[Lessons]", "lesson_buckets.0", "is not an S3 bucket name"),
        ("key: shared/terraform.tfstate", "key: shared", "state.key", "is not a state key"),
        (
            'role_patterns: ["tfs-shared-services*"',
            'roles: ["tfs-shared-services*"',
            "identity.role_patterns",
            "is missing",
        ),
        ("name: shared", "name: other", "name", "is not a choice"),
    ],
)
def test_a_wrong_value_is_refused_at_its_line(project: Path, before: str, after: str, key: str, words: str) -> None:
    file = project / "environments" / "_shared.yaml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))
    with pytest.raises(ConfigInvalid) as caught:
        shared.load(project)
    problems = {problem.key: problem for problem in caught.value.problems}
    assert key in problems, problems
    problem = problems[key]
    assert problem.file == Path("environments/_shared.yaml")
    assert words in f"{problem.wrong}; {problem.right}"
    if "is missing" not in words:
        line = next(n for n, row in enumerate(file.read_text().splitlines(), 1) if after.split(":")[0] in row)
        assert problem.line == line
