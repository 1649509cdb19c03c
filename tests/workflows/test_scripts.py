"""The scripts that the workflows run: which environments changed, the one comment, the one issue, the findings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.emulator.conftest import AsAccount, account, aws, emulator, other_account
from tests.render.support import copy_project
from tests.workflows.github import BOT, LIMIT, GitHub, serving
from tests.workflows.model import PROJECT
from thoth_infra.config.images_lock import content
from thoth_infra.contract.services import IMAGES
from thoth_infra.emulator.access import Emulator
from thoth_infra.emulator.patches.ecr_scan import CRITICAL

__all__ = ["account", "aws", "emulator", "other_account"]

ENVIRONMENTS = json.dumps(
    [{"environment": name, "role": f"role-of-{name}"} for name in ("dev", "staging", "production")]
)


def _variables(emulator: Emulator, account: str) -> dict[str, str]:
    found = emulator.variables(account_id=account, region="us-east-1", role="thoth-staging-github-watch")
    return {name: value for name, value in found.items() if value}


def run(
    script: str, *arguments: str, cwd: Path = PROJECT, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROJECT / "scripts" / script), *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "THOTH_", "AWS_"))}
    env = {**clean, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **(variables or {})}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def done(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving() as found:
        yield found


# which environments changed


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout whose last commit is to be looked at."""
    _git(tmp_path, "init", "-q")
    for name in ("dev", "staging", "production", "shared"):
        (tmp_path / "terraform" / name / "modules").mkdir(parents=True)
        (tmp_path / "terraform" / name / "main.tf").write_text(f"# {name}\n" * 9)
    (tmp_path / "README.md").write_text("hello\n")
    _commit(tmp_path)
    return tmp_path


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *arguments], cwd=folder, check=True)


def _commit(folder: Path) -> None:
    _git(folder, "add", "-A")
    _git(folder, "commit", "-qm", "x")


def _changed(folder: Path) -> list[str]:
    out = done(run("changed_environments.py", "--since", "HEAD^1", "--of", ENVIRONMENTS, cwd=folder))
    rows = json.loads(out)
    assert all(row["role"] == f"role-of-{row['environment']}" for row in rows)
    return [row["environment"] for row in rows]


def test_only_environments_whose_tree_changed_are_planned(repository: Path) -> None:
    (repository / "terraform/staging/modules/new é.tf").write_text("# new\n")
    (repository / "README.md").write_text("changed\n")
    (repository / "terraform/notes.txt").write_text("of no environment\n")
    (repository / "terraform/shared/main.tf").write_text("# planned by an operator\n")
    _commit(repository)
    assert _changed(repository) == ["staging"]


def test_a_removed_or_moved_file_is_a_change_of_both(repository: Path) -> None:
    (repository / "terraform/dev/main.tf").rename(repository / "terraform/production/other.tf")
    _commit(repository)
    assert _changed(repository) == ["dev", "production"]


def test_without_a_change_nothing_is_planned(repository: Path) -> None:
    (repository / "README.md").write_text("changed\n")
    _commit(repository)
    assert _changed(repository) == []


# the comment


def _comment(github: GitHub, plans: Path, commit: str = "0123456789abcdef", of: str = ENVIRONMENTS) -> str:
    return done(
        run("plan_comment.py", "--number", "7", "--commit", commit, "--of", of, "--plans", str(plans),
            variables=github.variables)
    )  # fmt: skip


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    for name in ("dev", "staging"):
        (tmp_path / f"{name}.md").write_text(f"### Plan for `{name}`: 1 to add\n")
    return tmp_path


def test_there_is_one_comment_and_it_is_written_anew(github: GitHub, plans: Path) -> None:
    github.add("comment", 7, "<!-- thoth-infra: plans -->\nforged", by="somebody")
    github.add("comment", 7, "looks good", by=BOT)
    for number in range(150):
        github.add("comment", 7, f"talk {number}", by="somebody")
    first = _comment(github, plans)
    (plans / "production.md").write_text("### Plan for `production`: 2 to change\n")
    second = _comment(github, plans, "fedcba9876543210")

    assert first == second
    comments = github.of("comment", 7)
    assert len(comments) == 153
    written = comments[-1]["body"]
    assert "Plans for fedcba987654" in written
    assert "2 to change" in written
    assert comments[0]["body"].endswith("forged")


def test_a_plan_that_failed_is_told_and_no_old_one_stays(github: GitHub, plans: Path) -> None:
    _comment(github, plans)
    (plans / "staging.md").write_text("")
    _comment(github, plans)
    (comment,) = github.of("comment", 7)
    assert comment["body"].count("It could not be made") == 2  # staging's is empty, production's is not there
    assert "Plan for `dev`: 1 to add" in comment["body"]


def test_without_any_environment_the_comment_says_so(github: GitHub, tmp_path: Path) -> None:
    _comment(github, tmp_path, of="[]")
    (comment,) = github.of("comment", 7)
    assert "No environment's tree changes" in comment["body"]


def test_huge_plans_fit_each_with_its_share(github: GitHub, plans: Path) -> None:
    for name in ("dev", "staging", "production"):
        (plans / f"{name}.md").write_text(f"### Plan for `{name}`\n" + "| create | `aws_x` | ü |\n" * 9000)
    _comment(github, plans)
    (comment,) = github.of("comment", 7)
    assert len(comment["body"]) <= LIMIT
    assert comment["body"].count("cut here") == 3


