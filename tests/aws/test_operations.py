"""Operating services on the emulator: stop and start restore every number, restart, GPU hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from thoth_infra.aws import gpu, services
from thoth_infra.aws.clients import Clients
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


def numbers(clients: Clients) -> list[tuple[Any, ...]]:
    return [
        (s.name, s.desired, s.scaling and (s.scaling.minimum, s.scaling.maximum, s.scaling.suspended))
        for s in services.status(clients, PLACE)
    ]


def test_start_restores_what_stop_took(estate: Clients) -> None:
    before = numbers(estate)
    services.stop(estate, PLACE)
    stopped = services.status(estate, PLACE)
    assert [s.desired for s in stopped] == [0, 0]
    assert stopped[1].scaling and all(stopped[1].scaling.suspended.values())
    services.start(estate, PLACE)
    assert numbers(estate) == before


def test_a_second_stop_does_not_remember_zeros(estate: Clients) -> None:
    before = numbers(estate)
    services.stop(estate, PLACE)
    services.stop(estate, PLACE)
    services.start(estate, PLACE)
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


@pytest.mark.parametrize("after", range(4))
def test_a_stop_that_is_cut_off_can_be_repeated_and_undone(estate: Clients, after: int) -> None:
    before = numbers(estate)
    dying = Dying({**estate.variables, "left": after}, REGION)  # type: ignore[dict-item]
    with pytest.raises(KeyboardInterrupt):
        services.stop(dying, PLACE)
    services.stop(estate, PLACE)
    services.start(estate, PLACE)
    assert numbers(estate) == before


@pytest.mark.parametrize("after", range(4))
def test_a_start_that_is_cut_off_can_be_repeated(estate: Clients, after: int) -> None:
    before = numbers(estate)
    services.stop(estate, PLACE)
    with pytest.raises(KeyboardInterrupt):
        services.start(Dying({**estate.variables, "left": after}, REGION), PLACE)  # type: ignore[dict-item]
    services.start(estate, PLACE)
    assert numbers(estate) == before


def test_start_without_stop_says_so(estate: Clients) -> None:
    with pytest.raises(ThothError, match="were not stopped"):
        services.start(estate, PLACE)


def test_a_service_that_is_not_there_is_named(estate: Clients) -> None:
    with pytest.raises(ThothError, match="no service api"):
        services.status(estate, PLACE, ["api"])
    with pytest.raises(ThothError, match="no service api"):
        services.restart(estate, PLACE, "api")


def test_restart_rolls_a_worker(estate: Clients) -> None:
    assert services.restart(estate, PLACE, "transcription")


def test_gpu_hosts_show_what_they_are(aws: Clients, tmp_path: Path) -> None:
    assert gpu.hosts(aws, PLACE.cluster) == ()
    (instance,) = aws("ec2").run_instances(ImageId="ami-12c6146b", InstanceType="g4dn.xlarge", MinCount=1, MaxCount=1)[
        "Instances"
    ]
    document = {"instanceId": instance["InstanceId"], "accountId": ACCOUNT, "region": REGION}
    import json

    aws("ecs").register_container_instance(cluster=PLACE.cluster, instanceIdentityDocument=json.dumps(document))
    (host,) = gpu.hosts(aws, PLACE.cluster)
    assert (host.instance_id, host.instance_type, host.market) == (instance["InstanceId"], "g4dn.xlarge", "on-demand")
    assert host.age_hours >= 0
    aws("ec2").terminate_instances(InstanceIds=[instance["InstanceId"]])
