"""What Terraform itself plans and applies is what the estimate was worked out from; what a change costs."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.render.support import ENVIRONMENTS, PROJECT, copy_project, terraform
from tests.switches.switches import BY_NAME
from thoth_infra.cli.context import Project
from thoth_infra.cli.main import main
from thoth_infra.cli.policy import planned as plan_of
from thoth_infra.cli.session import render_into
from thoth_infra.config import prices
from thoth_infra.config.load import load
from thoth_infra.review.cost import billed, delta, planned, rendered, resources
from thoth_infra.review.cost.estate import Estate
from thoth_infra.review.cost.estimate import estimate
from thoth_infra.review.cost.usage import Usage, usage_of


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A copy of the project, and nothing of the user's own settings."""
    terraform()
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(("AWS_", "THOTH_", "TF_")) and n != "THOTH_PROVIDER_MIRROR"]:
            patch.delenv(name)
        yield Project(copy_project(tmp_path / "project"), engine="local")


def planned_estate(plan: dict[str, Any]) -> Estate:
    """Return what is billed after a plan; every type of it is known."""
    found = resources.read(plan["planned_values"]["root_module"], plan["variables"])
    assert billed.unknown(found.types) == ()
    return planned.estate_of(found)


@pytest.mark.slow
@pytest.mark.terraform
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_estimate_forgets_nothing_that_terraform_plans(project: Project, name: str) -> None:
    render_into(project, name)
    plan = plan_of(project, name, emulate=True)
    assert planned_estate(plan) == rendered.estate_of(load(project.root, name, personal=False).environment)


# Those that move most of what is billed; each changes several counts.
SETTINGS = {
    "own images, two pools, endpoints": (
        *BY_NAME["images-in-own-account"].settings,
        *BY_NAME["two-pools"].settings,
        *BY_NAME["interface-endpoints"].settings,
        *BY_NAME["allow-list"].settings,
    ),
    "sqlite, spot alone, no domain": (
        *BY_NAME["no-rds"].settings,
        *BY_NAME["spot-only"].settings,
        *BY_NAME["no-domain"].settings,
        *BY_NAME["no-audit-trail"].settings,
        *BY_NAME["no-off-hours"].settings,
    ),
}


@pytest.mark.slow
@pytest.mark.terraform
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_nor_with_other_settings(project: Project, monkeypatch: pytest.MonkeyPatch, settings: tuple[str, ...]) -> None:
    for setting in settings:
        key, _, value = setting.partition("=")
        monkeypatch.setenv("THOTH_" + key.replace(".", "__").upper(), value)
    render_into(project, "staging")
    plan = plan_of(project, "staging", emulate=True)
    assert planned_estate(plan) == rendered.estate_of(load(project.root, "staging").environment)


