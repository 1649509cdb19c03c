"""Operating services on the emulator: stop and start restore every number, restart, GPU hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from thoth_infra.aws import gpu, services, stopping, waiting
from thoth_infra.aws.clients import Clients
from thoth_infra.aws.deploy.site import Site
from thoth_infra.emulator import running
from thoth_infra.errors import ThothError

ACCOUNT, REGION = "087439708020", "us-east-1"
PLACE = services.Place(
    cluster="thoth-dev",
    services=("orchestrator", "transcription"),
    bucket="thoth-state",
    memory_key="dev/stopped-services.json",
    codedeploy=("thoth-dev", "thoth-dev-api"),
)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with running(tmp_path_factory.mktemp("operations")) as emulator:
        emulator.prepare_backend(account_id=ACCOUNT, bucket=PLACE.bucket, region=REGION)
        clients = Clients({k: v for k, v in emulator.variables(account_id=ACCOUNT, region=REGION).items() if v}, REGION)
        clients("ecs").create_cluster(clusterName=PLACE.cluster)
        clients("ecs").register_task_definition(
            family="worker", containerDefinitions=[{"name": "worker", "image": "worker:1", "memory": 128}]
        )
        yield clients


@pytest.fixture
def estate(aws: Clients) -> Iterator[Clients]:
    """Two services: one fixed, one that scales from zero to three and runs two just now."""
    ecs, scaling = aws("ecs"), aws("application-autoscaling")
    for name, count in (("orchestrator", 1), ("transcription", 2)):
        ecs.create_service(cluster=PLACE.cluster, serviceName=name, taskDefinition="worker", desiredCount=count)
    target = {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{PLACE.cluster}/transcription",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    scaling.register_scalable_target(
        **target,
        MinCapacity=0,
        MaxCapacity=3,
        SuspendedState={
            "DynamicScalingInSuspended": True,
            "DynamicScalingOutSuspended": False,
            "ScheduledScalingSuspended": False,
        },
    )
    yield aws
    for name in PLACE.services:
        ecs.delete_service(cluster=PLACE.cluster, service=name, force=True)
    scaling.deregister_scalable_target(**target)
    aws("s3").delete_object(Bucket=PLACE.bucket, Key=PLACE.memory_key)


def numbers(clients: Clients) -> tuple[services.Numbers, ...]:
    return services.numbers(clients, PLACE)


def stop(clients: Clients) -> stopping.Stopped:
    return stopping.stop(clients, PLACE, "arn:aws:iam::087439708020:user/anna")


def site(clients: Clients) -> Site:
    return Site(clients, PLACE.cluster, PLACE.codedeploy)


def test_start_restores_what_stop_took(estate: Clients) -> None:
    before = numbers(estate)
    assert stop(estate).services == before
    stopped = numbers(estate)
    assert [s.desired for s in stopped] == [0, 0]
    assert stopped[1].scaling and stopped[1].scaling.is_suspended
    assert (stopped[1].scaling.minimum, stopped[1].scaling.maximum) == (0, 3)
    assert stopping.start(estate, PLACE) == stopping.Started(before)
    assert numbers(estate) == before


def test_a_second_stop_does_not_remember_zeros(estate: Clients) -> None:
    before = numbers(estate)
    first = stop(estate)
    assert stop(estate) == first
    stopping.start(estate, PLACE)
    assert numbers(estate) == before


def test_a_stop_after_a_start_remembers_anew(estate: Clients) -> None:
    stop(estate)
    stopping.start(estate, PLACE)
    estate("ecs").update_service(cluster=PLACE.cluster, service="orchestrator", desiredCount=4)
    before = numbers(estate)
    stop(estate)
    stopping.start(estate, PLACE)
    assert numbers(estate) == before


class Dying(Clients):
    """Clients whose process dies at the n-th change."""

    def __call__(self, service: str) -> Any:
        real = super().__call__(service)
        return _DyingClient(real, self.variables)


class _DyingClient:
    def __init__(self, real: Any, counter: Any) -> None:
        self._real, self._counter = real, counter

    def __getattr__(self, name: str) -> Any:
        if name in {"update_service", "register_scalable_target", "put_object", "delete_object"}:
            left = self._counter["left"]
            if left == 0:
                raise KeyboardInterrupt
            self._counter["left"] = left - 1
        return getattr(self._real, name)


@pytest.mark.parametrize("after", range(5))
def test_a_stop_that_is_cut_off_can_be_repeated_and_undone(estate: Clients, after: int) -> None:
    before = numbers(estate)
    dying = Dying({**estate.variables, "left": after}, REGION)  # type: ignore[dict-item]
    with pytest.raises(KeyboardInterrupt):
        stop(dying)
    stop(estate)
    stopping.start(estate, PLACE)
    assert numbers(estate) == before


@pytest.mark.parametrize("after", range(6))
def test_a_start_that_is_cut_off_can_be_repeated(estate: Clients, after: int) -> None:
    before = numbers(estate)
    stop(estate)
    with pytest.raises(KeyboardInterrupt):
        stopping.start(Dying({**estate.variables, "left": after}, REGION), PLACE)  # type: ignore[dict-item]
    stopping.start(estate, PLACE)
    assert numbers(estate) == before


def test_start_without_stop_says_so(estate: Clients) -> None:
    with pytest.raises(ThothError, match="were not stopped"):
        stopping.start(estate, PLACE)


def test_nobody_overwrites_what_another_remembers(estate: Clients) -> None:
    """Two stops at once: the one that wrote later goes on, the other gives up, and no number is lost."""
    before = numbers(estate)
    with pytest.raises(ThothError, match="somebody else stops or starts"):
        stop(Meeting(estate.variables, REGION, lambda: stop(estate)))
    stopping.start(estate, PLACE)
    assert numbers(estate) == before


def test_a_start_that_meets_a_stop_gives_up(estate: Clients) -> None:
    before = numbers(estate)
    stop(estate)
    with pytest.raises(ThothError, match="somebody else stops or starts"):
        stopping.start(Meeting(estate.variables, REGION, lambda: stop(estate)), PLACE)
    assert [s.desired for s in numbers(estate)] == [0, 0]
    stopping.start(estate, PLACE)
    assert numbers(estate) == before


class Meeting(Clients):
    """Clients of somebody whom another one forestalls: that one acts before the first change of a service."""

    def __init__(self, variables: Any, region: str, act: Callable[[], object]) -> None:
        super().__init__(variables, region)
        self.__dict__["act"] = act

    def __call__(self, service: str) -> Any:
        real = super().__call__(service)
        return _Forestalled(real, self.__dict__) if service == "ecs" else real


class _Forestalled:
    def __init__(self, real: Any, meeting: dict[str, Any]) -> None:
        self._real, self._meeting = real, meeting

    def __getattr__(self, name: str) -> Any:
        # Looking at the services comes after the memory was written, and before they are changed.
        if name == "describe_services" and self._meeting.setdefault("looks", 0) == self._meeting.get("at", 1):
            self._meeting.pop("act", lambda: None)()
        if name == "describe_services":
            self._meeting["looks"] += 1
        return getattr(self._real, name)


def test_a_number_that_changes_in_the_middle_is_changed_again(estate: Clients) -> None:
    """A scaling activity that was under way when autoscaling was suspended may set a count after us."""

    def activity() -> None:
        estate("ecs").update_service(cluster=PLACE.cluster, service="transcription", desiredCount=3)

    meeting = Meeting(estate.variables, REGION, activity)
    meeting.__dict__["at"] = 2  # the look after the changes
    stop(meeting)
    assert [s.desired for s in numbers(estate)] == [0, 0]


def test_a_service_that_was_removed_while_stopped_is_named_and_the_others_start(estate: Clients) -> None:
    before = {one.name: one for one in numbers(estate)}
    stop(estate)
    estate("ecs").delete_service(cluster=PLACE.cluster, service="transcription", force=True)
    done = stopping.start(estate, PLACE)
    assert done.gone == ("transcription",)
    assert done.services == (before["orchestrator"],)
    assert stopping.recall(estate, PLACE) is None
    estate("ecs").create_service(
        cluster=PLACE.cluster, serviceName="transcription", taskDefinition="worker", desiredCount=0
    )


def test_a_memory_that_nobody_can_read_stops_the_stop(estate: Clients) -> None:
    estate("s3").put_object(Bucket=PLACE.bucket, Key=PLACE.memory_key, Body=b"[]")
    before = numbers(estate)
    with pytest.raises(ThothError, match="does not say what was stopped"):
        stop(estate)
    assert numbers(estate) == before


def test_a_service_that_is_not_there_is_named(estate: Clients) -> None:
    with pytest.raises(ThothError, match="no service api"):
        services.numbers(estate, replace(PLACE, services=("api",)))
    with pytest.raises(ThothError, match="no service api"):
        waiting.restart(site(estate), "api")


def test_restart_rolls_a_worker(estate: Clients) -> None:
    made = waiting.restart(site(estate), "transcription")
    found = estate("ecs").describe_services(cluster=PLACE.cluster, services=["transcription"])["services"][0]
    assert made.deployment in [one["id"] for one in found["deployments"]]
    assert not made.blue_green


def test_a_service_without_tasks_is_not_restarted(estate: Clients) -> None:
    stop(estate)
    with pytest.raises(ThothError, match="no tasks to replace"):
        waiting.restart(site(estate), "transcription")


def test_a_cluster_without_gpu_hosts(aws: Clients) -> None:
    assert gpu.fleet(aws, PLACE.cluster, "dev") == gpu.Fleet((), 0, 0, None, None)
