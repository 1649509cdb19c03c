"""The list of calls: real operations of AWS, derived from the contract, and what the rendered policies are held to."""

from __future__ import annotations

import re

import botocore.session
import pytest

from tests.iam.estate import PROJECT
from thoth_infra.config.load import load, names
from thoth_infra.contract.calls import By, Call, OnBucket, OnObjects, OnQueue, OnVolume, calls, start_calls
from thoth_infra.contract.queues import RESULTS, Queue
from thoth_infra.contract.services import API, SERVICES, TRANSCRIPTION, Service
from thoth_infra.contract.storage import ARCHIVE, MODELS, Access
from thoth_infra.render.permissions import statements

each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)


@each_service
def test_every_call_is_an_operation_that_aws_has(service: Service) -> None:
    session = botocore.session.Session()
    for call in (*calls(service, exec_enabled=True), *start_calls(service)):
        assert re.fullmatch(r"[a-z0-9]+:[A-Z]\w+", call.action)
        # The channels of Session Manager and the mounts of EFS are protocols of their own.
        if call.service != "ssmmessages" and call.by is not By.MOUNT:
            assert call.operation in session.get_service_model(call.service).operation_names, call


@each_service
@pytest.mark.parametrize("environment", names(PROJECT))
def test_every_environment_grants_the_actions_of_the_calls_and_no_other(environment: str, service: Service) -> None:
    env = load(PROJECT, environment, personal=False).environment
    granted = {action for statement in statements(env, service) for action in statement.actions}
    exec_enabled = env.services.by_name()[service.name].exec_enabled
    assert granted == {call.action for call in calls(service, exec_enabled=exec_enabled)}


def test_a_new_queue_of_a_service_is_called_without_a_word_more() -> None:
    extra = Queue("previews", "Requests for previews")
    check = API.health_check
    made = Service("previews", "Makes previews", "previews", ("python",), check, consumes=extra, sends=(RESULTS,))
    found = {(call.operation, call.on) for call in calls(made)}
    assert ("ReceiveMessage", OnQueue(extra)) in found
    assert ("SendMessage", OnQueue(RESULTS)) in found
    assert ("SendMessage", OnQueue(extra)) not in found


def test_what_is_only_read_is_never_written() -> None:
    reader = Service(
        "reader", "Reads", "api", ("python",), API.health_check,
        buckets=((ARCHIVE, Access.READ),), mounts=((MODELS, Access.READ),),
    )  # fmt: skip
    assert _operations(reader, OnObjects(ARCHIVE)) == {"GetObject", "HeadObject"}
    assert _operations(reader, OnBucket(ARCHIVE)) == {"ListObjectsV2"}
    assert _operations(reader, OnVolume(MODELS)) == {"ClientMount"}
    assert _operations(TRANSCRIPTION, OnVolume(MODELS)) == {"ClientMount", "ClientWrite"}
    assert {call.by for call in calls(reader)} == {By.CODE, By.MOUNT, By.AWS}


def _operations(service: Service, on: OnObjects | OnBucket | OnVolume) -> set[str]:
    return {call.operation for call in calls(service) if call.on == on}


def test_only_a_worker_sends_to_its_own_dead_letter_queue() -> None:
    dead = {service.name: [c for c in calls(service) if _to_dead_letters(c)] for service in SERVICES}
    assert {name: len(found) for name, found in dead.items()} == {s.name: int(bool(s.stage)) for s in SERVICES}


def _to_dead_letters(call: Call) -> bool:
    return isinstance(call.on, OnQueue) and call.on.dead_letter
