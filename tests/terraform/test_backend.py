"""Another environment's state is refused, wherever on disk it is named."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.terraform.conftest import BACKEND_TF, PRODUCTION, STAGING
from thoth_infra.errors import IdentityRefused
from thoth_infra.terraform.backend import check_backend
from thoth_infra.terraform.workspace import Backend, Workspace


def test_the_rendered_backend_is_accepted(workspace: Workspace) -> None:
    check_backend(workspace)


@pytest.mark.parametrize(
    "other",
    [
        PRODUCTION,
        Backend("another-bucket", STAGING.key, STAGING.region),
        Backend(STAGING.bucket, STAGING.key, "us-east-1"),
    ],
)
def test_another_state_is_refused_and_named(workspace: Workspace, other: Backend) -> None:
    (workspace.tree / "00-backend.tf").write_text(BACKEND_TF.format(other))
    with pytest.raises(IdentityRefused, match="is not staging's state") as refused:
        check_backend(workspace)
    assert str(other) in refused.value.message
    assert refused.value.exit_code == 4
    assert "thoth-infra render --env staging" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("backend_override.tf", BACKEND_TF.format(PRODUCTION)),
        ("90-local.tf", 'terraform {\n  backend "local" {}\n}\n'),
        ("90-cloud.tf", 'terraform {\n  cloud {\n    organization = "x"\n  }\n}\n'),
        ("90-partial.tf", 'terraform {\n  backend "s3" {}\n}\n'),
        ("90-oneline.tf", f'terraform {{ backend "s3" {{ key = "{PRODUCTION.key}" }} }}'),
        (
            "90-nested.tf",
            'terraform {\n  backend "s3" {\n    assume_role = {\n'
            f'      bucket = "{STAGING.bucket}"\n      key = "{STAGING.key}"\n'
            f'      region = "{STAGING.region}"\n'
            "    }\n  }\n}\n",
        ),
        ("override.tf.json", '{"terraform": {"backend": {"s3": {"key": "production"}}}}'),
    ],
)
def test_a_second_backend_block_in_the_tree_counts(workspace: Workspace, name: str, text: str) -> None:
    (workspace.tree / name).write_text(text)
    with pytest.raises(IdentityRefused, match=name.replace(".", r"\.")):
        check_backend(workspace)


@pytest.mark.parametrize(
    "text",
    [
        '# backend "s3" { key = "production" }\n',
        '/*\nbackend "local" {}\n*/\n',
        'output "docs" {\n  value = "see https://example.com // backend"\n}\n',
        'locals {\n  backends = { a = 1 }\n  text = "}"\n}\n',
    ],
)
def test_what_only_looks_like_a_backend_does_not_count(workspace: Workspace, text: str) -> None:
    (workspace.tree / "90-notes.tf").write_text(text)
    (workspace.tree / "90-notes.tf.json").write_text('{"locals": {}}')
    check_backend(workspace)


@pytest.mark.parametrize("content", [None, 'terraform {\n  required_version = "1.11.4"\n}\n'])
def test_a_tree_without_a_backend_is_refused(workspace: Workspace, content: str | None) -> None:
    backend = workspace.tree / "00-backend.tf"
    if content is None:
        backend.unlink()
    else:
        backend.write_text(content)
    with pytest.raises(IdentityRefused, match="names no S3 backend"):
        check_backend(workspace)


def initialised(workspace: Workspace, content: object) -> Path:
    workspace.data_dir.mkdir(parents=True)
    record = workspace.data_dir / "terraform.tfstate"
    record.write_text(content if isinstance(content, str) else json.dumps(content))
    return record


def test_a_data_directory_of_this_state_is_accepted(workspace: Workspace) -> None:
    config = asdict(STAGING) | {"use_lockfile": True, "profile": None}
    initialised(workspace, {"version": 3, "backend": {"type": "s3", "config": config}})
    (workspace.data_dir / "environment").write_text("default")
    check_backend(workspace)


@pytest.mark.parametrize(
    "content",
    [
        {"backend": {"type": "s3", "config": asdict(PRODUCTION)}},
        {"backend": {"type": "local", "config": asdict(STAGING)}},
        {"version": 3},
        "not JSON",
    ],
)
def test_a_data_directory_of_another_state_is_refused(workspace: Workspace, content: object) -> None:
    initialised(workspace, content)
    with pytest.raises(IdentityRefused, match="was initialised for") as refused:
        check_backend(workspace)
    assert "thoth-infra clean --env staging" in (refused.value.hint or "")


def test_a_selected_terraform_workspace_is_another_state(workspace: Workspace) -> None:
    workspace.data_dir.mkdir(parents=True)
    (workspace.data_dir / "environment").write_text("experiment")
    with pytest.raises(IdentityRefused, match="'experiment' is selected"):
        check_backend(workspace)
