"""Every alarm of every environment: it watches a metric that somebody emits, it fires, and somebody hears of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest

from tests.alarms.metrics import Identity, emitted, published
from tests.plans import managed, plan_of
from tests.render.support import ENVIRONMENTS, PROJECT
from thoth_infra.contract import metrics
from thoth_infra.review.scaling.alarms import Alarm, Metric, State, read

pytestmark = pytest.mark.terraform

# A plan of each, whose values are the alarms': the drill looks at them all.
PER_ENVIRONMENT = pytest.mark.parametrize(
    "environment",
    [pytest.param(name, marks=[pytest.mark.slow] if name != "production" else []) for name in ENVIRONMENTS],
)
DAY_S = 86_400

# Values of the metrics in an expression, by their ids: all is well, and it is time to say so.
EXPRESSIONS: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]] = {
    "failed-jobs": ({"failed": 5, "completed": 95}, {"failed": 6, "completed": 94}),
    "http-5xx": ({"errors": 5, "requests": 100}, {"errors": 6, "requests": 100}),
    "wake": ({"visible": 0}, {"visible": 1}),
    "sleep": ({"visible": 0, "inflight": 1}, {"visible": 0, "inflight": 0}),
}


@cache
def alarms(environment: str) -> tuple[Alarm, ...]:
    found = tuple(read(change) for change in managed(environment, "aws_cloudwatch_metric_alarm"))
    assert found
    return found


def _kind(alarm: Alarm) -> str:
    return next((kind for kind in EXPRESSIONS if alarm.name.endswith(kind)), "")


def _values(alarm: Alarm) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Return values of the alarm's metrics that are just healthy, and just not any more."""
    if alarm.expression != "m":
        return EXPRESSIONS[_kind(alarm)]
    at, over, under = alarm.threshold, alarm.threshold + 1, alarm.threshold - 1
    healthy, breaching = {
        "GreaterThanThreshold": (at, over), "GreaterThanOrEqualToThreshold": (under, at),
        "LessThanThreshold": (at, under), "LessThanOrEqualToThreshold": (over, at),
    }[alarm.comparison]  # fmt: skip
    return {"m": healthy}, {"m": breaching}


class Account:
    """CloudWatch: metrics by their identity, a value per period."""

    def __init__(self) -> None:
        self.data: dict[Identity, dict[int, float]] = {}
        self.now = 0

    def emit(self, values: Mapping[Identity, float], periods: int = 1) -> None:
        for _ in range(periods):
            self.now += 1
            for identity, value in values.items():
                self.data.setdefault(identity, {})[self.now] = value

    def state(self, alarm: Alarm, before: State) -> State:
        data = {id_: self.data.get(_identity(metric), {}) for id_, metric in alarm.metrics.items()}
        return alarm.state(data, self.now, before)


def _identity(metric: Metric) -> Identity:
    # A value that only apply tells stands for itself: its name is checked apart.
    dimensions = metric.dimensions if metric.dimensions is not None else {"unknown": "until apply"}
    return Identity(metric.namespace, metric.name, frozenset(dimensions.items()))


def _as_emitted(environment: str, alarm: Alarm, values: Mapping[str, float]) -> dict[Identity, float]:
    """Return ``values`` under the identities with which they are emitted: never those that the alarm asks for."""
    there = emitted(environment)
    found = {}
    for id_, value in values.items():
        metric = alarm.metrics[id_]
        if metric.dimensions is None:
            found[_identity(metric)] = value
        else:
            found |= {identity: value for identity in there if identity == _identity(metric)}
    return found


@PER_ENVIRONMENT
def test_every_alarm_fires_on_a_bad_value_and_is_content_with_a_good_one(environment: str) -> None:
    for alarm in alarms(environment):
        healthy, breaching = (_as_emitted(environment, alarm, values) for values in _values(alarm))
        account, enough = Account(), alarm.periods + 5

        account.emit(healthy, enough)
        assert (alarm.name, account.state(alarm, "INSUFFICIENT_DATA")) == (alarm.name, "OK")
        account.emit(breaching, alarm.needed - 1)
        assert (alarm.name, account.state(alarm, "OK")) == (alarm.name, "OK")
        account.emit(breaching)
        assert (alarm.name, account.state(alarm, "OK")) == (alarm.name, "ALARM")
        account.emit(healthy, alarm.periods)
        assert (alarm.name, account.state(alarm, "ALARM")) == (alarm.name, "OK")


