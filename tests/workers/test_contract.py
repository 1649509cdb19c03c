"""What the rendered task definitions give a service is what its code uses: no more, no less, under the same names."""

from __future__ import annotations

import ast
import copy
import importlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.render.support import ENVIRONMENTS, PROJECT, parsed, unquoted
from tests.workers.rig import BY_STAGE, ORDER
from thoth_infra.contract import metrics as m
from thoth_infra.contract.services import API, HEARTBEAT_CHECK, ORCHESTRATOR, SERVICES, Service
from workers.api import health as api_health
from workers.api.settings import ApiSettings, OrchestratorSettings
from workers.common import health
from workers.common.held import Held
from workers.common.manifest import StageRecord
from workers.common.memory import MemoryQueue
from workers.common.messages import Request, now
from workers.common.metrics import Metrics
from workers.common.ports import Delivery, Job
from workers.common.settings import Settings, WorkerSettings
from workers.common.settle import Settling
from workers.common.stage import Done
from workers.transcription.gpu import Monitor

WORKERS = tuple(BY_STAGE[stage] for stage in ORDER)
PACKAGES = {service.name: service.command[2] for service in SERVICES}
OF_API: dict[str, type[Settings]] = {API.name: ApiSettings, ORCHESTRATOR.name: OrchestratorSettings}
each_worker = pytest.mark.parametrize("service", WORKERS, ids=lambda service: service.name)
each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)

Facts = frozenset[str]
"""What one side says, as ``kind:name`` or ``kind:name=value``."""


def _keys(data: dict[str, Any]) -> dict[str, Any]:
    return {unquoted(key): value for key, value in data.items() if not key.startswith("__")}


def _text(value: Any) -> str:
    return unquoted(value) if isinstance(value, str) else str(value)


def rendered(environment: str) -> dict[str, Any]:
    """Return what the files of a rendered tree say of the tasks, and of the alarms on the workers' metrics."""
    locals_ = parsed(environment, "03-locals.tf")["locals"]
    (references,) = [_keys(part["service_references"]) for part in locals_ if "service_references" in part]
    (secrets,) = [_keys(part["service_secrets"]) for part in locals_ if "service_secrets" in part]
    tfvars = parsed(environment, f"{environment}.auto.tfvars")
    return {
        "tasks": _keys(tfvars["services"]),
        "references": references,
        "secrets": secrets,
        "alarms": _alarms((PROJECT / "terraform" / environment / "50-monitoring.tf").read_text()),
    }


# An alarm of one service's own; those over all services take its name from for_each.
_ALARM = re.compile(
    rf'namespace\s*= "{m.NAMESPACE}"\s+metric\s*= "(\w+)"\s+dimensions = {{[^}}]*Service\s*= "([\w-]+)"'
)


def _alarms(text: str) -> list[tuple[str, str]]:
    """Return metric and service of the alarms in the workers' namespace."""
    return [(match[1], match[2]) for match in _ALARM.finditer(text)]


def given(tree: dict[str, Any], service: Service) -> Facts:
    """Return what a service is given."""
    task = tree["tasks"][service.name]
    references = _keys(tree["references"][service.name])
    facts = {f"variable:{name}" for name in (*_keys(task["environment"]), *references)}
    facts |= {f"secret:{name}" for name in _keys(tree["secrets"].get(service.name, {}))}
    facts |= {f"queue:{name}={_queue(text)}" for name, text in references.items() if "aws_sqs_queue" in text}
    for mount in _keys(task["mounts"]).values():
        facts.add(f"mount:{_text(mount['path'])}")
    facts |= {f"folder:{name}={_text(v)}" for name, v in _keys(task["environment"]).items() if name.endswith("_DIR")}
    facts.add("command:" + " ".join(map(_text, task["command"])))
    facts.add("health:" + " ".join(map(_text, task["health_check"]["command"])))
    facts.add(f"port:{task['port']}")
    facts |= {f"alarm:{metric}" for metric, name in tree["alarms"] if name == service.name}
    return frozenset(facts)


