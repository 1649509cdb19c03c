"""From configuration to tfvars: what is computed on the way."""

from __future__ import annotations

from typing import Any

import pytest

from tests.render.support import PROJECT
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load
from thoth_infra.contract.services import SERVICES
from thoth_infra.render.references import context
from thoth_infra.render.tree import render
from thoth_infra.render.variables import variables

DAY = 86400
ONE_TASK = "services.transcription.scaling.max=1"  # what a pool of one instance has room for


def configured(environment: str, *settings: str) -> Environment:
    """Return an environment with some keys set otherwise."""
    return load(PROJECT, environment, settings=settings, personal=False).environment


EXISTING_VPC = (
    "network.vpc_id=vpc-0123456789abcdef0",
    "network.existing_subnets.public=[subnet-0000000a, subnet-0000000b]",
    "network.existing_subnets.private=[subnet-0000000c, subnet-0000000d]",
    "network.existing_subnets.isolated=[subnet-0000000e, subnet-0000000f]",
)


def test_an_own_vpc_has_one_subnet_of_each_tier_per_zone() -> None:
    network = variables(configured("staging"))["network"]
    assert network["vpc_id"] == ""
    assert network["private_subnets"] == {
        "us-east-1a": "10.40.16.0/20", "us-east-1b": "10.40.32.0/20", "us-east-1c": "10.40.48.0/20",
    }  # fmt: skip
    assert network["public_subnets"].keys() == network["isolated_subnets"].keys() == network["private_subnets"].keys()


@pytest.mark.parametrize(
    ("nat", "zones"), [("single", ["us-east-1a"]), ("per_zone", ["us-east-1a", "us-east-1b", "us-east-1c"])]
)
def test_nat_gateways_stand_in_one_zone_or_in_all(nat: str, zones: list[str]) -> None:
    assert variables(configured("staging", f"network.nat={nat}"))["network"]["nat_zones"] == zones


def test_an_existing_vpc_brings_its_subnets_and_its_own_way_out() -> None:
    network = variables(configured("staging", *EXISTING_VPC))["network"]
    assert network["vpc_id"] == "vpc-0123456789abcdef0"
    assert network["private_subnets"] == {"0": "subnet-0000000c", "1": "subnet-0000000d"}
    assert network["nat_zones"] == []


def _capacity(env: Environment, service: str) -> list[tuple[str, int, int]]:
    rows = variables(env)["services"][service]["capacity"]
    return [(row["provider"], row["base"], row["weight"]) for row in rows]


@pytest.mark.parametrize(
    ("settings", "capacity"),
    [
        ((), [("main/on-demand", 0, 20), ("main/spot", 0, 80)]),
        (("gpu_pools.main.spot.enabled=false", ONE_TASK), [("main/on-demand", 0, 100)]),
        (("gpu_pools.main.spot.max=0", ONE_TASK), [("main/on-demand", 0, 100)]),
        (("gpu_pools.main.on_demand.max=0", ONE_TASK), [("main/spot", 0, 100)]),
        (("gpu_pools.main.spot.weight_percent=100",), [("main/spot", 0, 100)]),
        (
            ("gpu_pools.main.on_demand.base_tasks=1", "gpu_pools.main.spot.weight_percent=100"),
            [("main/on-demand", 1, 0), ("main/spot", 0, 100)],
        ),
    ],
)
def test_gpu_tasks_are_spread_over_on_demand_and_spot(
    settings: tuple[str, ...], capacity: list[tuple[str, int, int]]
) -> None:
    assert _capacity(configured("staging", *settings), "transcription") == capacity


@pytest.mark.parametrize(
    ("percent", "capacity"),
    [
        (0, [("FARGATE", 1, 100)]),
        (80, [("FARGATE", 1, 20), ("FARGATE_SPOT", 0, 80)]),
        # The first task stays on demand even then.
        (100, [("FARGATE", 1, 0), ("FARGATE_SPOT", 0, 100)]),
    ],
)
def test_fargate_tasks_are_spread_over_on_demand_and_spot(percent: int, capacity: list[tuple[str, int, int]]) -> None:
    env = configured("staging", f"services.audio_extraction.launch.spot_percent={percent}")
    assert _capacity(env, "audio-extraction") == capacity


