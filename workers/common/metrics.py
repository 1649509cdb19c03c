"""Metrics in CloudWatch's embedded metric format: a JSON line that CloudWatch Logs turns into data points."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TextIO

from thoth_infra.contract.metrics import DIMENSIONS, Metric


@dataclass(frozen=True)
class Metrics:
    """Emits the contract's metrics of one service in one environment."""

    namespace: str
    environment: str
    service: str
    stream: TextIO = field(default_factory=lambda: sys.stdout)
    clock: Callable[[], float] = time.time

    def emit(self, values: Mapping[Metric, float], **properties: str) -> None:
        """Write one line; ``properties`` (job and trace ids) can be searched for, and are never dimensions.

        Values that are not finite are left out: JSON has no word for them, and CloudWatch refuses the whole line.
        """
        finite = {metric: value for metric, value in values.items() if math.isfinite(value)}
        if not finite:
            return
        line = {
            "_aws": {
                "Timestamp": int(self.clock() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": self.namespace,
                        "Dimensions": [list(DIMENSIONS)],
                        "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in finite],
                    }
                ],
            },
            **dict(zip(DIMENSIONS, (self.environment, self.service), strict=True)),
            **properties,
            **{metric.name: value for metric, value in finite.items()},
        }
        self.stream.write(json.dumps(line) + "\n")
        self.stream.flush()