def _queue(reference: str) -> str:
    kind, name = reference.split("aws_sqs_queue.", 1)[1].split('["', 1)
    return f"{kind}/{name.split(chr(34), 1)[0]}"


def used(tree: dict[str, Any], service: Service) -> Facts:
    """Return what a service's code uses."""
    return _used_by_api(tree, service) if service.name in OF_API else _used_by_worker(service, tree["alarms"])


def _used_by_api(tree: dict[str, Any], service: Service) -> Facts:
    """Return what the API's or the orchestrator's code uses; both are one package."""
    kind = OF_API[service.name]
    reads = {"aws_default_region", *_reads_of("settings", "workers/common", "workers/api")}
    reads |= _reads_of("self", "workers/api/settings.py")
    facts = {
        f"{'secret' if 'SecretStr' in str(kind.model_fields[name].annotation) else 'variable'}:{name.upper()}"
        for name in kind.model_fields.keys() & reads
    }
    # As the process reads it: what stands in the task definition, and in place of references their names.
    texts = {name: _text(value) for name, value in _keys(tree["tasks"][service.name]["environment"]).items()}
    stand_ins = {v.name: f"{v.name:-<32}" for v in service.variables} | {"DATABASE_PORT": "5432"}
    settings = kind.read(service, stand_ins | texts)
    queues = getattr(settings, "queue_urls", {}) | (
        {"results": settings.results_queue_url} if isinstance(settings, OrchestratorSettings) else {}
    )
    facts |= {f"queue:{url.rstrip('-')}=this/{queue}" for queue, url in queues.items()}
    facts |= {"mount:/mnt/jobs", "folder:JOBS_DIR=/mnt/jobs"} if settings.jobs_dir else set()
    facts.add(f"command:python -m {PACKAGES[service.name]}")
    check = api_health if service is API else health
    facts.add("health:" + " ".join(("python", "-m", check.__name__)))
    facts.add(f"port:{getattr(settings, 'port', None)}")
    return frozenset(facts)


def _reads_of(owner: str, *places: str) -> set[str]:
    """Return every attribute of an object of that name which is read in files or folders."""
    paths = [path for place in places for path in sorted((PROJECT / place).rglob("*.py")) or [PROJECT / place]]
    return {name for path in paths for name in _reads(path, owner)}


def _used_by_worker(service: Service, alarms: list[tuple[str, str]]) -> Facts:
    settings = _settings(service)
    reads = _settings_read(service)
    facts = {f"variable:{name.upper()}" for name in settings.model_fields if name in reads}
    stage = service.name
    facts |= {
        f"queue:QUEUE_URL=this/{stage}",
        f"queue:DEAD_LETTER_QUEUE_URL=dead_letter/{stage}",
        "queue:RESULTS_QUEUE_URL=this/results",
    }
    folders = {name: settings.model_fields[name] for name in settings.model_fields if name.endswith("_dir")}
    for name in folders:
        path = f"/mnt/{name.removesuffix('_dir')}"
        facts |= {f"mount:{path}", f"folder:{name.upper()}={path}"}
    facts.add(f"command:python -m {PACKAGES[service.name]}")
    facts.add("health:" + " ".join(("python", "-m", health.__name__)))
    facts.add("port:None")
    emitted = _emitted(service)
    facts |= {f"alarm:{metric}" for metric, name in alarms if name == service.name and metric in emitted}
    return frozenset(facts)


def _settings(service: Service) -> type[WorkerSettings]:
    """Return the settings class that the worker's process reads."""
    module = importlib.import_module(f"{PACKAGES[service.name]}.__main__")
    own = [v for v in vars(module).values() if isinstance(v, type) and issubclass(v, WorkerSettings)]
    return next((v for v in own if v is not WorkerSettings), WorkerSettings)


