"""What hosts get: a device, or an error that says what to change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from faster_whisper import available_models

from tests.workers.transcription.rig import CPU_HOST
from workers.common.errors import PoisonError
from workers.transcription.device import (
    GIB,
    SIZES,
    Device,
    Host,
    check_memory,
    choose,
    memory_needed,
    missing,
    size_of,
)

# What CTranslate2 reports for compute capability 7.5 and 8.6.
T4 = Host("Tesla T4", 15 * GIB, frozenset({"float32", "float16", "int8", "int8_float16", "int8_float32"}))
A10G = Host("NVIDIA A10G", 22 * GIB, T4.compute_types | {"bfloat16", "int8_bfloat16"})
BARE = replace(T4, missing_libraries=("libcudnn.so.9",))


@pytest.mark.parametrize(
    ("host", "compute_type", "allow_cpu", "chosen"),
    [
        (T4, "int8_float16", False, Device("cuda", "int8_float16")),
        (T4, "float16", True, Device("cuda", "float16")),
        (T4, "auto", False, Device("cuda", "int8_float16")),
        (A10G, "bfloat16", False, Device("cuda", "bfloat16")),
        (A10G, "auto", False, Device("cuda", "int8_float16")),
        (replace(T4, compute_types=frozenset({"float32", "int8"})), "auto", False, Device("cuda", "int8")),
        (replace(T4, compute_types=frozenset({"float32"})), "auto", False, Device("cuda", "float32")),
        (CPU_HOST, "int8_float16", True, Device("cpu", "int8")),
        (CPU_HOST, "auto", True, Device("cpu", "int8")),
    ],
)
def test_hosts_get_what_they_support(host: Host, compute_type: str, allow_cpu: bool, chosen: Device) -> None:
    assert choose(host, compute_type, allow_cpu) == chosen


@pytest.mark.parametrize(
    ("host", "compute_type", "code", "named", "hinted"),
    [
        (CPU_HOST, "int8_float16", "no_gpu", "no GPU", ("whisper.allow_cpu", "g4dn", "nvidia-smi")),
        (BARE, "int8_float16", "gpu_libraries_missing", "libcudnn.so.9", ("nvidia-cudnn-cu12", "LD_LIBRARY_PATH")),
        (T4, "bfloat16", "compute_type_unsupported", "Tesla T4", ("whisper.compute_type", "float16", "auto")),
        (T4, "int8_bfloat16", "compute_type_unsupported", "int8_bfloat16", ("int8_float16",)),
        (replace(T4, compute_types=frozenset()), "auto", "compute_type_unsupported", "Tesla T4", ("auto",)),
    ],
)
def test_other_hosts_are_refused_with_what_to_change(
    host: Host, compute_type: str, code: str, named: str, hinted: tuple[str, ...]
) -> None:
    with pytest.raises(PoisonError) as caught:
        choose(host, compute_type, allow_cpu=False)
    assert caught.value.code == code
    assert named in caught.value.message
    assert all(word in caught.value.hint for word in hinted)


def test_missing_libraries_are_not_tolerated_where_the_cpu_would_be() -> None:
    with pytest.raises(PoisonError, match="gpu_libraries_missing"):
        choose(BARE, "int8_float16", allow_cpu=True)


@pytest.mark.parametrize("name", available_models())
def test_every_model_of_faster_whisper_has_a_size(name: str) -> None:
    size = size_of(name)
    assert size is not None
    # Names begin with the size, except that "turbo" is a large model with a small decoder.
    expected = "turbo" if "turbo" in name else name.replace("distil-", "").split("-")[0].split(".")[0]
    assert size == SIZES[f"distil-{expected}" if name.startswith("distil") else expected]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("Systran/faster-whisper-large-v3", "large"),
        ("mobiuslabsgmbh/faster-whisper-large-v3-turbo", "turbo"),
        ("/models/small.en", "small"),
    ],
)
def test_a_size_is_found_in_longer_names(name: str, size: str) -> None:
    assert size_of(name) == SIZES[size]


def test_nothing_is_said_of_a_model_of_unknown_size() -> None:
    assert size_of("/models/guitar-teacher") is None
    check_memory(replace(T4, gpu_memory=1), "/models/guitar-teacher", Device("cuda", "float32"), 8)


def test_a_t4_holds_the_large_model_with_the_default_batch() -> None:
    assert memory_needed(SIZES["large"], "int8_float16", 8) < T4.gpu_memory
    check_memory(T4, "large-v3", Device("cuda", "int8_float16"), 8)


def test_a_model_that_does_not_fit_is_refused_with_figures() -> None:
    small = replace(T4, gpu_memory=4 * GIB)
    with pytest.raises(PoisonError) as caught:
        check_memory(small, "large-v3", Device("cuda", "float32"), 8)
    assert caught.value.code == "gpu_too_small"
    assert "4.0 GiB free" in caught.value.message
    assert all(word in caught.value.hint for word in ("int8_float16", "whisper.model", "instance type"))
    check_memory(small, "large-v3", Device("cuda", "int8_float16"), 8)


def test_more_costs_more() -> None:
    needs = [memory_needed(SIZES["large"], name, 1) for name in ("int8", "float16", "float32")]
    assert needs == sorted(set(needs))
    assert memory_needed(SIZES["large"], "int8", 2) > needs[0]
    # A type that is not in the table counts as the widest.
    assert memory_needed(SIZES["large"], "int16", 1) == needs[2]


def test_the_cpu_has_no_gpu_memory_to_check() -> None:
    check_memory(CPU_HOST, "large-v3", Device("cpu", "int8"), 8)


def test_libraries_are_looked_for_by_loading_them() -> None:
    assert missing(("libc.so.6", "libthoth-is-not-here.so.1")) == ("libthoth-is-not-here.so.1",)
