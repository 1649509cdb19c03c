"""Where a value comes from, and what lower layers said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.support import first_difference
from thoth_infra.config.explain import explain, value
from thoth_infra.config.load import load
from thoth_infra.errors import ThothError


def _line(root: Path, file: str, start: str, after: str = "") -> int:
    lines = (root / file).read_text().split("\n")
    begin = next(n for n, line in enumerate(lines) if line.strip().startswith(after)) if after else 0
    return next(n for n, line in enumerate(lines[begin:], begin + 1) if line.strip().startswith(start))


def test_a_value_with_all_layers_below_it(root: Path) -> None:
    (root / ".env.staging").write_text("\nGPU_INSTANCE_TYPE=g5.xlarge\n")
    variables = {"THOTH_GPU_INSTANCE_TYPE": "g5.2xlarge"}
    settings = ["gpu_pools.main.instance_type=g6.xlarge"]
    (found,) = explain(load(root, "staging", variables=variables, settings=settings), "gpu_pools.main.instance_type")
    assert "g4dn.2xlarge (production)" in found.description
    assert (found.effective.value, found.effective.layer, found.effective.place) == ("g6.xlarge", "options", "--set")
    assert [(given.value, given.layer, given.place) for given in found.shadowed] == [
        ("g5.2xlarge", "process", "THOTH_GPU_INSTANCE_TYPE"),
        ("g5.xlarge", "dotenv", ".env.staging:2"),
        (
            "g4dn.xlarge",
            "environment",
            f"environments/staging.yaml:{_line(root, 'environments/staging.yaml', 'instance_type')}",
        ),
        (
            "g4dn.xlarge",
            "defaults",
            f"environments/_defaults.yaml:{_line(root, 'environments/_defaults.yaml', 'instance_type')}",
        ),
    ]


def test_a_section_is_explained_key_by_key(root: Path) -> None:
    keys = [found.key for found in explain(load(root, "dev", variables={}), "queues")]
    assert keys == ["queues.retention_days", "queues.dead_letter_retention_days", "queues.max_receive_count"]


def test_a_built_in_default_has_no_place(root: Path) -> None:
    (found,) = explain(load(root, "dev", variables={}), "alarms.processing_minutes")
    assert (found.effective.layer, found.effective.place, found.shadowed) == ("built-in default", "", ())


def test_a_built_in_default_of_another_variant_shadows_the_lower_one(root: Path) -> None:
    (found,) = explain(load(root, "dev", variables={}), "services.api.scaling.tasks")
    assert (found.effective.value, found.effective.layer) == (1, "environment")


def test_a_derived_value_says_so(root: Path) -> None:
    (found,) = explain(load(root, "dev", variables={}), "prefix")
    assert (found.effective.value, found.effective.layer) == ("thoth-dev", "derived")


def test_an_item_of_a_list_has_its_own_line(root: Path) -> None:
    file = root / "environments" / "staging.yaml"
    before = file.read_text()
    file.write_text(
        before.replace("emails: [infra", "emails:\n    - first@example.com\n    - [infra")
        .replace("- [", "- ")
        .replace(".com]", ".com")
    )
    (found,) = explain(load(root, "staging", variables={}), "alarms.emails.1")
    line = first_difference(before, file.read_text()) + 2
    assert found.effective.place == f"environments/staging.yaml:{line}"


def test_a_key_may_hold_dots_where_it_is_a_tag(root: Path) -> None:
    file = root / "environments" / "staging.yaml"
    file.write_text(file.read_text() + "tags: { cost.center: a, cost: b }\n")
    loaded = load(root, "staging", variables={})
    assert value(loaded, "tags.cost.center") == "a"
    assert value(loaded, "tags.cost") == "b"


def test_an_option_of_a_mapping_explains_its_items(root: Path) -> None:
    loaded = load(root, "staging", variables={}, settings=["tags={Team: x}"])
    (found,) = explain(loaded, "tags.Team")
    assert (found.effective.layer, found.effective.place) == ("options", "--set")


@pytest.mark.parametrize(
    ("key", "message", "hint"),
    [
        ("whisper.modle", "there is no key 'whisper.modle' in whisper", "did you mean 'model'?"),
        ("prefx", "there is no key 'prefx'", "did you mean 'prefix'?"),
        ("alarms.emails.7", "there is no key 'alarms.emails.7' in alarms.emails", "choose one of 0"),
        ("region.x", "there is no key 'region.x': region has no keys below it", "explain region"),
        ("off_hours.days", "there is no key 'off_hours.days': off_hours has no keys below it", "explain off_hours"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(root: Path, key: str, message: str, hint: str) -> None:
    with pytest.raises(ThothError) as error:
        explain(load(root, "production", variables={}), key)
    assert (error.value.message, error.value.hint) == (message, hint)


def test_values_of_keys_sections_and_derived_keys(root: Path) -> None:
    loaded = load(root, "staging", variables={})
    assert value(loaded, "accounts.own") == "087439708020"
    assert value(loaded, "queues") == {"retention_days": 4, "dead_letter_retention_days": 14, "max_receive_count": 4}
    assert value(loaded, "ecr_account") == "542876199144"
