"""What NVML tells of the GPU: for the check at start-up, and for the metrics while the worker runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from thoth_infra.contract.metrics import GPU_MEMORY, GPU_UTILIZATION
from workers.common.metrics import Metrics
from workers.transcription.device import Host, missing

_log = logging.getLogger(__name__)
_SAMPLE_SECONDS = 15.0
_EMIT_EVERY = 4
_NVML = "libnvidia-ml.so.1"


def host() -> Host:
    """Return what this host offers to CTranslate2."""
    import ctranslate2

    if ctranslate2.get_cuda_device_count() == 0:
        return Host(None, 0, frozenset(ctranslate2.get_supported_compute_types("cpu")))
    types = frozenset(ctranslate2.get_supported_compute_types("cuda"))
    try:
        name, free = _first_gpu()
    except _nvml_error() as error:
        # The driver's libraries are mounted one by one, as NVIDIA_DRIVER_CAPABILITIES says; NVML is "utility".
        _log.warning("NVML does not answer: %s", error)
        return Host("GPU", 0, types, (_NVML, *missing()))
    return Host(name, free, types, missing())


def _first_gpu() -> tuple[str, int]:
    with _nvml() as nvml:
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        return str(nvml.nvmlDeviceGetName(handle)), int(nvml.nvmlDeviceGetMemoryInfo(handle).free)


def _nvml_error() -> type[Exception]:
    import pynvml

    found: type[Exception] = pynvml.NVMLError
    return found


@contextmanager
def _nvml() -> Iterator[Any]:
    import pynvml

    pynvml.nvmlInit()
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


class Monitor:
    """A thread that samples the GPU and emits the mean of a minute, busy or not, so that idle GPUs are seen too."""

    def __init__(self, metrics: Metrics, sample_seconds: float = _SAMPLE_SECONDS) -> None:
        self._metrics = metrics
        self._sample_seconds = sample_seconds
        self._ending = threading.Event()

    def start(self) -> None:
        """Begin; the thread ends with the process."""
        threading.Thread(target=self._run, name="gpu", daemon=True).start()

    def stop(self) -> None:
        """End at the next sample."""
        self._ending.set()

    def _run(self) -> None:
        try:
            with _nvml() as nvml:
                handle = nvml.nvmlDeviceGetHandleByIndex(0)
                while not self._ending.is_set():
                    self.minute(nvml, handle)
        except Exception:
            # Metrics are not worth a job; the alarm on missing data tells.
            _log.exception("the GPU can't be watched any more")

    def minute(self, nvml: Any, handle: Any) -> None:
        """Sample for a minute and emit the means."""
        busy, used = [], []
        for _ in range(_EMIT_EVERY):
            if self._ending.wait(self._sample_seconds):
                return
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            busy.append(float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu))
            used.append(100 * memory.used / memory.total)
        self._metrics.emit(
            {
                GPU_UTILIZATION: round(sum(busy) / len(busy), 2),
                GPU_MEMORY: round(sum(used) / len(used), 2),
            }
        )