@pytest.mark.parametrize(
    ("settings", "most", "price"),
    [
        ((), 2, ""),
        (("gpu_pools.main.spot.max_price=0.3",), 2, "0.3"),
        (("gpu_pools.main.spot.enabled=false", ONE_TASK), 0, ""),
    ],
)
def test_spot_instances_of_a_pool(settings: tuple[str, ...], most: int, price: str) -> None:
    pool = variables(configured("staging", *settings))["gpu_pools"]["main"]
    assert (pool["spot_max"], pool["spot_max_price"]) == (most, price)
    assert pool["instance_types"] == ["g4dn.xlarge", "g4dn.2xlarge", "g5.xlarge"]


@pytest.mark.parametrize(
    ("service", "scaling"),
    [
        ("api", ("cpu", 1, 3, 60, 0, False)),
        ("orchestrator", ("fixed", 1, 1, 0, 0, False)),
        ("transcription", ("backlog", 0, 3, 4, 15, True)),
    ],
)
def test_scaling_of_each_kind(service: str, scaling: tuple[Any, ...]) -> None:
    assert tuple(variables(configured("staging"))["services"][service]["scaling"].values()) == scaling


def test_a_fixed_worker_does_not_follow_office_hours() -> None:
    settings = ("services.music_terms.scaling={kind: fixed, tasks: 1}",)
    scaling = variables(configured("staging", *settings))["services"]["music-terms"]["scaling"]
    assert scaling["follows_office_hours"] is False


def test_a_gpu_task_is_replaced_in_place_where_there_is_no_spare_gpu() -> None:
    for environment, wanted in (("staging", (0, 100)), ("production", (100, 200))):
        services = variables(configured(environment))["services"]
        assert tuple(services["transcription"]["deployment"].values()) == wanted
        assert tuple(services["api"]["deployment"].values()) == (100, 200)


def test_off_hours_become_two_schedules_in_their_own_time_zone() -> None:
    settings = ("off_hours.stop_at=20:05", "off_hours.start_at=07:00", "off_hours.days=[MON, WED]")
    assert variables(configured("staging", *settings))["off_hours"] == {
        "time_zone": "America/New_York",
        "stop": "cron(5 20 ? * * *)",
        "start": "cron(0 7 ? * MON,WED *)",
    }
    assert variables(configured("production"))["off_hours"] is None


def test_somebody_elses_image_runs_its_own_command_and_needs_no_repository_of_ours() -> None:
    env = configured("staging", "services.api.image=ghcr.io/example/api:1.4.0")
    api = variables(env)["services"]["api"]
    assert (api["image"], api["command"]) == ("ghcr.io/example/api:1.4.0", [])
    arns = {view.name: view.repository_arns for view in context(env)["services"]}
    assert arns["api"] == ()
    assert len(arns["orchestrator"]) == 1


@pytest.mark.parametrize(
    ("registry", "image", "arn"),
    [
        (
            "shared",
            "542876199144.dkr.ecr.us-east-1.amazonaws.com/thoth/transcription:0.1.0",
            "${var.shared_account_id}:repository/thoth/transcription",
        ),
        (
            "own",
            "087439708020.dkr.ecr.us-east-1.amazonaws.com/thoth/staging/transcription:0.1.0",
            "${var.account_id}:repository/thoth/staging/transcription",
        ),
    ],
)
def test_images_are_pulled_from_the_account_that_holds_them(registry: str, image: str, arn: str) -> None:
    locked = configured("staging", f"images.registry={registry}")
    digest = locked.images.digests["transcription"]
    assert variables(locked)["services"]["transcription"]["image"] == image.replace(":0.1.0", f"@{digest}")
    env = configured("staging", f"images.registry={registry}", "images.tag=0.1.0")
    assert variables(env)["services"]["transcription"]["image"] == image
    (view,) = [view for view in context(env)["services"] if view.name == "transcription"]
    assert [expression.text.endswith(f'{arn}"') for expression in view.repository_arns] == [True]


