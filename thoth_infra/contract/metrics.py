"""Metrics that the workers emit (CloudWatch embedded metric format) and alarms read."""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "Thoth"

# Never a job id: every distinct value is a metric of its own, billed and unreadable.
DIMENSIONS: tuple[str, ...] = ("Environment", "Service")


@dataclass(frozen=True)
class Metric:
    """A metric by its CloudWatch name, unit and meaning; its dimensions are always ``DIMENSIONS``."""

    name: str
    unit: str
    description: str


REAL_TIME_FACTOR = Metric("RealTimeFactor", "None", "Seconds of work per second of audio")
STAGE_SECONDS = Metric("StageSeconds", "Seconds", "Working time of one stage of one job")
QUEUE_SECONDS = Metric("QueueSeconds", "Seconds", "Time between a stage's request and its start")
GPU_UTILIZATION = Metric("GpuUtilization", "Percent", "Busy share of the GPU, read through NVML")
GPU_MEMORY = Metric("GpuMemory", "Percent", "Used share of the GPU's memory, read through NVML")
JOBS_FAILED = Metric("JobsFailed", "Count", "Stages that ended without a result")
JOBS_COMPLETED = Metric("JobsCompleted", "Count", "Stages that ended with a result")
COST_PER_AUDIO_MINUTE = Metric("CostPerAudioMinute", "None", "US dollars of compute per minute of audio")

STAGE_METRICS: tuple[Metric, ...] = (STAGE_SECONDS, QUEUE_SECONDS, JOBS_FAILED, JOBS_COMPLETED)
GPU_METRICS: tuple[Metric, ...] = (REAL_TIME_FACTOR, GPU_UTILIZATION, GPU_MEMORY, COST_PER_AUDIO_MINUTE)
METRICS: tuple[Metric, ...] = (*STAGE_METRICS, *GPU_METRICS)
