"""The generated documents are current, complete, and hold for the committed environments."""

from __future__ import annotations

import functools
import gzip
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.config.support import ROOT
from thoth_infra.config import layers, load, reference, schema, shape, sources, yaml_source
from thoth_infra.config.catalogue import GPU_INSTANCE_TYPES
from thoth_infra.config.environment import Environment
from thoth_infra.config.section import VARIANT_KEYS, Section

AGAIN = "run: python -m thoth_infra.config.reference"


def test_configuration_md_is_current() -> None:
    assert (ROOT / reference.DOCUMENT).read_text() == reference.document(), AGAIN


def test_environments_schema_json_is_current() -> None:
    assert (ROOT / reference.SCHEMA).read_text() == schema.text(), AGAIN


def test_write_makes_both(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    reference.write(tmp_path)
    assert (tmp_path / "docs" / "configuration.md").read_text() == reference.document()
    assert json.loads((tmp_path / "docs" / "environments.schema.json").read_text()) == schema.schema()


def test_the_reference_names_every_key_of_the_environments_and_of_env() -> None:
    text = reference.document()
    for name in load.names(ROOT):
        merged = load.load(ROOT, name, personal=False).merged
        for path, _ in layers.flatten(merged.data):
            path = path[:2] if path[:2] == ("images", "digests") else path  # the names below are the images'
            key = ".".join("<name>" if path[0] == "gpu_pools" and i == 1 else p for i, p in enumerate(path))
            assert f"`{key}`" in text or path[0] == "tags", key
    for variable in sources.ENV_KEYS:
        assert f"`{variable}`" in text


def _models(model: type[Section], seen: set[type[Section]]) -> set[type[Section]]:
    seen.add(model)
    for info in model.model_fields.values():
        for kind in shape.members(info.annotation):
            for below in (*shape.variants(kind), *shape.variants(shape.item(kind))):
                if below not in seen:
                    _models(below, seen)  # type: ignore[arg-type]
    return seen


@pytest.mark.parametrize("model", sorted(_models(Environment, set()), key=str), ids=str)
def test_every_key_is_described_and_has_no_default_that_is_wrong(model: type[Section]) -> None:
    missing = set(model.model_fields) - set(shape.descriptions(model)) - set(VARIANT_KEYS)
    assert missing == set()


@functools.cache
def _validator() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema.schema())
    return jsonschema.Draft202012Validator(schema.schema())


@pytest.mark.parametrize("name", load.names(ROOT))
def test_merged_environments_satisfy_the_schema(name: str) -> None:
    assert list(_validator().iter_errors(load.load(ROOT, name, personal=False).merged.data)) == []


@pytest.mark.parametrize(
    "file", sorted(f for f in (ROOT / "environments").glob("*.yaml") if f.stem != "_shared"), ids=lambda f: f.stem
)
def test_each_file_by_itself_satisfies_the_schema(file: Path) -> None:
    assert list(_validator().iter_errors(yaml_source.read(file, file).data)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "databse: {}",
        "region: mars",
        "accounts: { own: 87439708020 }",
        "network: { nat: two }",
        "retention: { logs_days: 45 }",
        "gpu_pools: { main: { instance_type: t3.micro } }",
        "gpu_pools: { Main: {} }",
        "services: { api: { scaling: { kind: fixed, tasks: many } } }",
        "whisper: { batch_size: 0 }",
    ],
)
def test_the_schema_refuses_what_an_editor_can_see(wrong: str) -> None:
    assert list(_validator().iter_errors(yaml.safe_load(wrong)))


def test_descriptions_reach_the_editor() -> None:
    made = schema.schema()
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (
        made["$defs"]["Whisper"]["properties"]["batch_size"]["description"] == "Chunks that the GPU works on at once."
    )


def test_the_catalogue_agrees_with_what_ec2_describes() -> None:
    """moto ships the answers of ``describe-instance-types``."""
    moto = importlib.util.find_spec("moto")
    if moto is None or moto.origin is None:
        pytest.skip("moto is not installed")
    described = Path(moto.origin).parent / "ec2" / "resources" / "instance_types.json.gz"
    instance_types = json.loads(gzip.decompress(described.read_bytes()))
    for name, ours in GPU_INSTANCE_TYPES.items():
        theirs = instance_types[name]
        gpu = theirs["GpuInfo"]["Gpus"][0]
        assert (ours.vcpus, ours.memory_mib, ours.gpus, ours.gpu_name, ours.gpu_memory_gib, ours.enis) == (
            theirs["VCpuInfo"]["DefaultVCpus"],
            theirs["MemoryInfo"]["SizeInMiB"],
            gpu["Count"],
            gpu["Name"],
            gpu["MemoryInfo"]["SizeInMiB"] // 1024,
            theirs["NetworkInfo"]["MaximumNetworkInterfaces"],
        ), name
