"""Properties of the merge: what the layers' order and the origins promise for any values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from thoth_infra.config.layers import Layer, flatten, merge
from thoth_infra.config.yaml_source import KeyPath

KEYS = st.sampled_from(["a", "b", "c", "kind"])
LEAVES = st.none() | st.booleans() | st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)
TREES = st.recursive(st.dictionaries(KEYS, LEAVES, max_size=3), lambda t: st.dictionaries(KEYS, LEAVES | t, max_size=3))


def _lines(data: Any, path: KeyPath = ()) -> dict[KeyPath, int]:
    lines = {path: len(path) + 1}
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in children:
        lines.update(_lines(value, (*path, str(key))))
    return lines


def _layer(name: str, data: dict[str, Any]) -> Layer:
    return Layer(name, Path(name), data, _lines(data))


@given(TREES)
def test_a_layer_over_itself_changes_no_value(data: dict[str, Any]) -> None:
    assert merge([_layer("defaults", data), _layer("environment", data)]).data == data


@given(TREES, TREES)
def test_every_value_of_the_highest_layer_stands_and_is_its_own(low: dict[str, Any], high: dict[str, Any]) -> None:
    merged = merge([_layer("defaults", low), _layer("environment", high)])
    for path, value in flatten(high):
        if path and not (value == {} and isinstance(value, dict)):
            node: Any = merged.data
            for part in path:
                node = node[part]
            assert node == value
            assert merged.origin(path).layer == "environment"


@given(TREES, TREES)
def test_every_value_is_one_that_its_origin_gives(low: dict[str, Any], high: dict[str, Any]) -> None:
    layers = {"defaults": low, "environment": high}
    merged = merge([_layer(name, data) for name, data in layers.items()])
    for path, value in flatten(merged.data):
        if path and value != {}:
            node: Any = layers[merged.origin(path).layer]
            for part in path:
                node = node[part]
            assert node == value
            assert merged.origin(path).line == len(path) + 1


@given(TREES, TREES, st.integers(0, 2))
def test_an_empty_layer_changes_nothing(low: dict[str, Any], high: dict[str, Any], position: int) -> None:
    stack = [_layer("defaults", low), _layer("environment", high)]
    with_empty = [*stack[:position], Layer("dotenv", Path("dotenv"), {}), *stack[position:]]
    assert merge(with_empty).data == merge(stack).data
    assert merge(with_empty).origins == merge(stack).origins


@given(TREES, TREES)
def test_no_layer_is_changed(low: dict[str, Any], high: dict[str, Any]) -> None:
    layers = [_layer("defaults", low), _layer("environment", high)]
    before = repr(layers)
    merge(layers)
    assert repr(layers) == before


def test_another_variant_replaces_the_mapping_and_forgets_its_origins() -> None:
    low = _layer("defaults", {"scaling": {"kind": "cpu", "min": 1, "max": 3}})
    high = _layer("environment", {"scaling": {"kind": "fixed", "tasks": 2}})
    merged = merge([low, high])
    assert merged.data == {"scaling": {"kind": "fixed", "tasks": 2}}
    assert ("scaling", "min") not in merged.origins
    assert merged.origin(("scaling", "min")).layer == "environment"


def test_the_same_variant_is_merged_key_by_key() -> None:
    low = _layer("defaults", {"scaling": {"kind": "cpu", "min": 1, "max": 3}})
    high = _layer("environment", {"scaling": {"kind": "cpu", "min": 2}})
    assert merge([low, high]).data == {"scaling": {"kind": "cpu", "min": 2, "max": 3}}


def test_items_of_a_list_have_the_lines_of_the_layer_that_gave_the_list() -> None:
    low = Layer("defaults", Path("d"), {"x": [1, 2, 3]}, {("x",): 1, ("x", "0"): 2, ("x", "1"): 3, ("x", "2"): 4})
    high = Layer("environment", Path("e"), {"x": [1]}, {("x",): 7, ("x", "0"): 8})
    merged = merge([low, high])
    assert merged.origin(("x", "0")).line == 8
    assert ("x", "1") not in merged.origins


def test_null_takes_a_section_away() -> None:
    merged = merge([_layer("defaults", {"x": {"a": 1}}), _layer("environment", {"x": None})])
    assert merged.data == {"x": None}
    assert set(merged.origins) == {(), ("x",)}
