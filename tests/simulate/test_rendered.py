"""What is simulated is what is rendered: the figures in the trees, read from the trees, are those of the estate."""

from __future__ import annotations

import re

import pytest

from tests.render.support import ENVIRONMENTS, PROJECT
from thoth_infra.config.load import load
from thoth_infra.errors import ThothError
from thoth_infra.simulate.estate import Estate, OnPool
from thoth_infra.simulate.rendered import estate_of

PER_ENVIRONMENT = pytest.mark.parametrize("environment", ENVIRONMENTS)


def estate(environment: str, *settings: str) -> Estate:
    return estate_of(load(PROJECT, environment, personal=False, settings=settings).environment)


def template(environment: str, module: str, file: str) -> str:
    return (PROJECT / "terraform" / environment / "modules" / module / file).read_text(encoding="utf-8")


@PER_ENVIRONMENT
def test_bounds_targets_and_capacity_are_those_of_the_tfvars(environment: str) -> None:
    text = (PROJECT / "terraform" / environment / f"{environment}.auto.tfvars").read_text(encoding="utf-8")
    found = estate(environment)
    for stage in found.stages:
        block = re.search(rf"^  {re.escape(stage.name)} = \{{(.*?)^  \}}", text, re.M | re.S)
        block = block or re.search(rf'^  "{re.escape(stage.name)}" = \{{(.*?)^  \}}', text, re.M | re.S)
        assert block, stage.name
        scaling = re.search(r"scaling = \{(.*?)\}", block[1], re.S)
        assert scaling
        values = dict(re.findall(r"(\w+)\s*= \"?([\w]+)\"?", scaling[1]))
        assert (values["min"], values["max"]) == (str(stage.minimum), str(stage.maximum))
        assert stage.track and values["target"] == f"{stage.track.messages_per_task:g}"
        assert stage.sleep and values["scale_in_minutes"] == str(stage.sleep.evaluation_minutes)
    assert re.search(rf"max_receive_count\s*= {found.max_receives}\b", text)
    assert (found.schedule is None) == ("off_hours = null" in re.sub(" +", " ", text))


@PER_ENVIRONMENT
def test_cooldowns_and_alarms_are_those_of_the_tree(environment: str) -> None:
    text = template(environment, "ai-services", "autoscaling.tf")
    hosts = template(environment, "ecs-gpu-cluster", "main.tf")
    for stage in estate(environment).stages:
        assert stage.wake and stage.track and stage.sleep
        gpu, other = re.search(r'"EC2" \? (\d+) : (\d+)', text).groups()  # type: ignore[union-attr]
        assert stage.wake.cooldown_seconds == int(gpu if isinstance(stage.launch, OnPool) else other)
        assert f"scale_out_cooldown = {stage.track.cooldown_seconds:g}\n" in text
        assert f"cooldown                = {stage.sleep.cooldown_seconds:g}\n" in text
        assert f"scaling_adjustment          = {stage.wake.adjustment}\n" in text
    for pool in estate(environment).pools:
        assert f"maximum_scaling_step_size = {pool.most_step}\n" in hosts


def test_a_changed_key_changes_the_estate() -> None:
    changed = estate("production", "services.transcription.scaling.max=3", "gpu_pools.main.spot.enabled=false",
                     "gpu_pools.main.on_demand.base_tasks=2")  # fmt: skip
    stage = changed.stage("transcription")

    assert (stage.maximum, stage.spot_weight, stage.on_demand_base) == (3, 0, 2)
    assert changed.pool("main").spot_max == 0


def test_a_stage_that_follows_its_cpu_is_refused() -> None:
    with pytest.raises(ThothError, match="music-terms follows its CPU"):
        estate("production", "services.music_terms.scaling={kind: cpu, min: 1, max: 2, target_percent: 60}")
