"""A provider on disk is found where machines keep it, and only where Terraform could use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from thoth_infra.errors import EngineError
from thoth_infra.terraform.mirror import candidates, find, host_platform, look_in, search

TARGET = "linux_amd64"
AWS = Path("registry.terraform.io/hashicorp/aws")


def unpacked(root: Path, version: str = "5.100.0", target: str = TARGET) -> Path:
    package = root / AWS / version / target
    package.mkdir(parents=True)
    (package / f"terraform-provider-aws_v{version}_x5").touch()
    return package


def packed(root: Path) -> Path:
    package = root / AWS / f"terraform-provider-aws_5.100.0_{TARGET}.zip"
    package.parent.mkdir(parents=True)
    package.touch()
    return package


@pytest.mark.parametrize("layout", [packed, unpacked])
def test_both_layouts_are_found(tmp_path: Path, layout: object) -> None:
    assert callable(layout)
    package = layout(tmp_path)
    found = look_in(tmp_path, TARGET)
    assert found is not None
    assert (found.root, found.package, found.folders) == (tmp_path, package, (tmp_path,))


@pytest.mark.parametrize(("version", "target"), [("5.99.1", TARGET), ("5.100.0", "darwin_arm64")])
def test_another_version_or_platform_is_not_the_provider(tmp_path: Path, version: str, target: str) -> None:
    unpacked(tmp_path, version, target)
    assert look_in(tmp_path, TARGET) is None


def test_an_empty_package_folder_is_not_the_provider(tmp_path: Path) -> None:
    (tmp_path / AWS / "5.100.0" / TARGET).mkdir(parents=True)
    assert look_in(tmp_path, TARGET) is None


def test_a_linked_package_is_found_with_where_it_leads(tmp_path: Path) -> None:
    package = unpacked(tmp_path / "store")
    link = tmp_path / "linked" / AWS / "5.100.0" / TARGET
    link.parent.mkdir(parents=True)
    link.symlink_to(package)
    found = look_in(tmp_path / "linked", TARGET)
    assert found is not None
    assert found.folders == (tmp_path / "linked", package)


@pytest.mark.parametrize("depth", range(1, 5))
def test_a_link_above_the_package_is_not_followed(tmp_path: Path, depth: int) -> None:
    """Terraform walks the mirror without following links there."""
    package = unpacked(tmp_path / "store")
    parts = package.relative_to(tmp_path / "store").parts
    link = (tmp_path / "linked").joinpath(*parts[:depth])
    link.parent.mkdir(parents=True)
    link.symlink_to((tmp_path / "store").joinpath(*parts[:depth]))
    assert look_in(tmp_path / "linked", TARGET) is None


def test_the_first_root_that_holds_it_wins(tmp_path: Path) -> None:
    for name in ("second", "third"):
        unpacked(tmp_path / name)
    found = search((tmp_path / name for name in ("first", "second", "third")), TARGET)
    assert found is not None
    assert found.root == tmp_path / "second"


def test_the_named_mirror_comes_before_all(tmp_path: Path) -> None:
    unpacked(tmp_path / "named")
    unpacked(tmp_path / "other")
    variables = {"THOTH_PROVIDER_MIRROR": str(tmp_path / "named")}
    found = find(variables, tmp_path, TARGET, roots=[tmp_path / "other"])
    assert found is not None
    assert found.root == tmp_path / "named"


def test_a_named_mirror_without_the_provider_is_an_error(tmp_path: Path) -> None:
    unpacked(tmp_path / "other")
    variables = {"THOTH_PROVIDER_MIRROR": str(tmp_path / "empty")}
    with pytest.raises(EngineError, match=r"does not hold .*hashicorp/aws 5\.100\.0 for linux_amd64") as error:
        find(variables, tmp_path, TARGET, roots=[tmp_path / "other"])
    assert "terraform providers mirror" in (error.value.hint or "")


def test_nothing_found_is_no_error(tmp_path: Path) -> None:
    assert find({}, tmp_path, TARGET, roots=[tmp_path]) is None


def test_the_search_goes_from_the_user_to_the_machine(tmp_path: Path) -> None:
    system = tmp_path / "opt"
    (system / "tf-plugins" / "registry.terraform.io").mkdir(parents=True)
    (system / "unrelated").mkdir()
    variables = {
        "HOME": str(tmp_path / "home"),
        "TF_PLUGIN_CACHE_DIR": str(tmp_path / "cache"),
        "XDG_DATA_DIRS": f"{tmp_path}/share:relative",
    }
    found = list(candidates(variables, tmp_path / "tree", [system]))
    assert [path for path in found if "Application Support" not in str(path)] == [
        tmp_path / "cache",
        tmp_path / "tree/terraform.d/plugins",
        tmp_path / "home/.terraform.d/plugins",
        tmp_path / "home/.local/share/terraform/plugins",
        tmp_path / "share/terraform/plugins",
        system,
        system / "tf-plugins",
    ]


def test_macs_folders_are_looked_in_on_macs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    found = list(candidates({"HOME": str(tmp_path)}, tmp_path, []))
    assert tmp_path / "Library/Application Support/io.terraform/plugins" in found


@pytest.mark.parametrize(
    ("machine", "name"), [("x86_64", "linux_amd64"), ("aarch64", "linux_arm64"), ("riscv64", "linux_riscv64")]
)
def test_platform_names_are_terraforms(monkeypatch: pytest.MonkeyPatch, machine: str, name: str) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert host_platform("linux") == name