@PER_ENVIRONMENT
def test_every_metric_of_an_alarm_is_emitted_exactly_so(environment: str) -> None:
    there = emitted(environment)
    for alarm in alarms(environment):
        for metric in alarm.metrics.values():
            if metric.dimensions is not None:
                assert _identity(metric) in there, f"{alarm.name}: nobody emits {metric}"


@PER_ENVIRONMENT
def test_another_services_or_environments_metrics_leave_an_alarm_alone(environment: str) -> None:
    for alarm in alarms(environment):
        own = {_identity(metric) for metric in alarm.metrics.values()}
        others = {Identity(i.namespace, i.name, frozenset((k, f"{v}-2") for k, v in i.dimensions)) for i in own}
        for value in (1e15, -1e15):
            account = Account()
            account.emit(dict.fromkeys(others | (emitted(environment) - own), value), alarm.periods + 5)
            assert account.state(alarm, "OK") != "ALARM", alarm.name


@dataclass(frozen=True)
class Written:
    """A metric as a rendered file names it; values are HCL."""

    file: str
    namespace: str
    name: str
    dimensions: Mapping[str, str]


_ATTRIBUTE = r'{}\s*=\s*"([^"]+)"'
_DIMENSIONS = re.compile(r"dimensions\s*=\s*\{([^}]*)\}")


def _written(environment: str) -> Iterator[Written]:
    for path in sorted((PROJECT / "terraform" / environment).glob("*.tf")):
        text = path.read_text()
        for match in _DIMENSIONS.finditer(text):
            before = text[: match.start()]
            namespace = re.findall(_ATTRIBUTE.format("namespace"), before)
            name = re.findall(_ATTRIBUTE.format("metric(?:_name)?"), before)
            pairs = [pair.split("=", 1) for pair in re.split(r",|\n", match[1]) if "=" in pair]
            if namespace and name:
                yield Written(path.name, namespace[-1], name[-1], {k.strip(): v.strip() for k, v in pairs})


@PER_ENVIRONMENT
def test_dimensions_that_apply_tells_are_the_documented_ones(environment: str) -> None:
    written = list(_written(environment))
    late = {
        (m.namespace, m.name): m
        for alarm in alarms(environment)
        for m in alarm.metrics.values()
        if m.dimensions is None
    }
    assert late

    for (namespace, name), metric in late.items():
        found = [w for w in written if (w.namespace, w.name) == (namespace, name)]
        assert found, f"{namespace} {name} is not in the tree"
        for place in found:
            assert place.dimensions == published(metric).dimensions, f"{place}; see {published(metric).source}"


@PER_ENVIRONMENT
def test_cloudwatch_would_take_every_alarm(environment: str) -> None:
    names = [alarm.name for alarm in alarms(environment)]
    assert len(set(names)) == len(names)
    for alarm in alarms(environment):
        periods = {metric.period for metric in alarm.metrics.values()}
        assert len(periods) == 1, f"{alarm.name}: metrics of one expression need one period, not {periods}"
        assert alarm.periods * periods.pop() <= DAY_S, alarm.name
        assert alarm.name.isascii()
        assert alarm.name.startswith(f"thoth-{environment}-")


@PER_ENVIRONMENT
def test_no_alarm_is_without_a_description(environment: str) -> None:
    for alarm in alarms(environment):
        assert len(alarm.description) > 15, alarm.name
    for change in managed(environment, "aws_cloudwatch_composite_alarm"):
        assert change["change"]["after"]["alarm_description"]


