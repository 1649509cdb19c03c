"""The committed trees, as Terraform and its reviewers read them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.render.support import ENVIRONMENTS, PROJECT, ROOTS, copy_project, evaluate, parsed, terraform, unquoted
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load
from thoth_infra.config.shared import SharedAccount
from thoth_infra.config.shared import load as load_shared
from thoth_infra.render.shared import SHARED_SECTIONS, shared_variables
from thoth_infra.render.tree import PROVIDER_VERSION
from thoth_infra.render.variables import TFVARS_SECTIONS, variables

# The files that the user asked for by name (row S2.1), and the modules (S2.3).
NUMBERED = (
    "00-backend", "01-providers", "02-variables", "03-locals", "10-networking", "20-compute-ecs", "21-compute-gpu",
    "30-storage", "40-iam", "50-monitoring", "99-outputs",
)  # fmt: skip
MODULES = ("ai-services", "ecs-gpu-cluster", "shared-storage")

each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)
each_root = pytest.mark.parametrize("root", ROOTS)
FOLDERS = tuple(f"modules/{name}/" for name in MODULES)
each_folder = pytest.mark.parametrize(
    ("root", "folder"), [("shared", ""), *((name, folder) for name in ENVIRONMENTS for folder in ("", *FOLDERS))]
)


def _blocks(environment: str, path: str, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for block in parsed(environment, path).get(kind, []):
        for name, body in block.items():
            yield unquoted(name), body


def _text(environment: str, folder: str) -> str:
    files = (PROJECT / "terraform" / environment / folder).glob("*.tf")
    return "\n".join(path.read_text() for path in sorted(files))


@each_environment
def test_the_files_and_modules_that_were_asked_for_are_there(environment: str) -> None:
    folder = PROJECT / "terraform" / environment
    assert {f"{name}.tf" for name in NUMBERED} <= {path.name for path in folder.iterdir()}
    assert (folder / f"{environment}.auto.tfvars").is_file()
    assert {path.name for path in (folder / "modules").iterdir()} == set(MODULES)
    for name in MODULES:
        assert re.search(rf'source += "\./modules/{name}"', _text(environment, ""))


@each_root
def test_every_file_of_the_root_is_numbered_and_numbers_are_unique(root: str) -> None:
    names = [path.name for path in (PROJECT / "terraform" / root).glob("*.tf")]
    numbers = [re.fullmatch(r"(\d\d)-[a-z-]+\.tf", name) for name in names]
    assert all(numbers), names
    assert len({match[1] for match in numbers if match}) == len(names)


@each_root
def test_the_tfvars_define_exactly_the_declared_variables(root: str) -> None:
    declared = {name for name, _ in _blocks(root, "02-variables.tf", "variable")}
    assert set(parsed(root, f"{root}.auto.tfvars")) - {"__comments__"} == declared
    sections = SHARED_SECTIONS if root == "shared" else TFVARS_SECTIONS
    listed = [name for names in sections.values() for name in names]
    assert sorted(listed) == sorted(declared), "each variable stands in one section"


@each_folder
def test_every_variable_is_typed_and_described(root: str, folder: str) -> None:
    found = dict(_variables(root, folder))
    assert found
    for name, body in found.items():
        assert unquoted(body["description"]).endswith("."), name
        assert "type" in body, name
        assert "default" not in body, f"{name}: a default here would be a second place for a value"


@pytest.mark.parametrize("folder", ["", *FOLDERS])
def test_every_variable_is_used_somewhere(folder: str) -> None:
    # Environments declare the same variables, also for blocks that only some of them have, or none as of today.
    templates = (PROJECT / "templates" / folder).glob("*.tf.j2")
    used = {name for path in templates for name in _used(path.read_text())}
    declared = set[str]()
    for environment in ENVIRONMENTS:
        used |= _used(_text(environment, folder))
        declared |= {name for name, _ in _variables(environment, folder)}
    assert declared - used == set()


def test_every_variable_of_the_shared_side_is_used() -> None:
    assert {name for name, _ in _variables("shared", "")} - _used(_text("shared", "")) == set()


def _variables(root: str, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    return _blocks(root, f"{folder}variables.tf" if folder else "02-variables.tf", "variable")


def _used(text: str) -> set[str]:
    """Return the variables that are read outside of their own declarations."""
    rest = re.sub(r'^variable "\w+" \{.*?^\}', "", text, flags=re.DOTALL | re.MULTILINE)
    return set(re.findall(r"\bvar\.(\w+)", rest))


@each_folder
def test_every_output_says_who_reads_it(root: str, folder: str) -> None:
    found = dict(_blocks(root, f"{folder}outputs.tf" if folder else "99-outputs.tf", "output"))
    assert found
    for name, body in found.items():
        assert len(unquoted(body["description"])) > 10, name


@each_environment
def test_every_output_of_a_module_is_read_by_the_root(environment: str) -> None:
    root = _text(environment, "")
    for module in MODULES:
        for name, _ in _blocks(environment, f"modules/{module}/outputs.tf", "output"):
            assert re.search(rf"\.{name}\b", root), f"{module}: {name}"


@each_root
def test_the_state_is_the_roots_own_as_constants(root: str) -> None:
    module = _configured(root)
    (terraform_block,) = parsed(root, "00-backend.tf")["terraform"]
    (backend,) = terraform_block["backend"]
    body = {name: unquoted(value) if isinstance(value, str) else value for name, value in backend['"s3"'].items()}
    assert body.pop("__is_block__")
    assert body == {
        "bucket": module.state.bucket, "key": f"{root}/terraform.tfstate", "region": module.region,
        "encrypt": True, "use_lockfile": True,
    }  # fmt: skip


def test_no_two_roots_share_a_state() -> None:
    places = [(module.state.bucket, module.state.key) for module in map(_configured, ROOTS)]
    assert len(set(places)) == len(ROOTS)


def _configured(root: str) -> Environment | SharedAccount:
    return load_shared(PROJECT) if root == "shared" else load(PROJECT, root, personal=False).environment


@each_root
def test_terraform_and_its_provider_are_pinned_exactly(root: str) -> None:
    pin = (PROJECT / ".terraform-version").read_text().strip()
    text = _text(root, "")
    assert re.findall(r'required_version = "(.*)"', text) == [f"= {pin}"]
    assert re.findall(r'version = "= ([\d.]+)"\n    }', text) == [PROVIDER_VERSION]


@each_environment
def test_no_other_environment_is_named(environment: str) -> None:
    text = "".join(path.read_text() for path in (PROJECT / "terraform" / environment).rglob("*.tf*"))
    for other in set(ENVIRONMENTS) - {environment}:
        assert not re.search(rf"\bthoth[-/]{other}\b|\b{other}/terraform\.tfstate|\b{other}\.(tfs|yaml)", text)


@each_root
@pytest.mark.terraform
def test_terraform_reads_the_values_that_the_configuration_says(root: str, tmp_path: Path) -> None:
    # An attribute that an object type does not name is dropped without a word: it would be missing here.
    for name in ("02-variables.tf", f"{root}.auto.tfvars"):
        shutil.copy(PROJECT / "terraform" / root / name, tmp_path)
    module = _configured(root)
    if isinstance(module, SharedAccount):
        environments = [load(PROJECT, name, personal=False).environment for name in ENVIRONMENTS]
        wanted = shared_variables(module, environments)
    else:
        wanted = variables(module)
    pairs = ", ".join(f"{name} = var.{name}" for name in wanted)
    assert evaluate(tmp_path, f"{{ {pairs} }}") == _plain(wanted)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.mark.terraform
def test_the_trees_are_formatted_as_terraform_would() -> None:
    done = subprocess.run(
        [terraform(), "fmt", "-check", "-diff", "-recursive", str(PROJECT / "terraform")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@each_root
@pytest.mark.terraform
def test_terraform_finds_the_tree_valid(root: str, tmp_path: Path) -> None:
    terraform()
    project = copy_project(tmp_path / "project")
    done = subprocess.run(
        [sys.executable, "-m", "thoth_infra", "--root", str(project), "--engine", "local", "validate", "--env",
         root],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Success! The configuration is valid." in done.stdout
