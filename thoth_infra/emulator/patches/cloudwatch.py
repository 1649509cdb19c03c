"""CloudWatch: composite alarms."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.responses import CloudWatchResponse as Response

from thoth_infra.emulator.patches.registry import action, lacks, patch

_SUPPRESSOR = ("ActionsSuppressor", "ActionsSuppressorExtensionPeriod", "ActionsSuppressorWaitPeriod")


@patch("cloudwatch", needed=lacks(Response, "put_composite_alarm"))
def composite_alarms() -> None:
    """moto stores composite alarms by PutMetricAlarm (without their suppressor) and lacks PutCompositeAlarm."""

    @action(Response)
    def put_composite_alarm(self: Any) -> Any:
        answer = self.put_metric_alarm()
        alarm = self.cloudwatch_backend.alarms[self._get_param("AlarmName")]
        for field in _SUPPRESSOR:
            setattr(alarm, field, self._get_param(field))
        return answer
