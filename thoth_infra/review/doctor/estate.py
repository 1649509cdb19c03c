"""What was applied: services, secrets, notifications, logs, backups, alarms, dead letters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from thoth_infra.config.estate import Postgres
from thoth_infra.contract.queues import QUEUES
from thoth_infra.contract.services import SECRETS
from thoth_infra.review.doctor.account import age
from thoth_infra.review.doctor.context import Context
from thoth_infra.review.doctor.findings import Answer, fail, ok, skipped, some, warn
from thoth_infra.review.doctor.registry import check

# A copy a day, and the time that it may take to begin and end.
BACKUP: Final = timedelta(hours=26)


@check("services", "estate", actions=("ecs:DescribeServices",))
def services(context: Context) -> Answer:
    """Every service is there and runs as many tasks as it should."""
    names = [service.name for service in context.env.running]
    found = context.clients("ecs").describe_services(cluster=context.env.prefix, services=names)["services"]
    rows = {row["serviceName"]: row for row in found if row["status"] == "ACTIVE"}
    if missing := set(names) - set(rows):
        return fail(f"there is no {some(missing)}", context.thoth("apply"))
    short = [
        f"{name} {row['runningCount']} of {row['desiredCount']}"
        for name, row in rows.items()
        if row["runningCount"] < row["desiredCount"]
    ]
    if short:
        return warn(f"fewer tasks than wanted: {some(short)}", context.thoth("status"))
    return ok(f"{len(rows)} services, {sum(row['runningCount'] for row in rows.values())} tasks")


@check("secrets", "estate", actions=("secretsmanager:DescribeSecret",))
def secrets(context: Context) -> Answer:
    """Every secret has a value; which, is never asked."""
    client = context.clients("secretsmanager")
    wanted = {name for service in context.env.running for name in service.secret_names}
    missing, empty = [], []
    for name in sorted(wanted):
        secret = f"{context.env.prefix}/{name}"
        try:
            stages = client.describe_secret(SecretId=secret).get("VersionIdsToStages", {})
        except client.exceptions.ResourceNotFoundException:
            missing.append(secret)
            continue
        if not any("AWSCURRENT" in labels for labels in stages.values()):
            empty.append(name)
    if missing:
        return fail(f"there is no {some(missing)}", context.thoth("apply"))
    if empty:
        fields = {secret.name: ", ".join(secret.fields) for secret in SECRETS}
        put = f"secretsmanager put-secret-value --secret-id {context.env.prefix}/{empty[0]}"
        return fail(
            f"no value in {some(empty)}: tasks that read it do not start",
            context.aws(f"{put} --secret-string file://{empty[0]}.json")
            + f"   # a JSON object with {fields.get(empty[0], 'its fields')}",
        )
    return ok(f"{len(wanted)} with a value")


@check("alarm-subscriptions", "estate", actions=("sns:ListSubscriptionsByTopic",))
def alarm_subscriptions(context: Context) -> Answer:
    """Whoever is to hear of alarms has confirmed the subscription."""
    env, sns = context.env, context.clients("sns")
    if not env.alarms.emails:
        return skipped("alarms.emails names nobody")
    topic = f"arn:aws:sns:{env.region}:{env.account_id}:{env.prefix}-alarms"
    try:
        pages = list(sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic))
    except sns.exceptions.NotFoundException:
        return fail(f"there is no topic {env.prefix}-alarms", context.thoth("apply"))
    found = {row["Endpoint"]: row["SubscriptionArn"] for page in pages for row in page["Subscriptions"]}
    if missing := [email for email in env.alarms.emails if email not in found]:
        return fail(f"not subscribed: {some(missing)}", context.thoth("apply"))
    if pending := [email for email in env.alarms.emails if not found[email].startswith("arn:")]:
        again = f"sns subscribe --topic-arn {topic} --protocol email --notification-endpoint {pending[0]}"
        return warn(f"not confirmed, so not told: {some(pending)}", context.aws(again) + "   # sends the mail again")
    return ok(f"{len(env.alarms.emails)} confirmed")


@check("log-groups", "estate", actions=("logs:DescribeLogGroups",))
def log_groups(context: Context) -> Answer:
    """Every log group is there and keeps what it should for as long as it should."""
    env = context.env
    wanted = {f"/thoth/{env.name}/{service.name}": env.retention.logs_days for service in env.running}
    wanted |= {f"/thoth/{env.name}/exec": env.retention.audit_days}
    wanted |= {f"aws-waf-logs-{env.prefix}": env.retention.audit_days}
    logs, found = context.clients("logs"), {}
    for start in (f"/thoth/{env.name}/", f"aws-waf-logs-{env.prefix}"):
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=start):
            found.update({row["logGroupName"]: row.get("retentionInDays") for row in page["logGroups"]})
    if missing := [name for name in wanted if name not in found]:
        return fail(f"there is no {some(missing)}", context.thoth("apply"))
    if other := [name for name, days in wanted.items() if found[name] != days]:
        said = some(f"{name} {found[name] or 'for ever'} instead of {wanted[name]} days" for name in other)
        return warn(f"kept for another time: {said}", context.thoth("drift"))
    return ok(f"{len(wanted)} groups")


@check("backups", "estate", actions=("backup:ListRecoveryPointsByBackupVault",))
def backups(context: Context) -> Answer:
    """Yesterday's backup of everything that is backed up is there."""
    env, client = context.env, context.clients("backup")
    pages = client.get_paginator("list_recovery_points_by_backup_vault").paginate(
        BackupVaultName=env.prefix, ByCreatedAfter=context.settings.now() - 7 * BACKUP
    )
    newest: dict[str, Any] = {}
    for page in pages:
        for row in page["RecoveryPoints"]:
            if row["Status"] == "COMPLETED":
                kind = row["ResourceType"]
                newest[kind] = max(newest.get(kind, row["CreationDate"]), row["CreationDate"])
    wanted = {"EFS", "RDS"} if isinstance(env.database, Postgres) else {"EFS"}
    why = context.aws(f"backup list-backup-jobs --by-backup-vault-name {env.prefix}")
    if missing := wanted - set(newest):
        return warn(f"none of {some(missing)} within a week", why)
    late = {kind: age(newest[kind], context) for kind in wanted}
    if old := [f"{kind} {late[kind].total_seconds() / 3600:.0f} h" for kind in wanted if late[kind] > BACKUP]:
        return fail(f"the newest is old: {some(old)}", why)
    return ok(f"{some(wanted)}, the oldest {max(late.values()).total_seconds() / 3600:.0f} h old")


