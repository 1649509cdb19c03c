"""The CLI configuration of a run: the mirror's provider, and nothing of the user's lost."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.terraform.test_mirror import TARGET, unpacked
from thoth_infra.terraform.cli_config import Providers, compose, prepare, user_config
from thoth_infra.terraform.mirror import Mirror
from thoth_infra.terraform.workspace import Workspace


@pytest.fixture
def mirror(tmp_path: Path, variables: dict[str, str]) -> Path:
    root = tmp_path / "mirror"
    unpacked(root)
    variables["THOTH_PROVIDER_MIRROR"] = str(root)
    return root


def written(providers: Providers) -> str:
    assert providers.config is not None
    return providers.config.read_text()


def test_the_mirror_serves_what_it_holds_and_the_registry_the_rest(
    workspace: Workspace, variables: dict[str, str], mirror: Path
) -> None:
    providers = prepare(workspace, variables, TARGET)
    assert written(providers) == (
        "provider_installation {\n"
        "  filesystem_mirror {\n"
        f'    path    = "{mirror}"\n'
        '    include = ["registry.terraform.io/hashicorp/aws"]\n'
        "  }\n"
        "  direct {\n"
        '    exclude = ["registry.terraform.io/hashicorp/aws"]\n'
        "  }\n"
        "}\n"
    )
    assert providers.config == workspace.scratch / "terraform.rc"
    assert providers.config.stat().st_mode & 0o777 == 0o600
    assert providers.variables == {"TF_CLI_CONFIG_FILE": str(providers.config)}
    assert providers.readable == (mirror,)


def test_a_variable_that_names_no_file_counts_as_unset(
    workspace: Workspace, variables: dict[str, str], mirror: Path, tmp_path: Path
) -> None:
    variables["TF_CLI_CONFIG_FILE"] = str(tmp_path / "missing")
    assert "filesystem_mirror" in written(prepare(workspace, variables, TARGET))
    assert user_config(variables).path is None


@pytest.mark.parametrize("place", ["variable", "home"])
def test_the_users_credentials_stay(
    workspace: Workspace, variables: dict[str, str], mirror: Path, tmp_path: Path, place: str
) -> None:
    home = Path(variables["HOME"])
    rc = home / ".terraformrc" if place == "home" else tmp_path / "user.tfrc"
    rc.write_text('# provider_installation comes later\ncredentials "git.example.com" {\n  token = "t"\n}\n')
    if place == "variable":
        variables["TF_CLI_CONFIG_FILE"] = str(rc)
    text = written(prepare(workspace, variables, TARGET))
    assert text.startswith(rc.read_text())
    assert text.count("\nprovider_installation {") == 1


def test_what_terraform_login_stored_stays(workspace: Workspace, variables: dict[str, str], mirror: Path) -> None:
    stored = Path(variables["HOME"]) / ".terraform.d" / "credentials.tfrc.json"
    stored.parent.mkdir()
    stored.write_text(json.dumps({"credentials": {"app.example.com": {"token": 'a"b\\c'}}}))
    text = written(prepare(workspace, variables, TARGET))
    assert 'credentials "app.example.com" {\n  token = "a\\"b\\\\c"\n}\n' in text


@pytest.mark.parametrize("content", ["not JSON", "[]", '{"credentials": {"host": "no token"}}'])
def test_credentials_that_are_not_terraforms_are_left_alone(
    workspace: Workspace, variables: dict[str, str], mirror: Path, content: str
) -> None:
    stored = Path(variables["HOME"]) / ".terraform.d" / "credentials.tfrc.json"
    stored.parent.mkdir()
    stored.write_text(content)
    assert written(prepare(workspace, variables, TARGET)).startswith("provider_installation")


@pytest.mark.parametrize(
    "text",
    [
        'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n',
        '{"provider_installation": [{"filesystem_mirror": [{"path": "%s"}]}]}',
    ],
)
def test_a_user_who_says_where_providers_come_from_is_obeyed(
    workspace: Workspace, variables: dict[str, str], mirror: Path, tmp_path: Path, text: str
) -> None:
    rc = tmp_path / "user.tfrc"
    rc.write_text(text % mirror)
    variables["TF_CLI_CONFIG_FILE"] = str(rc)
    providers = prepare(workspace, variables, TARGET)
    assert providers.config == rc
    assert providers.mirror is None
    assert providers.readable == (rc, mirror)
    assert providers.remark == f"THOTH_PROVIDER_MIRROR is not used: {rc} already says where providers come from"


def test_without_a_mirror_the_user_s_file_is_all_there_is(
    workspace: Workspace, variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thoth_infra.terraform.cli_config.find", lambda *_: None)
    assert prepare(workspace, variables, TARGET) == Providers()
    rc = Path(variables["HOME"]) / ".terraformrc"
    rc.write_text("disable_checkpoint = true\n")
    assert prepare(workspace, variables, TARGET) == Providers(config=rc, readable=(rc,))


def test_a_plugin_cache_is_made_and_used(
    workspace: Workspace, variables: dict[str, str], mirror: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache" / "plugins"
    variables["TF_PLUGIN_CACHE_DIR"] = str(cache)
    providers = prepare(workspace, variables, TARGET)
    assert cache.is_dir()
    assert providers.variables["TF_PLUGIN_CACHE_DIR"] == str(cache)


def test_a_plugin_cache_of_the_user_s_file_is_used(
    workspace: Workspace,
    variables: dict[str, str],
    mirror: Path,
    tmp_path: Path,
) -> None:
    variables["CACHES"] = str(tmp_path)
    (Path(variables["HOME"]) / ".terraformrc").write_text('plugin_cache_dir = "$CACHES/plugins"\n')
    assert prepare(workspace, variables, TARGET).cache == tmp_path / "plugins"


def test_a_cache_that_serves_as_the_mirror_is_no_cache_too(
    workspace: Workspace, variables: dict[str, str], tmp_path: Path
) -> None:
    """Terraform can't install a folder into itself."""
    unpacked(tmp_path / "cache")
    variables["TF_PLUGIN_CACHE_DIR"] = str(tmp_path / "cache")
    providers = prepare(workspace, variables, TARGET)
    assert providers.mirror is not None
    assert providers.mirror.root == tmp_path / "cache"
    assert "TF_PLUGIN_CACHE_DIR" not in providers.variables


@pytest.mark.terraform
@pytest.mark.parametrize("name", ["plain", 'a "quoted" name', "back\\slash", "${path.root} %{x}", "Stück ✓"])
def test_terraform_finds_a_mirror_by_any_name(
    real_terraform: Path, workspace: Workspace, variables: dict[str, str], tmp_path: Path, name: str
) -> None:
    """The error names the version that the mirror offers: it was read, whatever its name."""
    root = tmp_path / name
    package = unpacked(root)
    rc = tmp_path / "rc"
    rc.write_text(compose(Mirror(root, package)))
    (workspace.tree / "00-backend.tf").write_text(
        'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws", version = "5.99.0" }\n  }\n}\n'
    )
    done = subprocess.run(
        [real_terraform, "init", "-no-color"],
        cwd=workspace.tree,
        env=variables | {"TF_CLI_CONFIG_FILE": str(rc), "CHECKPOINT_DISABLE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    said = " ".join(done.stderr.replace("│", " ").split())
    assert "no available releases match the given constraints 5.99.0" in said
