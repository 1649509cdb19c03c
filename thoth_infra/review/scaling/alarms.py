"""When a CloudWatch alarm changes its state: comparison, periods, missing data.

The rules are those of the user guide's page "Using Amazon CloudWatch alarms" (AlarmThatSendsEmail), section "How alarm
state is evaluated when data is missing".
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from thoth_infra.review.scaling.metric_math import MathError, Series, evaluate

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]

# CloudWatch looks further back than the periods that it evaluates; the guide's example takes two more.
LOOK_BACK = 2

_COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True)
class Metric:
    """A metric as an alarm names it; ``dimensions`` is None where the plan does not know their values yet."""

    namespace: str
    name: str
    dimensions: Mapping[str, str] | None
    statistic: str
    period: int


@dataclass(frozen=True)
class Alarm:
    """One alarm on a metric (its only one, ``m``) or on an expression over several, by their ids."""

    address: str
    name: str
    description: str
    comparison: str
    threshold: float
    periods: int
    needed: int
    missing: str
    metrics: Mapping[str, Metric]
    expression: str

    def series(self, data: Mapping[str, Series], until: int) -> Series:
        """Return what the alarm compares with its threshold, up to and with period ``until``."""
        unknown = set(data) - set(self.metrics)
        if unknown:
            raise MathError(f"{self.name} has no metric {', '.join(sorted(unknown))}")
        given = {id_: data.get(id_, {}) for id_ in self.metrics}
        return evaluate(self.expression, given, range(until - self.periods - LOOK_BACK + 1, until + 1))

    def state(self, data: Mapping[str, Series], until: int, before: State = "INSUFFICIENT_DATA") -> State:
        """Return the state after period ``until``, given values by metric id and period, and the state before."""
        series = self.series(data, until)
        window = range(until - self.periods - LOOK_BACK + 1, until + 1)
        return decide([self._breaches(series.get(p)) for p in window], self, before)

    def _breaches(self, value: float | None) -> bool | None:
        return None if value is None else bool(_COMPARISONS[self.comparison](value, self.threshold))


def decide(points: list[bool | None], alarm: Alarm, before: State) -> State:
    """Return the state for breaching, not breaching and missing (None) data points, oldest first."""
    real = [point for point in points if point is not None]
    lacking = alarm.periods - len(real)
    breaching = sum(real[-alarm.periods :])
    if lacking > 0 and alarm.missing == "breaching":
        breaching += lacking
    if breaching >= alarm.needed:
        return "ALARM"
    if lacking <= 0 or alarm.missing in {"breaching", "notBreaching"} or not all(real):
        return "OK"
    if alarm.missing == "ignore":
        return before
    # A breaching point with nothing behind it: the guide's last row.
    return "ALARM" if points[0] else "INSUFFICIENT_DATA"


def read(change: Mapping[str, Any]) -> Alarm:
    """Read an alarm from its entry in a plan's ``resource_changes``."""
    values, unknown = change["change"]["after"], change["change"]["after_unknown"]
    metrics, expression = {}, "m"
    if values["metric_query"]:
        (expression,) = (q["expression"] for q in values["metric_query"] if q["return_data"])
        for query, hidden in zip(values["metric_query"], unknown["metric_query"], strict=True):
            for metric, part in zip(query["metric"], hidden["metric"], strict=True):
                metrics[query["id"]] = _metric(metric, part, metric["stat"])
    else:
        metrics["m"] = _metric(values, unknown, values["statistic"] or values["extended_statistic"])
    return Alarm(
        address=change["address"],
        name=values["alarm_name"],
        description=values["alarm_description"] or "",
        comparison=values["comparison_operator"],
        threshold=values["threshold"],
        periods=values["evaluation_periods"],
        needed=values["datapoints_to_alarm"] or values["evaluation_periods"],
        missing=values["treat_missing_data"],
        metrics=metrics,
        expression=expression,
    )


def _metric(values: Mapping[str, Any], unknown: Mapping[str, Any], statistic: str) -> Metric:
    dimensions = None if unknown.get("dimensions") is True else dict(values["dimensions"] or {})
    return Metric(values["namespace"], values["metric_name"], dimensions, statistic, values["period"])