@pytest.mark.slow
@pytest.mark.terraform
def test_a_plan_costs_what_the_two_configurations_differ_by(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load(project.root, "dev").environment
    with pytest.raises(SystemExit) as ended:
        main(["--root", str(project.root), "--engine", "local", "apply", "--env", "dev", "--emulate", "--auto-approve"])
    assert ended.value.code == 0
    changes = {
        "NETWORK__NAT": "per_zone",
        "DATABASE__INSTANCE_CLASS": "db.t4g.medium",
        "GPU_POOLS__MAIN__SPOT__MAX": "2",
    }
    for key, value in changes.items():
        monkeypatch.setenv(f"THOTH_{key}", value)
    after = load(project.root, "dev").environment
    render_into(project, "dev")
    plan = plan_of(project, "dev", emulate=True)
    state = resources.read(plan["prior_state"]["values"]["root_module"])
    assert planned.estate_of(state) == rendered.estate_of(before)
    assert planned_estate(plan) == rendered.estate_of(after)
    found = delta.of_plan("dev", plan, prices.load(), usage_of(after))
    both = [estimate(one, prices.load(), usage_of(after)) for one in (before, after)]
    assert found == delta.delta(*both)
    # A second gateway with its address, and $0.049 more for each hour of the database.
    assert float(found.change) == pytest.approx(730 * (0.045 + 0.005 + 0.065 - 0.016), abs=0.05)


def resource(kind: str, index: str | None = None, **values: Any) -> dict[str, Any]:
    """Return a resource as ``terraform show -json`` has it."""
    address = f"{kind}.this" + (f'["{index}"]' if index else "")
    return {"address": address, "mode": "managed", "type": kind, "index": index, "values": values}


GATEWAY, ADDRESS = resource("aws_nat_gateway", "us-east-1a"), resource("aws_eip", "us-east-1a")
DATABASE = resource(
    "aws_db_instance", None, instance_class="db.t4g.small", allocated_storage=20, max_allocated_storage=20,
    multi_az=False, backup_retention_period=7, manage_master_user_password=True,
)  # fmt: skip


def plan(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> dict[str, Any]:
    """Return plan JSON with what a delta reads."""
    was, now = ({one["address"]: one for one in side} for side in (before, after))
    changes = [
        {"address": one, "mode": "managed", "type": (now.get(one) or was[one])["type"],
         "change": {"actions": ["no-op"] if now.get(one) == was.get(one) else ["update"]}}
        for one in {**was, **now}
    ]  # fmt: skip
    return {
        "prior_state": {"values": {"root_module": {"resources": before}}},
        "planned_values": {"root_module": {"resources": after}},
        "resource_changes": changes,
    }


def changed(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> delta.CostDelta:
    """Return what a change costs."""
    return delta.of_plan("staging", plan(before, after), prices.load(), Usage())


def test_a_bigger_database_is_told_with_its_share_and_its_bounds() -> None:
    bigger = copy.deepcopy(DATABASE)
    bigger["values"] |= {"instance_class": "db.t4g.medium", "multi_az": True, "max_allocated_storage": 100}
    found = changed([DATABASE, GATEWAY, ADDRESS], [bigger, GATEWAY, ADDRESS])
    # 730 × (0.129 − 0.032) + 20 × (0.23 − 0.115); the storage may now grow by 80 GB.
    assert found.change == Decimal("73.11")
    text = delta.as_text(found)
    assert text.startswith("+$73.11 a month expected (+116 %): Database +$73.11\n")
    assert [part.name for part in found.parts] == ["Database"]
    markdown = delta.as_markdown(found)
    assert markdown.startswith("**Cost:** +$73.11 a month expected (+116 %)\n")
    assert "| Database | 25.66 | 98.77 | +73.11 | " in markdown


def test_the_dearest_change_comes_first_and_savings_have_a_minus() -> None:
    found = changed([GATEWAY, ADDRESS, DATABASE], [])
    assert [part.name for part in found.parts][:2] == ["Network", "Database"]
    assert found.after.most == 0
    assert "Network -$36.95, Database -$25.66" in delta.as_text(found)


def test_a_plan_without_consequences_says_so() -> None:
    found = changed([DATABASE], [DATABASE])
    assert (found.headline, delta.as_text(found)) == ("no change in cost", "no change in cost")
    assert delta.as_markdown(found) == "**Cost:** no change in cost"


def test_a_first_plan_has_no_share_to_tell() -> None:
    empty = plan([], [DATABASE])
    del empty["prior_state"]
    found = delta.of_plan("staging", empty, prices.load(), Usage())
    assert found.headline == f"+${found.after.expected} a month expected"


def test_what_nobody_has_priced_is_named_only_when_it_is_touched() -> None:
    warehouse = resource("aws_redshift_cluster", None, node_type="dc2.large")
    assert changed([], [warehouse]).unpriced == ("aws_redshift_cluster",)
    assert "Not priced: `aws_redshift_cluster`" in delta.as_markdown(changed([], [warehouse]))
    assert changed([warehouse], [warehouse]).unpriced == ()


def test_off_hours_the_bounds_of_the_day_are_what_counts() -> None:
    """At night the schedule has set the scalable target to nought, which a plan's refreshed state then says."""
    action = {"resource_id": "service/thoth-dev/music-terms", "timezone": "UTC"}
    start, stop = (
        resource(
            "aws_appautoscaling_scheduled_action", name, **action, schedule=schedule,
            scalable_target_action=[{"min_capacity": "0", "max_capacity": most}],
        )
        for name, schedule, most in (("start", "cron(0 7 ? * MON *)", "2"), ("stop", "cron(0 20 ? * * *)", "0"))
    )  # fmt: skip
    target = {"resource_id": action["resource_id"], "min_capacity": 0, "max_capacity": 0}
    service = resource("aws_ecs_service", "music-terms", name="music-terms", desired_count=0)
    everything = [service, start, stop, resource("aws_appautoscaling_target", "music-terms", **target)]
    (found,) = planned.estate_of(resources.read({"resources": everything})).services
    assert (found.minimum, found.maximum, found.scheduled) == (0, 2, True)


def test_no_type_is_both_billed_and_free_and_ours_are_all_known() -> None:
    assert not billed.BILLED & billed.FREE.keys()
    declared = {
        line.split('"')[1]
        for path in (PROJECT / "templates").rglob("*.j2")
        for line in path.read_text().splitlines()
        if line.startswith("resource ")
    }
    assert billed.unknown(declared) == ()
