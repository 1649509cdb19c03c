"""Settings: exactly the contract's variables, each one read, each one used, each one missed by name."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from thoth_infra.contract.queues import Stage
from thoth_infra.contract.services import MUSIC_TERMS, SERVICES, Service
from thoth_infra.contract.variables import Constant, Variable
from workers.common.settings import Settings, SettingsInvalid, WorkerSettings
from workers.common.sqs import client

WORKERS = Path(__file__).resolve().parents[3] / "workers"
BUILT = [s for s in SERVICES if s.stage and (WORKERS / s.name.replace("-", "_") / "__main__.py").exists()]
each_worker = pytest.mark.parametrize("service", BUILT, ids=lambda service: service.name)

# boto3 reads it from the environment itself; test_the_region_is_where_boto3_looks_for_it shows that it does.
BY_LIBRARIES = {"AWS_DEFAULT_REGION"}


def settings_of(service: Service) -> type[WorkerSettings]:
    """Return the settings that the service's process reads: its own, or the common ones."""
    module = importlib.import_module(f"{service.command[-1]}.__main__")
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, WorkerSettings)]
    return max(kinds, key=lambda kind: len(kind.__mro__))


def sample(variable: Variable) -> str:
    """Return a value that makes sense for a variable, as ECS would set it."""
    if isinstance(variable.source, Constant):
        return variable.source.value
    name = variable.name
    if name == "LOG_LEVEL":
        return "INFO"
    if name.endswith(("_SECONDS", "_SIZE", "_COST", "_MIB")):
        return "30"
    if name.endswith(("_CPU", "_NORMALISATION")):
        return "true"
    return f"/mnt/{name.lower()}" if name.endswith("_DIR") else f"value-of-{name}"


def environment(service: Service) -> dict[str, str]:
    return {variable.name: sample(variable) for variable in service.variables}


def used_names(package: Path) -> Iterator[str]:
    """Yield what the code reads from something called ``settings``."""
    for path in (*package.glob("*.py"), WORKERS / "common" / "serve.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "settings":
                yield node.attr.upper()


def test_every_stage_has_its_worker() -> None:
    assert [service.name for service in BUILT] == [stage.value for stage in Stage]


@each_worker
def test_settings_are_the_contracts_variables(service: Service) -> None:
    fields = {name.upper() for name in settings_of(service).model_fields}
    assert fields == {variable.name for variable in service.variables}


@each_worker
def test_every_variable_is_used(service: Service) -> None:
    used = set(used_names(WORKERS / service.name.replace("-", "_")))
    assert {variable.name for variable in service.variables} - BY_LIBRARIES <= used


@each_worker
def test_what_ecs_sets_is_read(service: Service) -> None:
    found = settings_of(service).read(service, {**environment(service), "PATH": "/bin", "HOME": "/root"})
    assert str(found.jobs_dir) == "/mnt/jobs_dir"
    assert found.visibility_timeout_seconds == 30
    assert found.service_name == service.name


@each_worker
@pytest.mark.parametrize("empty", [False, True], ids=["unset", "empty"])
def test_every_missing_variable_is_named(service: Service, empty: bool) -> None:
    every = environment(service)
    for name in every:
        rest = {**every, name: ""} if empty else {key: value for key, value in every.items() if key != name}
        with pytest.raises(SettingsInvalid, match=rf"(?m)^  {name}: ") as refused:
            settings_of(service).read(service, rest)
        assert str(refused.value).count("\n") == 1

    with pytest.raises(SettingsInvalid) as refused:
        settings_of(service).read(service, {})
    assert {line.strip().partition(":")[0] for line in str(refused.value).splitlines()[1:]} == set(every)


@each_worker
@pytest.mark.parametrize(
    ("name", "value"),
    [("LOG_LEVEL", "LOUD"), ("VISIBILITY_TIMEOUT_SECONDS", "soon"), ("JOB_TIMEOUT_SECONDS", "0"),
     ("STOP_TIMEOUT_SECONDS", "-1")],
)  # fmt: skip
def test_a_value_without_sense_is_refused_with_what_it_means(service: Service, name: str, value: str) -> None:
    meaning = next(variable.description for variable in service.variables if variable.name == name)
    with pytest.raises(SettingsInvalid) as refused:
        settings_of(service).read(service, {**environment(service), name: value})
    assert name in str(refused.value) and meaning in str(refused.value)


def test_a_variable_of_the_contract_that_nobody_reads_is_an_error() -> None:
    extra = Variable("SURPRISE", Constant("x"), "Something new")
    service = Service(**{**vars(MUSIC_TERMS), "variables": (*MUSIC_TERMS.variables, extra)})
    with pytest.raises(SettingsInvalid, match="SURPRISE"):
        WorkerSettings.read(service, environment(service))


def test_variables_outside_of_the_contract_are_not_read() -> None:
    service = Service(**{**vars(MUSIC_TERMS), "variables": MUSIC_TERMS.variables[1:]})
    with pytest.raises(SettingsInvalid, match=MUSIC_TERMS.variables[0].name):
        WorkerSettings.read(service, environment(MUSIC_TERMS))


def test_settings_do_not_change() -> None:
    assert Settings.model_config["frozen"] and Settings.model_config["extra"] == "forbid"


def test_the_region_is_where_boto3_looks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    assert client("sqs").meta.region_name == "eu-north-1"


@each_worker
def test_a_worker_without_its_variables_says_so_and_ends(service: Service) -> None:
    command = [sys.executable, *service.command[1:]]
    bare = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(command, env=bare, capture_output=True, text=True, check=False, cwd=WORKERS.parent)
    assert done.returncode == 2
    assert f"{service.name} can't start" in done.stderr
    assert all(variable.name in done.stderr for variable in service.variables)
    assert "Traceback" not in done.stderr
