"""The scanner's environment: made once from the lock, made anew with it, and closed to credentials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from thoth_infra.errors import EngineError
from thoth_infra.review.policy.tool import FOLDER, LOCK, Checkov, run_process
from thoth_infra.terraform.launch import Completed


class Recorder:
    """Starts nothing; makes the folder that ``python -m venv`` would make."""

    def __init__(self, fail: str = "") -> None:
        self.calls: list[tuple[str, ...]] = []
        self.envs: list[Mapping[str, str]] = []
        self._fail = fail

    def __call__(self, argv: tuple[str, ...], env: Mapping[str, str]) -> Completed:
        self.calls.append(argv)
        self.envs.append(env)
        if self._fail and self._fail in argv:
            return Completed(1, "", "first line\nno matching distribution for checkov\n")
        if "venv" in argv:
            python = Path(argv[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.touch()
        return Completed(0, "{}")

    @property
    def what(self) -> list[str]:
        """The module that each call ran."""
        return [argv[2] for argv in self.calls]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / LOCK).parent.mkdir()
    (tmp_path / LOCK).write_text("checkov==1 --hash=sha256:0\n")
    return tmp_path


def test_it_is_installed_on_first_use_only(root: Path) -> None:
    said: list[str] = []
    run = Recorder()
    Checkov(root, said.append, run, {}).run(("--version",))
    Checkov(root, said.append, run, {}).run(("--version",))
    assert run.what == ["venv", "pip", "checkov.main", "checkov.main"]
    assert len(said) == 1
    assert str(FOLDER) in said[0]
    assert "--require-hashes" in run.calls[1]
    assert str(root / LOCK) in run.calls[1]


def test_a_changed_lock_makes_it_anew(root: Path) -> None:
    run = Recorder()
    Checkov(root, print, run, {}).ensure()
    (root / FOLDER / "left-behind").touch()
    (root / LOCK).write_text("checkov==2 --hash=sha256:1\n")
    Checkov(root, print, run, {}).ensure()
    assert run.what == ["venv", "pip", "venv", "pip"]
    assert not (root / FOLDER / "left-behind").exists()


def test_an_installation_that_fails_tells_the_way_and_is_tried_again(root: Path) -> None:
    with pytest.raises(EngineError, match="no matching distribution for checkov") as raised:
        Checkov(root, print, Recorder(fail="pip"), {}).ensure()
    assert "pip install --require-hashes" in str(raised.value.hint)
    run = Recorder()
    Checkov(root, print, run, {}).ensure()
    assert run.what == ["venv", "pip"]


def test_a_python_that_does_not_start_tells_the_way(root: Path) -> None:
    def broken(argv: tuple[str, ...], env: Mapping[str, str]) -> Completed:
        raise FileNotFoundError("no such file: python")

    with pytest.raises(EngineError, match="no such file: python"):
        Checkov(root, print, broken, {}).ensure()


def test_without_a_lock_nothing_is_installed(tmp_path: Path) -> None:
    run = Recorder()
    with pytest.raises(EngineError, match=r"requirements/policy\.lock"):
        Checkov(tmp_path, print, run, {}).ensure()
    assert run.calls == []


def test_no_credentials_and_no_settings_reach_it(root: Path) -> None:
    variables = {
        "PATH": "/bin", "HOME": "/home/x", "PIP_INDEX_URL": "file:///index", "AWS_ACCESS_KEY_ID": "AKIA",
        "BC_API_KEY": "k", "CKV_SKIP_CHECK": "CKV_AWS_1", "THOTH_ENV": "dev",
    }  # fmt: skip
    run = Recorder()
    Checkov(root, print, run, variables).run(("--version",))
    for env in run.envs:
        assert {"PATH", "HOME", "PIP_INDEX_URL"} <= env.keys()
        assert not {"AWS_ACCESS_KEY_ID", "BC_API_KEY", "CKV_SKIP_CHECK", "THOTH_ENV"} & env.keys()


def test_a_process_ends_with_its_code_and_both_streams() -> None:
    done = run_process(("/bin/sh", "-c", "echo out; echo err >&2; exit 3"), {})
    assert (done.code, done.stdout, done.stderr) == (3, "out\n", "err\n")
