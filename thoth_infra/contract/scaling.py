"""How the queue workers scale, and how long what they need takes to come up: said once.

The templates render alarms, policies and warm-ups from these figures, and the simulator moves by them, so that what
is foreseen is what is applied. Times are in seconds unless a name says minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from thoth_infra.contract.queues import Stage


@dataclass(frozen=True)
class Span:
    """A duration that varies evenly between two bounds, in seconds."""

    least: float
    most: float

    @property
    def mean(self) -> float:
        """The middle, in seconds."""
        return (self.least + self.most) / 2


# What comes up, and how long that takes.
GPU_HOST_BOOT: Final = Span(300, 600)
"""From the capacity provider's request to a host that takes tasks: "GPU instance 5–10 minutes to provision"."""
GPU_TASK_START: Final = Span(120, 180)
"""From a placed task to a worker that is ready: "Whisper model 2–3 minutes to load", the image's pull included."""
FARGATE_TASK_START: Final = Span(45, 90)
"""From a requested Fargate task to a worker that is ready: interface, image pull, start of Python."""
SPOT_NOTICE_SECONDS: Final = 120
"""EC2 and Fargate tell two minutes before they take a spot instance or task away."""

# What the alarms see, and when.
METRIC_PERIOD_SECONDS: Final = 60
QUEUE_METRIC_LAG_SECONDS: Final = 60
"""SQS pushes its metrics once a minute; a value is there about one period after what it counts."""
TASK_METRIC_LAG_SECONDS: Final = 120
"""Container Insights is a minute or two late (see the wake alarm's comment in the template)."""
QUEUE_INACTIVE_AFTER_SECONDS: Final = 6 * 3600
"""SQS sends no metrics for a queue that nobody sent to or polled for six hours (SQS developer guide)."""
QUEUE_AWAKENING_SECONDS: Final = 900
"""Its first metrics after that may be as late as this (SQS developer guide: "up to 15 minutes")."""

# What the policies do. The wake alarm goes on calling its policy while the task boots: the cooldown covers a GPU
# host's start and the model's load, or each message would start several.
WAKE_ADJUSTMENT: Final = 1
WAKE_EVALUATION_PERIODS: Final = 1
WAKE_COOLDOWN_GPU_SECONDS: Final = 900
WAKE_COOLDOWN_FARGATE_SECONDS: Final = 300
WAKE_EXPRESSION: Final = "IF(0 * visible + inflight + tasks < 1, visible, 0)"
TRACK_EXPRESSION: Final = "m1/IF(m2<1,1,m2)"
TRACK_EVALUATION_PERIODS: Final = 3
"""AWS's own, of the alarm that a target-tracking policy makes for itself."""
TRACK_COOLDOWN_SECONDS: Final = 120
SLEEP_EXPRESSION: Final = "visible + inflight"
SLEEP_COOLDOWN_SECONDS: Final = 60
CPU_SCALE_IN_COOLDOWN_SECONDS: Final = 300
CPU_SCALE_OUT_COOLDOWN_SECONDS: Final = 60

# What the capacity provider does with a pool's autoscaling group.
HOST_WARMUP_SECONDS: Final = 300
HOST_LEAST_STEP: Final = 1
HOST_MOST_STEP: Final = 2
HOST_IDLE_MINUTES: Final = 15
"""Minutes of a reservation below 100 % until empty hosts go: AWS's own scale-in alarm of managed scaling."""

PREFETCH: Final[dict[Stage, int]] = {Stage.AUDIO_EXTRACTION: 0, Stage.TRANSCRIPTION: 1, Stage.MUSIC_TERMS: 0}
"""Messages that a worker receives ahead while it works; they are in flight, not visible."""
FIRST_BACKOFF_SECONDS: Final = 30
LONGEST_BACKOFF_SECONDS: Final = 900
"""A failed delivery comes again after a pause, doubled each time."""


def wake_cooldown(gpu_host: bool) -> int:
    """Return the cooldown of the policy that starts a service from zero, in seconds."""
    return WAKE_COOLDOWN_GPU_SECONDS if gpu_host else WAKE_COOLDOWN_FARGATE_SECONDS