def test_a_small_plan_is_whole_beside_a_huge_one_and_folds_are_closed(github: GitHub, plans: Path) -> None:
    small = "### Plan for `dev`\n" + "- delete `aws_x`\n" * 1000 + "- the last one"
    huge = (
        "### Plan for `staging`\n\n- the worst one\n\n<details><summary>more</summary>\n\n"
        + "- update `aws_y`\n" * 9000
    )
    (plans / "dev.md").write_text(small)
    (plans / "staging.md").write_text(huge + "\n</details>\n")
    _comment(github, plans)
    (comment,) = github.of("comment", 7)
    body = comment["body"]
    assert 60_000 < len(body) <= LIMIT
    assert "- the last one" in body
    assert "- the worst one" in body
    assert body.count("<details>") == body.count("</details>") == 1
    shown = body.count("- update `aws_y`")
    assert f"cut here: {9000 - shown} more entries are not shown" in body


# the issue


def _issue(github: GitHub, code: int, found: Path, environment: str = "staging") -> str:
    return done(
        run("drift_issue.py", "--environment", environment, "--code", str(code), "--found", str(found),
            variables=github.variables)
    )  # fmt: skip


def test_drift_opens_one_issue_and_its_end_closes_it(github: GitHub, tmp_path: Path) -> None:
    found = tmp_path / "drift.txt"
    found.write_text("update aws_sqs_queue.this\n")
    github.add("issue", 3, "something else", by="somebody", title="Drift in staging")
    _issue(github, 2, found)
    found.write_text("update aws_sqs_queue.this\ndelete aws_lb.this\n")
    _issue(github, 2, found)
    _issue(github, 2, found, "production")
    opened = [one for one in github.of("issue") if one["user"]["login"] == BOT]
    assert [one["title"] for one in opened] == ["Drift in staging", "Drift in production"]
    assert "delete aws_lb.this" in opened[0]["body"]

    assert _issue(github, 0, found).strip() == opened[0]["html_url"]
    assert [one["state"] for one in opened] == ["closed", "open"]
    assert [one["body"] for one in github.of("comment", opened[0]["number"])] == ["The drift is gone."]
    assert _issue(github, 0, found).strip() == "no drift"
    assert github.of("issue", 3)[0]["state"] == "open"


def test_any_other_exit_code_is_refused(github: GitHub, tmp_path: Path) -> None:
    ended = run("drift_issue.py", "--environment", "staging", "--code", "1", "--found", "x", variables=github.variables)
    assert ended.returncode == 2
    assert github.requests == []


def test_a_refusal_of_github_fails_the_job(github: GitHub, plans: Path) -> None:
    variables = {**github.variables, "GITHUB_TOKEN": "of another repository"}
    ended = run(
        "plan_comment.py", "--number", "7", "--commit", "x", "--of", "[]", "--plans", str(plans), variables=variables
    )
    assert ended.returncode == 1
    assert "401" in ended.stderr


# findings


@pytest.fixture
def project(tmp_path: Path, account: str) -> Path:
    """The project, whose staging has its images in the emulated account itself."""
    project = copy_project(tmp_path / "project")
    staging = project / "environments/staging.yaml"
    staging.write_text(
        staging.read_text() + f'\naccounts:\n  own: "{account}"\nimages:\n  registry: own\n'
    )  # fmt: skip
    return project


def _push(ecr: object, names: Sequence[str], tag: str) -> dict[str, str]:
    found = {}
    for name in names:
        manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                               "config": {"digest": "sha256:0", "size": 1, "mediaType": "x"}, "layers": [],
                               "annotations": {"tag": tag, "name": name, CRITICAL: "1"}})  # fmt: skip
        answer = ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag=tag)  # type: ignore[attr-defined]
        found[name] = answer["image"]["imageId"]["imageDigest"]
    return found


@pytest.mark.slow
def test_grave_findings_fail_the_scan_and_each_image_is_told(
    project: Path, aws: AsAccount, account: str, emulator: Emulator
) -> None:
    ecr = aws("ecr")
    repositories = [f"thoth/staging/{image}" for image in IMAGES]
    for name in repositories:
        ecr.create_repository(repositoryName=name)
    old, new = _push(ecr, repositories, "1"), _push(ecr, repositories, "2")
    lock = content("1", {image: old[f"thoth/staging/{image}"] for image in IMAGES})
    (project / "environments/staging.images.lock").write_text(lock)
    variables = _variables(emulator, account)

    ended = run("image_findings.py", "--env", "staging", cwd=project, variables=variables)
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout.count("not scanned") == 2 * len(IMAGES)

    for name in repositories:
        for digest in (old[name], new[name]):
            ecr.start_image_scan(repositoryName=name, imageId={"imageDigest": digest})
    ended = run("image_findings.py", "--env", "staging", cwd=project, variables=variables)
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout.count("1 CRITICAL") == 2 * len(IMAGES)
    for image in IMAGES:
        assert f"thoth/staging/{image} {old[f'thoth/staging/{image}'][:19]} (locked)" in ended.stdout
        assert f"thoth/staging/{image} {new[f'thoth/staging/{image}'][:19]} (pushed last)" in ended.stdout


def test_an_empty_registry_has_no_findings(project: Path, aws: AsAccount, account: str, emulator: Emulator) -> None:
    (project / "environments/staging.images.lock").unlink()
    for image in IMAGES:
        aws("ecr").create_repository(repositoryName=f"thoth/staging/{image}")
    variables = _variables(emulator, account)
    assert done(run("image_findings.py", "--env", "staging", cwd=project, variables=variables)) == ""


def test_a_locked_image_that_is_gone_is_grave(project: Path, aws: AsAccount, account: str, emulator: Emulator) -> None:
    for image in IMAGES:
        aws("ecr").create_repository(repositoryName=f"thoth/staging/{image}")
    ended = run("image_findings.py", "--env", "staging", cwd=project, variables=_variables(emulator, account))
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout.count("(locked): not in the registry") == len(IMAGES)
