"""RDS: instances and parameter groups."""

from __future__ import annotations

from typing import Any

from moto.rds.models import DBParameterGroup
from moto.rds.responses import RDSResponse as Response

from thoth_infra.emulator.patches.registry import ignores, patch, wrap

_DEFAULT_RETENTION = 7  # days: Performance Insights' free tier


@patch("rds", needed=ignores(DBParameterGroup, "Source"))
def parameter_source() -> None:
    """moto's parameters have no Source and ApplyMethod; the provider reads only those whose source is the user."""

    @wrap(DBParameterGroup, "update_parameters")
    def update_parameters(original: Any, self: Any, new_parameters: Any) -> None:
        original(self, new_parameters)
        for parameter in self.parameters.values():
            parameter.setdefault("Source", "user")
            parameter["ApplyMethod"] = parameter.get("ApplyMethod") or "immediate"


@patch("rds", needed=ignores(Response, "EnablePerformanceInsights"))
def performance_insights() -> None:
    """moto drops the Performance Insights fields of an instance: a difference at every plan."""

    @wrap(Response, "create_db_instance", "modify_db_instance")
    def keep_fields(original: Any, self: Any) -> Any:
        enabled = self.params.get("EnablePerformanceInsights")
        retention = self.params.get("PerformanceInsightsRetentionPeriod")
        key = self.params.get("PerformanceInsightsKMSKeyId")
        answer = original(self)
        instance = answer.result["DBInstance"]
        if enabled is not None:
            instance.PerformanceInsightsEnabled = enabled
            instance.PerformanceInsightsRetentionPeriod = _DEFAULT_RETENTION if enabled else None
        if retention is not None:
            instance.PerformanceInsightsRetentionPeriod = retention
        if key is not None:
            instance.PerformanceInsightsKMSKeyId = key
        return answer
