"""Metrics, alarms, logs; keys, secrets, the audit trail."""

from __future__ import annotations

from decimal import Decimal

from thoth_infra.contract.services import BY_NAME
from thoth_infra.review.cost.hours import DAYS, MONTH, task_hours
from thoth_infra.review.cost.lines import Basis, Lines
from thoth_infra.review.cost.lines.data import EVENTS_PER_AUDIO_HOUR
from thoth_infra.review.cost.money import NOTHING, Spread, line, total

MONITORING, SECURITY = "Monitoring", "Security"
# Container Insights without enhanced observability (ECS developer guide): CPU, memory, network, storage and
# ephemeral storage, ten in all, of the cluster with its three counts, of each service with its five, of each family.
CLUSTER_METRICS, SERVICE_METRICS, FAMILY_METRICS = 13, 15, 10
# An event of a task and one of its container each minute, a kilobyte each.
INSIGHTS_GB_PER_TASK_HOUR = Decimal("0.00012")
REQUEST_LOG_GB = Decimal("0.0000015")
# CloudWatch Logs bills compressed data, for which AWS's own examples take 0.15.
COMPRESSED = Decimal("0.15")
KMS_CALLS, KMS_CALLS_PER_JOB = 50_000, 200
SECRET_CALLS = 5_000


def monitoring(basis: Basis) -> Lines:
    """Yield metrics, alarms, dashboards and logs."""
    found, usd = basis.estate.monitoring, basis.prices.usd
    rows = ("CloudWatch", "month")
    own = sum(len(BY_NAME[one.name].metrics) for one in basis.estate.services if one.name in BY_NAME)
    # A metric is billed for the hours in which something is reported.
    reported = Spread(Decimal(0), Decimal(own if basis.usage.audio_hours else 0), Decimal(own))
    yield line(MONITORING, rows[0], "metrics of the workers", rows[1], reported, usd("cloudwatch.metric"))
    if found.container_insights:
        counted = _insights(basis)
        yield line(MONITORING, rows[0], "Container Insights", rows[1], counted, usd("cloudwatch.metric"))
    # Target tracking and managed scaling make alarms of their own, which are billed like ours.
    fewest = found.alarm_metrics + 2 * found.cpu_trackers + 2 * found.backlog_trackers + 2 * found.capacity_providers
    alarms = Spread(Decimal(fewest), Decimal(fewest), Decimal(fewest + 2 * found.backlog_trackers))
    yield line(MONITORING, rows[0], "alarms, by metric", rows[1], alarms, usd("cloudwatch.alarm"))
    composite, boards = Spread.fixed(found.composite_alarms), Spread.fixed(found.dashboards)
    yield line(MONITORING, rows[0], "composite alarms", rows[1], composite, usd("cloudwatch.composite_alarm"))
    yield line(MONITORING, rows[0], "dashboards", rows[1], boards, usd("cloudwatch.dashboard"))
    yield from _logs(basis)


def _insights(basis: Basis) -> Spread:
    """Metrics of Container Insights: nothing is reported of a service while no task of it runs."""
    counted = Spread.fixed(CLUSTER_METRICS)
    for one in basis.estate.services:
        hours = task_hours(one, basis.estate, basis.usage)
        share = Spread(*(min(h / MONTH, Decimal(1)) for h in (hours.least, hours.expected, hours.most)))
        counted += share * (SERVICE_METRICS + FAMILY_METRICS)
    return counted


def _logs(basis: Basis) -> Lines:
    usage, usd, found = basis.usage, basis.prices.usd, basis.estate.monitoring
    each = usage.log_mb_per_task_hour / 1000 + INSIGHTS_GB_PER_TASK_HOUR * found.container_insights
    written = basis.all_task_hours() * each if basis.estate.services else NOTHING
    written += basis.used(usage.database_log_gb) if basis.estate.database else NOTHING
    flow = basis.used(usage.flow_log_gb) if basis.estate.network.flow_logs else NOTHING
    firewall = basis.used(usage.requests * REQUEST_LOG_GB) if basis.estate.edge.web_acls else NOTHING
    kept = (written + flow) * found.log_days + firewall * found.audit_log_days
    stored = kept * COMPRESSED / DAYS
    yield line(MONITORING, "CloudWatch", "logs written", "GB", written, usd("cloudwatch.logs_ingested"))
    vended = total((flow, firewall))
    yield line(MONITORING, "CloudWatch", "logs of VPC and firewall", "GB", vended, usd("cloudwatch.logs_vended"))
    yield line(MONITORING, "CloudWatch", "logs kept", "GB-month", stored, usd("cloudwatch.logs_stored"))


def security(basis: Basis) -> Lines:
    """Yield keys (each of the first two yearly rotations costs as much again), secrets, the trail's events."""
    estate, usage, usd = basis.estate, basis.usage, basis.prices.usd
    if estate.keys:
        keys = Spread(*map(Decimal, (estate.keys, estate.keys, 3 * estate.keys)))
        yield line(SECURITY, "KMS", "keys", "month", keys, usd("kms.key"))
        calls = basis.used((KMS_CALLS + usage.jobs * KMS_CALLS_PER_JOB) / 10_000)
        yield line(SECURITY, "KMS", "requests", "10,000 requests", calls, usd("kms.requests"))
    if estate.secrets:
        yield line(SECURITY, "Secrets Manager", "secrets", "month", Spread.fixed(estate.secrets), usd("secrets.secret"))
        calls = basis.used(Decimal(SECRET_CALLS) / 10_000)
        yield line(SECURITY, "Secrets Manager", "requests", "10,000 requests", calls, usd("secrets.requests"))
    if estate.trails:
        events = basis.used(estate.trails * usage.audio_hours * EVENTS_PER_AUDIO_HOUR / 100_000)
        yield line(SECURITY, "CloudTrail", "data events", "100,000 events", events, usd("cloudtrail.data_events"))
