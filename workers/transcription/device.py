"""The choice of device and compute type, and the check at start-up that the model fits the GPU."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass

from workers.common.errors import PoisonError

GIB = 1 << 30


@dataclass(frozen=True)
class Host:
    """What the host offers."""

    gpu: str | None
    """Name of the first GPU; None without one."""
    gpu_memory: int
    """Its free memory, in bytes."""
    compute_types: frozenset[str]
    """What CTranslate2 supports on it, or on the CPU where there is no GPU."""
    missing_libraries: tuple[str, ...] = ()
    """CUDA libraries that can't be loaded."""


@dataclass(frozen=True)
class Device:
    """Where and how the model computes; the two words are CTranslate2's."""

    device: str
    compute_type: str


@dataclass(frozen=True)
class Size:
    """Size of a model, from the table of the Whisper paper and OpenAI's model cards."""

    parameters: float
    layers: int
    width: int


_LARGE = Size(1550e6, 32, 1280)
SIZES: dict[str, Size] = {
    "tiny": Size(39e6, 4, 384),
    "base": Size(74e6, 6, 512),
    "small": Size(244e6, 12, 768),
    "medium": Size(769e6, 24, 1024),
    "large": _LARGE,
    "turbo": Size(809e6, 4, 1280),
    "distil-large": Size(756e6, 2, 1280),
    "distil-medium": Size(394e6, 2, 1024),
    "distil-small": Size(166e6, 4, 768),
}
_WEIGHT_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "int8_float16": 1, "int8_bfloat16": 1, "int8": 1}
_BEAMS = 5
# CUDA context, cuBLAS and cuDNN workspaces, and the mel features.
_FIXED_BYTES = 0.8 * GIB
# What faster-whisper falls back to on a CPU: the only fast type that every CPU has.
_CPU_TYPE = "int8"
_PREFERRED = ("int8_float16", "float16", "int8", "float32")


def choose(host: Host, compute_type: str, allow_cpu: bool) -> Device:
    """Return where and how to compute.

    Raises:
        PoisonError: ``no_gpu``, ``gpu_libraries_missing`` or ``compute_type_unsupported``; each says what to change.
    """
    if host.gpu is None:
        if allow_cpu:
            return Device("cpu", _CPU_TYPE)
        raise PoisonError(
            "no_gpu",
            "no GPU is visible in this container, and the configuration does not allow the CPU",
            "look that the task asks for a GPU, that the host is a g4dn, g5 or g6 instance with the ECS GPU AMI and"
            " that nvidia-smi works on it; or set whisper.allow_cpu",
        )
    if host.missing_libraries:
        raise PoisonError(
            "gpu_libraries_missing",
            f"the worker needs {', '.join(host.missing_libraries)}, which can't be loaded",
            "the image has cuBLAS and cuDNN from the wheels nvidia-cublas-cu12 and nvidia-cudnn-cu12: look at"
            " LD_LIBRARY_PATH; the host gives NVML where NVIDIA_DRIVER_CAPABILITIES holds compute,utility",
        )
    wanted = _PREFERRED if compute_type == "auto" else (compute_type,)
    found = next((name for name in wanted if name in host.compute_types), None)
    if found is None:
        known = ", ".join(sorted(host.compute_types))
        raise PoisonError(
            "compute_type_unsupported",
            f"{host.gpu} does not support {compute_type}",
            f"set whisper.compute_type to one of {known}, or to auto",
        )
    return Device("cuda", found)


def size_of(model: str) -> Size | None:
    """Return the size of a model by its name: ``large-v3``, ``small.en``, ``distil-large-v3``; None for others."""
    name = model.rsplit("/", 1)[-1].lower().removeprefix("faster-whisper-").removeprefix("whisper-")
    if "turbo" in name:
        return SIZES["turbo"]
    return next((SIZES[known] for known in sorted(SIZES, key=len, reverse=True) if name.startswith(known)), None)


def memory_needed(size: Size, compute_type: str, batch_size: int) -> float:
    """Return the estimated GPU memory in bytes: weights, and for each chunk the caches of cross- and self-attention.

    An estimate from the architecture (1,500 positions of sound, 448 of text, two bytes a value), not a measurement.
    """
    weights = size.parameters * _WEIGHT_BYTES.get(compute_type, 4)
    caches = 2 * size.layers * size.width * 2 * (1500 + _BEAMS * 448)
    # The encoder's own activations, which are freed before decoding begins.
    encoder = 1500 * size.width * 4 * 2 * 8
    return _FIXED_BYTES + weights + batch_size * (caches + encoder)


def check_memory(host: Host, model: str, device: Device, batch_size: int) -> None:
    """Refuse a model that can't fit even one chunk at a time.

    Raises:
        PoisonError: ``gpu_too_small``, with what to change.
    """
    size = size_of(model)
    if size is None or device.device != "cuda":
        return
    needed = memory_needed(size, device.compute_type, 1)
    if needed > host.gpu_memory:
        raise PoisonError(
            "gpu_too_small",
            f"{model} with {device.compute_type} needs about {needed / GIB:.1f} GiB,"
            f" {host.gpu} has {host.gpu_memory / GIB:.1f} GiB free",
            "use whisper.compute_type int8_float16, a smaller whisper.model, or a larger instance type"
            f" (whisper.batch_size is {batch_size} and is lowered by itself)",
        )


def missing(libraries: Iterable[str] = ("libcublas.so.12", "libcudnn.so.9")) -> tuple[str, ...]:
    """Return those of ``libraries`` that can't be loaded.

    Asked beforehand: without cuDNN CTranslate2 does not raise, it aborts the process at the first chunk.
    """
    found = []
    for name in libraries:
        try:
            ctypes.CDLL(name)
        except OSError:
            found.append(name)
    return tuple(found)
