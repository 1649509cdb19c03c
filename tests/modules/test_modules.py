"""Each module's own ``terraform test`` files: they pass, and notice when the module is broken."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.modules.bench import Bench
from tests.render.support import PROJECT

pytestmark = pytest.mark.terraform

MODULES = PROJECT / "terraform" / "staging" / "modules"
_SUMMARY = re.compile(r"^(?:Success|Failure)! (\d+) passed, (\d+) failed\.$", re.MULTILINE)
_FAILED = re.compile(r'^  run "(\w+)"\.\.\. fail$', re.MULTILINE)

# For each module a mistake that Terraform finds valid (file, what is written, what is written instead), and the run
# that says what is wrong with it.
MISTAKES = {
    "ai-services": (
        "task-definitions.tf", "each.value.gpus > 0 ?", "each.value.gpus > 1 ?", "only_a_task_with_a_gpu_asks_for_one",
    ),
    "ecs-gpu-cluster": (
        "main.tf", "var.spot_max > 0 ?", "var.spot_max >= 0 ?", "without_spot_there_is_no_spot_group",
    ),
    "shared-storage": (
        "buckets.tf", "bucket.cors && length(var.cors_origins) > 0", "bucket.cors",
        "without_a_web_page_nobody_may_upload_from_one",
    ),
}  # fmt: skip


def _copy(name: str, folder: Path) -> Bench:
    shutil.copytree(MODULES / name, folder, ignore=shutil.ignore_patterns(".terraform*"))
    bench = Bench(folder)
    bench.init()
    return bench


def test_every_module_has_tests_and_a_mistake_for_them() -> None:
    assert {path.name for path in MODULES.iterdir() if any(path.glob("tests/*.tftest.hcl"))} == set(MISTAKES)
    assert {path.name for path in MODULES.iterdir()} == set(MISTAKES)


def test_what_deploy_owns_is_ignored() -> None:
    # No mocked apply shows it: a mock updates a task definition in place, where AWS makes a new revision.
    text = (MODULES / "ai-services" / "services.tf").read_text()
    ignored = dict(re.findall(r'^resource "aws_ecs_service" "(\w+)".*?ignore_changes = \[(.*?)\]', text, re.M | re.S))
    assert ignored == {
        "blue_green": "desired_count, task_definition, load_balancer",
        "rolling": "desired_count, task_definition",
    }


@pytest.mark.parametrize("name", MISTAKES)
def test_the_modules_tests_pass_and_notice_a_mistake(name: str, tmp_path: Path) -> None:
    bench = _copy(name, tmp_path / name)
    sound = bench("test")
    assert sound.returncode == 0, sound.stdout
    runs = [run for path in (bench.folder / "tests").iterdir() for run in re.findall(r"^run ", path.read_text(), re.M)]
    assert _summary(sound.stdout) == (len(runs), 0)

    file, right, wrong, noticed = MISTAKES[name]
    text = (bench.folder / file).read_text()
    assert text.count(right) == 1
    (bench.folder / file).write_text(text.replace(right, wrong))
    _keep_only(noticed, bench.folder / "tests")
    broken = bench("test")
    assert broken.returncode == 1, broken.stdout
    assert _FAILED.findall(broken.stdout) == [noticed], broken.stdout


def _keep_only(run: str, tests: Path) -> None:
    """Take the other runs out, which would only take time."""
    for path in tests.iterdir():
        path.write_text(re.sub(rf'^run "(?!{run}")\w+" \{{\n.*?^\}}\n', "", path.read_text(), flags=re.M | re.S))


def _summary(said: str) -> tuple[int, int]:
    found = _SUMMARY.search(said)
    assert found, said
    return int(found[1]), int(found[2])
