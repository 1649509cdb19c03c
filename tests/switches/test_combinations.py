"""Every pair of switches renders, validates and plans: no invalid index, no unset reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.marks import slow
from tests.render.support import PROJECT
from tests.switches.combinations import Combination, met, pairs, pairwise
from tests.switches.plans import failures, without_repeated_firewalls
from tests.switches.switches import BY_NAME, ENVIRONMENT, SWITCHES
from thoth_infra.config.load import load
from thoth_infra.render.tree import Tree, render
from thoth_infra.terraform.version import read_pin

AS_IT_IS = "as-it-is"
FACTORS: dict[str, list[str]] = {switch.factor: [AS_IT_IS] for switch in SWITCHES}
for _switch in SWITCHES:
    FACTORS[_switch.factor].append(_switch.name)
COMBINATIONS = pairwise(FACTORS)
# One process for each worker of the usual `pytest -n 2`.
BATCHES = 2


def settings(combination: Combination) -> tuple[str, ...]:
    """Return the assignments of a combination's switches."""
    return tuple(s for level in combination.values() if level in BY_NAME for s in BY_NAME[level].settings)


def rendered(*assignments: str) -> Tree:
    """Return the tree of the environment with settings as of ``--set``."""
    env = load(PROJECT, ENVIRONMENT, settings=assignments, personal=False).environment
    return render(PROJECT, env, read_pin(PROJECT).version)


def test_every_pair_of_choices_is_in_a_combination() -> None:
    held = set().union(*map(met, COMBINATIONS))
    assert set(pairs(FACTORS)) - held == set()
    assert all(combination.keys() == FACTORS.keys() for combination in COMBINATIONS)


def test_the_combinations_are_few_and_always_the_same() -> None:
    # Two factors of three levels can't do with fewer than nine.
    assert 9 <= len(COMBINATIONS) <= 14
    assert pairwise(FACTORS) == COMBINATIONS


@pytest.mark.terraform
@pytest.mark.parametrize("batch", [0, *slow(*range(1, BATCHES))])
def test_every_combination_is_valid_and_plans(batch: int, tmp_path: Path) -> None:
    chosen = {f"combination_{number}": combination for number, combination in enumerate(COMBINATIONS)}
    trees = without_repeated_firewalls({name: rendered(*settings(c)) for name, c in chosen.items()})
    failed = failures(tmp_path, {name: trees[name] for name in list(trees)[batch::BATCHES]})
    assert not failed, "\n".join(f"{' '.join(chosen[name].values())}:\n{said}" for name, said in failed.items())


SMALL = {
    "01-providers.tf": """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "= 5.100.0"
    }
  }
}
""",
    "25-queues.tf": """\
resource "aws_sqs_queue" "this" {
  for_each = toset(["videos"])
  name     = each.key
}
""",
    "staging.auto.tfvars": "",
}


@pytest.mark.terraform
def test_an_invalid_index_an_unset_reference_and_a_missing_provider_are_seen(tmp_path: Path) -> None:
    added = {
        "nothing": "",
        "index": 'output "x" {\n  value = aws_sqs_queue.this["vidoes"].url\n}\n',
        "reference": 'output "x" {\n  value = [for name in [] : aws_sqs_queue.that[name].url]\n}\n',
        "provider": 'resource "aws_vpc" "x" {\n  provider   = aws.shared\n  cidr_block = "10.0.0.0/16"\n}\n',
    }
    failed = failures(tmp_path, {name: {**SMALL, "98-added.tf": text} for name, text in added.items()})
    assert failed.keys() == {"index", "reference", "provider"}
    assert "Invalid index" in failed["index"]
    assert "Reference to undeclared resource" in failed["reference"]
    assert "Provider configuration not present" in failed["provider"]
