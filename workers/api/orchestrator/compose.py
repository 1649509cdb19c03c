"""Puts the orchestrator together from its settings, the way its process starts it."""

from __future__ import annotations

from workers.api.http.guard import Guard
from workers.api.http.references import References
from workers.api.http.services import Limits
from workers.api.orchestrator.orchestrator import Orchestrator
from workers.api.orchestrator.ports import Policy, Ports, SqsStageQueue
from workers.api.orchestrator.webhooks import HttpPost
from workers.api.settings import AloneSettings, OrchestratorSettings
from workers.api.store.engine import Database
from workers.api.store.objects import Objects
from workers.common.folder import FolderFiles
from workers.common.health import Heartbeat
from workers.common.sqs import SqsInbox, client


def policy_of(settings: OrchestratorSettings | AloneSettings) -> Policy:
    """Return the times that the settings ask for."""
    return Policy(
        stage_seconds=settings.stage_seconds,
        transcript_days=settings.transcript_retention_days,
        job_files_days=settings.job_files_retention_days,
        audit_days=settings.audit_retention_days,
    )


def orchestrator_of(
    settings: OrchestratorSettings | AloneSettings,
    database: Database,
    *,
    guard: Guard | None = None,
    policy: Policy | None = None,
    heartbeat: Heartbeat | None = None,
) -> Orchestrator:
    """Return an orchestrator over SQS and S3; ``guard`` says where webhooks and references may lead."""
    sqs, s3, guard = client("sqs"), client("s3"), guard or Guard()
    references = References(guard=guard, s3=s3, media_bucket=settings.media_bucket, limit=Limits().upload_bytes)
    ports = Ports(
        database=database,
        results=SqsInbox(sqs, settings.results_queue_url),
        stages={stage: SqsStageQueue(sqs, url) for stage, url in settings.queue_urls.items()},
        files=FolderFiles(settings.jobs_dir),
        fetch=references.fetch,
        post=HttpPost(guard),
        objects=Objects(s3, settings.media_bucket, settings.archive_bucket),
    )
    key = settings.webhook_key.get_secret_value().encode()
    return Orchestrator(ports, policy or policy_of(settings), key, heartbeat)