def _settings_read(service: Service) -> set[str]:
    """Return every attribute of an object called ``settings`` that the worker's code, or the shared one, reads.

    The region is read by boto3, from the variable itself.
    """
    return {
        "aws_default_region",
        *_reads_of("settings", "workers/common", PACKAGES[service.name].replace(".", "/")),
    }


def _reads(path: Path, owner: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == owner:
            yield node.attr


def _emitted(service: Service) -> set[str]:
    """Let the worker's own code emit all that it can; return the names."""
    stream = io.StringIO()
    metrics = Metrics(m.NAMESPACE, "test", service.name, stream)
    queue = MemoryQueue()
    assert service.stage
    request = Request(job_id="j", stage=service.stage, trace_id="t", requested_at=now())
    delivery = Delivery("id", request.model_dump_json(), "receipt", 1, now())
    held = Held(delivery, Job(request, None))  # type: ignore[arg-type]  # settling touches no files
    record = StageRecord(attempt=1, artefacts=(), finished_at=now(), seconds=2, audio_seconds=60, cost=0.1)
    Settling(service, queue, queue, queue, metrics).complete(held, Done(record, repeated=False))
    if service.gpu:
        Monitor(metrics, sample_seconds=0).minute(_Nvml(), None)
    return {name for line in stream.getvalue().splitlines() for name in _names(json.loads(line))}


def _names(line: dict[str, Any]) -> set[str]:
    return {metric["Name"] for part in line["_aws"]["CloudWatchMetrics"] for metric in part["Metrics"]}


class _Nvml:
    """As much of NVML as the monitor asks for."""

    def nvmlDeviceGetMemoryInfo(self, _: object) -> Any:  # noqa: N802 - NVML's names
        return SimpleNamespace(used=6, total=16)

    def nvmlDeviceGetUtilizationRates(self, _: object) -> Any:  # noqa: N802 - NVML's names
        return SimpleNamespace(gpu=75)


@each_service
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_service_uses_what_it_is_given_and_is_given_what_it_uses(environment: str, service: Service) -> None:
    tree = rendered(environment)
    assert given(tree, service) == used(tree, service)
    assert bool([name for _, name in tree["alarms"] if name == service.name]) is service.gpu


@each_worker
def test_a_worker_emits_the_metrics_of_the_contract(service: Service) -> None:
    assert _emitted(service) == {metric.name for metric in service.metrics}


def test_the_health_check_is_the_contracts() -> None:
    assert ("python", "-m", health.__name__) == HEARTBEAT_CHECK


def _renamed(value: Any, name: str) -> Any:
    """Return a rendered tree in which ``name`` is called otherwise, as a key, a value or part of a reference."""
    if isinstance(value, dict):
        return {_renamed(key, name): _renamed(each, name) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_renamed(each, name) for each in value)
    if isinstance(value, str):
        bare = unquoted(value)
        if bare == name:
            return value.replace(name, f"{name}X")
        return value.replace(f'["{name}"]', f'["{name}X"]')
    return value


@each_service
def test_one_name_changed_on_one_side_is_noticed(service: Service) -> None:
    tree = rendered("staging")
    facts = given(tree, service)
    names = {
        fact.split(":", 1)[1].split("=", 1)[0]
        for fact in facts
        if fact.startswith(("variable", "secret", "mount", "alarm"))
    }
    names |= {fact.rsplit("/", 1)[1] for fact in facts if fact.startswith("queue")}
    assert len(names) >= 15
    right = used(tree, service)
    for name in sorted(names):
        part = {**copy.deepcopy(tree), "tasks": {service.name: _renamed(tree["tasks"][service.name], name)}}
        part["references"] = {service.name: _renamed(tree["references"][service.name], name)}
        part["secrets"] = _renamed(tree["secrets"], name)
        part["alarms"] = _renamed(tree["alarms"], name)
        assert given(part, service) != right, name