@check("alarms", "estate", actions=("cloudwatch:DescribeAlarms",))
def alarms(context: Context) -> Answer:
    """No alarm that tells people is red."""
    pages = (
        context.clients("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(
            AlarmNamePrefix=f"{context.env.prefix}-", StateValue="ALARM", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
    )
    rows = [row for page in pages for row in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ()))]
    # Those that only scale are red whenever there is nothing to do.
    red = [row["AlarmName"] for row in rows if any(":sns:" in target for target in row.get("AlarmActions", ()))]
    if red:
        names = " ".join(sorted(red)[:4])
        return warn(f"red: {some(red)}", context.aws(f"cloudwatch describe-alarms --alarm-names {names}"))
    return ok("none is red")


@check("dead-letters", "estate", actions=("sqs:GetQueueUrl", "sqs:GetQueueAttributes"))
def dead_letters(context: Context) -> Answer:
    """No message has been given up."""
    sqs, waiting = context.clients("sqs"), {}
    for queue in QUEUES:
        name = f"{context.env.prefix}-{queue.name}-dlq"
        try:
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except sqs.exceptions.QueueDoesNotExist:
            return fail(f"there is no queue {name}", context.thoth("apply"))
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        if count := int(asked["Attributes"]["ApproximateNumberOfMessages"]):
            waiting[queue.name] = count
    if waiting:
        said = some(f"{name} {count}" for name, count in waiting.items())
        return warn(f"dead letters: {said}", context.thoth(f"dlq show {min(waiting)}"))
    return ok(f"{len(QUEUES)} queues without one")
