"""The GPU as NVML shows it, with an NVML of the tests' own."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import ctranslate2
import pynvml
import pytest

from thoth_infra.contract.metrics import NAMESPACE
from workers.common.errors import PoisonError
from workers.common.metrics import Metrics
from workers.transcription import gpu
from workers.transcription.device import choose


@dataclass
class FakeNvml:
    """A GPU that is busy as ``busy`` says and then fails; one more GiB of its four is used at each look."""

    busy: list[int]
    closed: threading.Event = field(default_factory=threading.Event)
    looks: int = 0

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in vars(type(self)):
            if name.startswith("nvml"):
                monkeypatch.setattr(pynvml, name, getattr(self, name))

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's names
        self.closed.clear()

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.closed.set()

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802
        assert index == 0
        return "handle"

    def nvmlDeviceGetName(self, handle: str) -> str:  # noqa: N802, ARG002
        return "Tesla T4"

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:  # noqa: N802, ARG002
        self.looks += 1
        return SimpleNamespace(total=4 << 30, used=self.looks << 30, free=(4 - self.looks) << 30)

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:  # noqa: N802, ARG002
        if not self.busy:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return SimpleNamespace(gpu=self.busy.pop(0))


def monitor(stream: io.StringIO) -> gpu.Monitor:
    return gpu.Monitor(Metrics(NAMESPACE, "test", "transcription", stream), sample_seconds=0)


def test_the_mean_of_a_minute_is_emitted() -> None:
    stream, nvml = io.StringIO(), FakeNvml([0, 100, 50, 51])
    monitor(stream).minute(nvml, "handle")
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["GpuUtilization"], line["GpuMemory"]) == (50.25, 62.5)
    assert (line["Environment"], line["Service"]) == ("test", "transcription")


def test_a_stopped_monitor_emits_no_half_minute() -> None:
    stream, nvml = io.StringIO(), FakeNvml([10])
    made = monitor(stream)
    made.stop()
    made.minute(nvml, "handle")
    assert (stream.getvalue(), nvml.busy) == ("", [10])


def test_a_gpu_that_is_lost_ends_the_watch_with_a_log_line_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stream, nvml = io.StringIO(), FakeNvml([10] * 9)
    nvml.install(monkeypatch)
    monitor(stream).start()
    assert nvml.closed.wait(20)
    assert len(stream.getvalue().splitlines()) == 2
    for thread in threading.enumerate():
        if thread.name == "gpu":
            thread.join(20)
    assert "the GPU can't be watched any more" in caplog.text


def test_a_host_without_a_gpu_offers_the_cpus_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    found = gpu.host()
    assert (found.gpu, found.gpu_memory) == (None, 0)
    assert {"int8", "float32"} <= found.compute_types


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CTranslate2 that sees a GPU, and CUDA libraries that load."""
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda device: {"float16", "int8_float16"})
    monkeypatch.setattr(gpu, "missing", lambda: ())


def test_a_gpu_has_the_name_and_the_free_memory_that_nvml_tells(cuda: None, monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml([])
    nvml.install(monkeypatch)
    found = gpu.host()
    assert (found.gpu, found.gpu_memory, found.missing_libraries) == ("Tesla T4", 3 << 30, ())
    assert found.compute_types == {"float16", "int8_float16"}
    assert nvml.closed.is_set()


def test_a_container_without_nvml_is_refused_with_what_to_change(cuda: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def init() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", init)
    with pytest.raises(PoisonError, match=r"gpu_libraries_missing.*libnvidia-ml") as caught:
        choose(gpu.host(), "auto", allow_cpu=False)
    assert "NVIDIA_DRIVER_CAPABILITIES" in caught.value.hint