def _configured(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources", ())
    for call in module.get("module_calls", {}).values():
        yield from _configured(call["module"])


@PER_ENVIRONMENT
def test_somebody_hears_of_every_alarm(environment: str) -> None:
    found = [
        r for r in _configured(plan_of(environment)["configuration"]["root_module"]) if r["type"].endswith("_alarm")
    ]
    assert len(found) >= 5
    for resource in found:
        references = resource["expressions"].get("alarm_actions", {}).get("references", ())
        heard = any(r.startswith(("aws_sns_topic.alarms", "aws_appautoscaling_policy.")) for r in references)
        assert heard, resource["address"]


@PER_ENVIRONMENT
def test_the_composite_alarm_asks_for_alarms_that_there_are(environment: str) -> None:
    names = {alarm.name for alarm in alarms(environment)}
    (composite,) = managed(environment, "aws_cloudwatch_composite_alarm")
    rule = composite["change"]["after"]["alarm_rule"]
    asked = re.findall(r'ALARM\("([^"]+)"\)', rule)

    assert set(re.sub(r'ALARM\("[^"]+"\)', "", rule).split()) == {"OR"}
    assert set(asked) <= names
    prefix = f"thoth-{environment}-"
    assert {f"{prefix}http-5xx", f"{prefix}unhealthy-api-blue", f"{prefix}unhealthy-api-green"} <= set(asked)
    assert {name for name in names if name.endswith("-failed-jobs")} <= set(asked)


@PER_ENVIRONMENT
def test_the_alarms_that_the_user_asked_for_are_there(environment: str) -> None:
    """GPU over 90 %, backlog over 100 jobs, failed jobs over 5 %, instance health; the budget is in test_names."""
    thresholds = {
        alarm.name.removeprefix(f"thoth-{environment}-"): (alarm.comparison, alarm.threshold)
        for alarm in alarms(environment)
    }
    above = "GreaterThanThreshold"

    assert thresholds["transcription-gpu-utilization"] == (above, 90)
    assert thresholds["transcription-backlog"] == (above, 100)
    assert thresholds["transcription-failed-jobs"] == (above, 5)
    groups = managed(environment, "aws_autoscaling_group")
    assert groups
    for group in groups:
        name = group["change"]["after"]["name"].removeprefix(f"thoth-{environment}-")
        assert thresholds[f"{name}-host-health"] == (above, 0)


@PER_ENVIRONMENT
def test_a_single_long_job_is_enough_and_so_is_a_rare_failing_one(environment: str) -> None:
    by_name = {alarm.name.removeprefix(f"thoth-{environment}-"): alarm for alarm in alarms(environment)}
    slow, failing = by_name["transcription-processing-time"], by_name["transcription-failed-jobs"]

    # One job of two hours says so once; half an hour later the next one begins.
    assert slow.state({"m": {10: 7200.0}}, until=10, before="OK") == "ALARM"
    # Jobs of twenty minutes, of which every one fails and none is completed.
    assert failing.state({"failed": {10: 3.0}}, until=10, before="OK") == "ALARM"
    assert failing.state({"failed": {10: 0.0}, "completed": {10: 3.0}}, until=10, before="OK") == "OK"


@PER_ENVIRONMENT
def test_dead_letters_and_an_expired_certificate_are_not_forgotten_in_silence(environment: str) -> None:
    found = [a for a in alarms(environment) if a.name.endswith(("-dead-letters", "-certificate-expiry"))]
    assert found
    for alarm in found:
        assert alarm.state({}, until=50, before="ALARM") == "ALARM", alarm.name
        assert alarm.state({}, until=50, before="OK") == "OK", alarm.name


@pytest.mark.slow
def test_a_metric_that_nobody_emits_would_be_found() -> None:
    alarm = next(a for a in alarms("dev") if a.metrics.get("m") and a.metrics["m"].namespace == metrics.NAMESPACE)
    wrong = replace(alarm, metrics={"m": replace(alarm.metrics["m"], name="GpuUtilisation")})

    assert _as_emitted("dev", wrong, {"m": 1.0}) == {}