def test_interface_endpoints_bring_their_group_and_their_flows() -> None:
    without, with_one = configured("staging"), configured("staging", "network.interface_endpoints=[sqs]")
    assert "endpoints" not in context(without)["security_groups"]
    assert "endpoints" in context(with_one)["security_groups"]
    assert "api-to-endpoints" not in variables(without)["flows"]
    assert variables(with_one)["flows"]["api-to-endpoints"]["port"] == 443


def test_every_flow_runs_between_groups_that_are_made() -> None:
    for environment in ("dev", "staging", "production"):
        env = configured(environment)
        groups = set(context(env)["security_groups"])
        for flow in variables(env)["flows"].values():
            assert {flow["source"], flow["target"]} <= groups


def test_the_shared_account_is_used_only_where_it_is_needed() -> None:
    assert not context(configured("dev"))["uses_shared_account"]
    assert context(configured("staging"))["uses_shared_account"]
    assert not context(configured("staging", "domain.zone_account=own"))["uses_shared_account"]
    peered = configured("dev", "network.peering={vpc_id: vpc-0123456789abcdef0, cidr: 10.90.0.0/16}")
    assert context(peered)["uses_shared_account"]
    assert variables(peered)["network"]["peering"]["cidr"] == "10.90.0.0/16"


def test_without_a_domain_only_plain_http_is_listened_on() -> None:
    assert context(configured("dev"))["listener_ports"] == ["80"]
    assert context(configured("staging"))["listener_ports"] == ["80", "443"]
    assert variables(configured("dev"))["domain"] is None


def test_alarms_read_metrics_that_the_service_reports() -> None:
    env = configured("staging")
    services = {service.name: service for service in SERVICES}
    for alarm in context(env)["contract_alarms"].values():
        reported = {metric.name for metric in services[alarm["dimensions"]["Service"]].metrics}
        assert alarm["metric"] in reported
        assert alarm["namespace"] == "Thoth"


def test_slack_is_told_only_where_it_is_configured() -> None:
    assert variables(configured("staging"))["alarms"]["slack"] is None
    settings = ("alarms.slack_workspace_id=T0123456789", "alarms.slack_channel_id=C0123456789")
    assert variables(configured("staging", *settings))["alarms"]["slack"] == {
        "workspace_id": "T0123456789", "channel_id": "C0123456789",
    }  # fmt: skip


def test_retention_reaches_buckets_and_queues() -> None:
    env = configured("production")
    found = variables(env)
    assert {name: bucket["expiration_days"] for name, bucket in found["buckets"].items()} == {
        "media": 30, "archive": 1095, "logs": 731,
    }  # fmt: skip
    assert found["queue_limits"]["retention_seconds"] == 4 * DAY
    assert found["queues"]["transcription"]["visibility_seconds"] == 600
    assert found["queues"]["results"]["visibility_seconds"] == 60


@pytest.mark.parametrize(
    "settings",
    [
        EXISTING_VPC,
        ("services.api.image=ghcr.io/example/api:1.4.0", "images.registry=own"),
        ("domain=null", "budget=null", "off_hours=null"),
        ("gpu_pools.main.spot.enabled=false", ONE_TASK, "network.interface_endpoints=[sqs, logs]"),
    ],
    ids=["existing VPC", "foreign image", "nothing optional", "no spot"],
)
def test_every_shape_of_environment_renders(settings: tuple[str, ...]) -> None:
    tree = render(PROJECT, configured("staging", *settings), "1.11.4")
    assert tree["02-variables.tf"]
