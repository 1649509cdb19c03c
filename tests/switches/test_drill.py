"""Minutes, not seconds: every switch planned on the emulator, and some applied, planned again and destroyed.

``make drill-switches`` runs it, one switch after the other.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.render.support import copy_project, terraform
from tests.switches.life import Life
from tests.switches.switches import APPLIED_ENVIRONMENT, ENVIRONMENT, SWITCHES, Switch
from tests.switches.world import EXISTING_CIDR

pytestmark = [pytest.mark.slow, pytest.mark.terraform]

PLANNED = [switch for switch in SWITCHES if switch.emulated]
APPLIED = [switch for switch in SWITCHES if switch.applied]
# The least that a plan of a whole estate has; dev has two zones and no domain.
RESOURCES = 120
# What belongs to somebody else in an existing VPC.
NETWORK = ("aws_vpc.", "aws_subnet.", "aws_route_table.", "aws_internet_gateway.", "aws_nat_gateway.", "aws_flow_log.")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    terraform()
    return copy_project(tmp_path / "project")


def _value(settings: tuple[str, ...], key: str) -> str:
    return dict(setting.split("=", 1) for setting in settings)[key]


def _name(switch: Switch) -> str:
    return switch.name


@pytest.mark.parametrize("switch", [switch for switch in PLANNED if not switch.prepare], ids=_name)
def test_a_switch_plans(switch: Switch, root: Path) -> None:
    result = Life(root, ENVIRONMENT, switch).rehearse(until="plan")
    assert result["ok"], result
    assert result["steps"][-1]["add"] >= RESOURCES


@pytest.mark.parametrize("switch", [switch for switch in APPLIED if not switch.prepare], ids=_name)
def test_a_switch_settles_when_applied_and_leaves_nothing_when_destroyed(switch: Switch, root: Path) -> None:
    result = Life(root, APPLIED_ENVIRONMENT, switch).rehearse()
    assert result["ok"], result
    assert result["resources"] >= RESOURCES
    assert result["left_over"] == []


@pytest.mark.parametrize("switch", [s for s in PLANNED if s.prepare and not s.applied], ids=_name)
def test_a_switch_plans_with_what_it_needs(switch: Switch, root: Path) -> None:
    with Life(root, ENVIRONMENT, switch).prepared() as run:
        assert json.loads(run("plan", "--summary", "json"))["add"] >= RESOURCES


@pytest.mark.parametrize("switch", [s for s in APPLIED if s.prepare], ids=_name)
def test_in_an_existing_vpc_it_settles_and_leaves_it_as_it_was(switch: Switch, root: Path) -> None:
    with Life(root, APPLIED_ENVIRONMENT, switch).prepared() as run:
        elsewhere = replace(run, settings=(*run.settings, "network.cidr=10.99.0.0/16"))
        said = " ".join(elsewhere.refused("plan").split())  # Terraform breaks its lines
        assert f"but the network of {_value(run.settings, 'network.vpc_id')} is {EXISTING_CIDR}" in said
        planned = json.loads(run("plan", "--summary", "json"))
        assert planned["add"] >= RESOURCES - 20
        assert not [c for c in planned["changes"] if c["address"].startswith(NETWORK)]
        run("apply")
        run("plan", "--detailed-exitcode")
        run("destroy")
        assert run.left_over() == ()
