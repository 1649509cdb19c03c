"""What each switch does to the tree: which blocks come and go, and which values change."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.render.support import PROJECT
from tests.switches.switches import BY_NAME, ENVIRONMENT, SWITCHES
from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load
from thoth_infra.render.tree import render
from thoth_infra.render.variables import variables
from thoth_infra.terraform.version import read_pin

_BLOCK = re.compile(r'^(?:resource|data|provider) "\w+"(?: "\w+")?', re.MULTILINE)

NETWORK = (
    "vpc", "default_security_group", "subnet public", "subnet private", "subnet isolated", "internet_gateway",
    "eip nat", "nat_gateway", "route_table public", "route_table private", "route_table isolated", "route internet",
    "route nat", "route_table_association public", "route_table_association private",
    "route_table_association isolated", "flow_log", "cloudwatch_log_group flow",
    "iam_role flow_logs", "iam_role_policy flow_logs",
)  # fmt: skip
CERTIFICATE = ("acm_certificate", "acm_certificate_validation", "route53_record", "route53_record validation")

# For each switch that has blocks of its own: those that come, and those that go.
BLOCKS: dict[str, tuple[set[str], set[str]]] = {
    "existing-vpc": (
        {"data vpc", "data route_tables main", "data route_tables private"},
        {*NETWORK, "data iam_policy_document flow_logs"},
    ),
    "no-domain": (set(), {*CERTIFICATE, "data route53_zone", "lb_listener http"}),
    "allow-list": ({"wafv2_ip_set allowed"}, set()),
    "images-in-own-account": ({"ecr_repository", "ecr_lifecycle_policy"}, set()),
    "interface-endpoints": ({"vpc_endpoint interface"}, set()),
    "peering": (
        {"vpc_peering_connection shared", "vpc_peering_connection_accepter shared", "route shared"}, set()
    ),
    "no-audit-trail": (set(), {"cloudtrail data"}),
    "no-rds": (
        set(),
        {"db_instance", "db_parameter_group", "db_subnet_group", "cloudwatch_log_group database",
         "iam_role database_monitoring", "iam_role_policy_attachment database_monitoring",
         "data iam_policy_document task_orchestrator"},
    ),
    "slack-channel": (
        {"chatbot_slack_channel_configuration alarms", "iam_role chatbot", "iam_role_policy chatbot",
         "data iam_policy_document chatbot", "data iam_policy_document chatbot_trust"},
        set(),
    ),
}  # fmt: skip


def configured(*names: str) -> Environment:
    """Return the environment with switches set."""
    settings = tuple(setting for name in names for setting in BY_NAME[name].settings)
    return load(PROJECT, ENVIRONMENT, settings=settings, personal=False).environment


def _blocks(env: Environment) -> set[str]:
    """Return the blocks of the root module, in short: ``vpc``, ``subnet public``, ``data vpc``."""
    tree = render(PROJECT, env, read_pin(PROJECT).version)
    found = {block for path, text in tree.items() if "/" not in path for block in _BLOCK.findall(text)}
    return {re.sub(r"resource |aws_|\"", "", block).removesuffix(" this") for block in found}


@pytest.mark.parametrize("name", [switch.name for switch in SWITCHES])
def test_the_blocks_that_come_and_go(name: str) -> None:
    before, after = _blocks(configured()), _blocks(configured(name))
    came, went = BLOCKS.get(name, (set(), set()))
    assert (after - before, before - after) == (came, went)


def test_without_blocks_of_its_own_a_switch_changes_values() -> None:
    before = variables(configured())
    assert [name for name in BY_NAME if name not in BLOCKS and variables(configured(name)) == before] == [
        "zone-in-own-account"  # another provider for the same blocks
    ]


def _capacity(env: Environment, service: str) -> dict[str, tuple[int, int]]:
    rows: list[dict[str, Any]] = variables(env)["services"][service]["capacity"]
    return {row["provider"]: (row["base"], row["weight"]) for row in rows}


def test_a_strategy_names_no_market_that_has_no_instances() -> None:
    assert _capacity(configured("spot-off"), "transcription") == {"main/on-demand": (0, 100)}
    assert _capacity(configured("spot-only"), "transcription") == {"main/spot": (0, 100)}
    assert _capacity(configured("spot-only", "music-terms-on-gpu-hosts"), "music-terms") == {"main/spot": (0, 100)}
    assert _capacity(configured("spot-off", "two-pools"), "audio-extraction") == {"burst/spot": (0, 100)}


def test_the_zone_of_the_own_account_needs_no_provider_of_the_shared_one() -> None:
    def providers(*names: str) -> str:
        return render(PROJECT, configured(*names), "1.11.4")["01-providers.tf"]

    assert 'alias               = "shared"' not in providers("zone-in-own-account")
    assert 'alias               = "shared"' in providers("zone-in-own-account", "peering")


def test_gpu_hosts_reach_the_interface_endpoints_as_every_service_does() -> None:
    # An endpoint answers to AWS's own name for all of the VPC: a host that it does not let in pulls no image.
    flows = variables(configured("interface-endpoints"))["flows"].values()
    sources = {flow["source"] for flow in flows if flow["target"] == "endpoints"}
    assert sources == {"gpu-hosts", *variables(configured())["services"]}


def test_somebody_elses_image_runs_its_own_command_and_no_health_check_of_ours() -> None:
    api = variables(configured("another-api-image"))["services"]["api"]
    assert (api["command"], api["health_check"]) == ([], None)
    assert api["image"] == "registry.example.org/somebody/api:2.4.1"
    others = variables(configured("another-api-image"))["services"]
    assert all(service["health_check"] for name, service in others.items() if name != "api")


def test_an_existing_vpc_may_have_another_network_than_the_subnets_that_are_not_made() -> None:
    network = variables(configured("existing-vpc"))["network"]
    assert network["cidr"] == "172.20.0.0/16"
    assert network["public_subnets"] == {"0": "subnet-a0000000000000001", "1": "subnet-a0000000000000002"}
