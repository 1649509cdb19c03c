"""The services that run on ECS: what each reads, writes, calls, serves and reports."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from thoth_infra.contract import metrics as m
from thoth_infra.contract.queues import RESULTS, STAGE_QUEUES, Queue, Stage
from thoth_infra.contract.storage import ARCHIVE, JOBS, MEDIA, MODELS, Access, Bucket, Volume
from thoth_infra.contract.variables import (
    BucketName,
    Constant,
    DatabaseField,
    MountPath,
    PublicUrl,
    QueueUrl,
    SecretArn,
    SecretField,
    Setting,
    Variable,
)


@dataclass(frozen=True)
class HealthCheck:
    """A container health check: a command of the image itself (Python, never curl), times in seconds."""

    command: tuple[str, ...]
    interval: int = 30
    timeout: int = 10
    retries: int = 3
    start_period: int = 60


@dataclass(frozen=True)
class Secret:
    """A JSON secret of the environment; its values are set by an operator, never by Terraform."""

    name: str
    fields: tuple[str, ...]
    description: str


@dataclass(frozen=True)
class Service:
    """One ECS service."""

    name: str
    description: str
    image: str
    command: tuple[str, ...]
    health_check: HealthCheck
    port: int | None = None
    consumes: Queue | None = None
    sends: tuple[Queue, ...] = ()
    mounts: tuple[tuple[Volume, Access], ...] = ()
    buckets: tuple[tuple[Bucket, Access], ...] = ()
    database: bool = False
    gpu: bool = False
    stage: Stage | None = None
    metrics: tuple[m.Metric, ...] = ()
    variables: tuple[Variable, ...] = field(default=())

    @property
    def environment(self) -> tuple[Variable, ...]:
        """Variables written into the task definition in clear."""
        return tuple(v for v in self.variables if not v.secret)

    @property
    def secrets(self) -> tuple[Variable, ...]:
        """Variables that ECS reads from Secrets Manager."""
        return tuple(v for v in self.variables if v.secret)

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The environment's own secrets that the service reads, without repeats."""
        names = {v.source.secret for v in self.secrets if isinstance(v.source, SecretField)}
        return tuple(sorted(names - {DATABASE_SECRET}))


# The RDS instance's master user secret: created and rotated by RDS itself.
DATABASE_SECRET = "database"  # noqa: S105 - the name of a secret, not a secret

SECRETS: tuple[Secret, ...] = (
    Secret("api", ("APP_KEY", "WEBHOOK_KEY"), "Keys of the API: signatures of media URLs and webhooks"),
)

API_PORT = 8000
HEARTBEAT_CHECK = ("python", "-m", "workers.common.health")

_COMMON = (
    Variable("LOG_LEVEL", Setting("logging.level"), "Least severe level that is logged"),
    Variable("AWS_DEFAULT_REGION", Setting("region"), "Region of every AWS call"),
    Variable("JOBS_DIR", MountPath(JOBS), "Folder that holds the job folders"),
)
_METRICS = (
    Variable("THOTH_ENVIRONMENT", Setting("name"), "Name of the environment, a metric dimension"),
    Variable("METRIC_NAMESPACE", Constant(m.NAMESPACE), "CloudWatch namespace of the metrics"),
)
_DATABASE = (
    Variable("DATABASE_HOST", DatabaseField("address"), "Host name of Postgres"),
    Variable("DATABASE_PORT", DatabaseField("port"), "Port of Postgres"),
    Variable("DATABASE_NAME", DatabaseField("name"), "Name of the database"),
    Variable("DATABASE_USER", SecretField(DATABASE_SECRET, "username"), "User of the database"),
    Variable("DATABASE_PASSWORD", SecretField(DATABASE_SECRET, "password"), "Password of that user"),
    Variable("DATABASE_SECRET_ARN", SecretArn(DATABASE_SECRET), "Where the password is read again once RDS rotated it"),
)
_STAGE_URLS = tuple(
    Variable(f"{stage.name}_QUEUE_URL", QueueUrl(queue), f"Where requests for the {stage.value} stage are sent")
    for stage, queue in STAGE_QUEUES.items()
)
_STAGE_SECONDS = tuple(
    Variable(
        f"{stage.name}_TIMEOUT_SECONDS",
        Setting(f"timeouts.{stage.name.lower()}.job_seconds"),
        f"Time without news after which the {stage.value} stage is requested again",
    )
    for stage in Stage
)
_APP_KEY = Variable("APP_KEY", SecretField("api", "APP_KEY"), "Signs the tokens of media URLs")
_WEBHOOK_KEY = Variable("WEBHOOK_KEY", SecretField("api", "WEBHOOK_KEY"), "Signs webhooks")
_BUCKETS = (
    Variable("MEDIA_BUCKET", BucketName(MEDIA), "Bucket of presigned uploads"),
    Variable("ARCHIVE_BUCKET", BucketName(ARCHIVE), "Bucket of finished jobs"),
)


def _worker_variables(stage: Stage) -> tuple[Variable, ...]:
    queue = STAGE_QUEUES[stage]
    return (
        *_COMMON,
        *_METRICS,
        Variable("SERVICE_NAME", Constant(stage.value), "Name of the service, a metric dimension"),
        Variable("QUEUE_URL", QueueUrl(queue), "Queue that the worker receives from"),
        Variable("DEAD_LETTER_QUEUE_URL", QueueUrl(queue, dead_letter=True), "Where poison messages go"),
        Variable("RESULTS_QUEUE_URL", QueueUrl(RESULTS), "Queue of results and progress"),
        Variable(
            "VISIBILITY_TIMEOUT_SECONDS",
            Setting(f"timeouts.{stage.name.lower()}.visibility_seconds"),
            "Visibility time-out of the queue; the heartbeat runs at a third of it",
        ),
        Variable(
            "JOB_TIMEOUT_SECONDS",
            Setting(f"timeouts.{stage.name.lower()}.job_seconds"),
            "Longest time that one job's stage may take",
        ),
        Variable("STOP_TIMEOUT_SECONDS", Setting("timeouts.stop_seconds"), "Time between SIGTERM and SIGKILL"),
    )


API = Service(
    name="api",
    description="HTTP API and web page",
    image="api",
    command=("python", "-m", "workers.api"),
    health_check=HealthCheck(("python", "-m", "workers.api.health")),
    port=API_PORT,
    mounts=((JOBS, Access.WRITE),),
    buckets=((MEDIA, Access.WRITE), (ARCHIVE, Access.WRITE)),
    database=True,
    variables=(
        *_COMMON,
        Variable("SERVICE_NAME", Constant("api"), "Name of the service in its logs"),
        Variable("PORT", Constant(str(API_PORT)), "Port that the API listens on"),
        Variable("PUBLIC_URL", PublicUrl(), "Address of the web page, for links and CORS"),
        *_BUCKETS,
        *_DATABASE,
        _APP_KEY,
    ),
)

ORCHESTRATOR = Service(
    name="orchestrator",
    description="Decides each job's next stage; reads results, sends requests (same image as the API)",
    image="api",
    command=("python", "-m", "workers.api.orchestrator"),
    health_check=HealthCheck(HEARTBEAT_CHECK),
    consumes=RESULTS,
    sends=tuple(STAGE_QUEUES.values()),
    mounts=((JOBS, Access.WRITE),),
    buckets=((MEDIA, Access.WRITE), (ARCHIVE, Access.WRITE)),
    database=True,
    variables=(
        *_COMMON,
        Variable("SERVICE_NAME", Constant("orchestrator"), "Name of the service in its logs"),
        Variable("RESULTS_QUEUE_URL", QueueUrl(RESULTS), "Queue of results and progress"),
        *_STAGE_URLS,
        *_STAGE_SECONDS,
        Variable(
            "TRANSCRIPT_RETENTION_DAYS",
            Setting("retention.transcripts_days"),
            "Days after which a finished job is erased",
        ),
        Variable(
            "JOB_FILES_RETENTION_DAYS",
            Setting("retention.job_files_days"),
            "Days after which a job's folder is removed from EFS",
        ),
        Variable(
            "AUDIT_RETENTION_DAYS",
            Setting("retention.audit_days"),
            "Days after which a row of the audit trail is removed",
        ),
        *_BUCKETS,
        *_DATABASE,
        _WEBHOOK_KEY,
    ),
)

AUDIO_EXTRACTION = Service(
    name="audio-extraction",
    description="Extracts 16 kHz mono audio with FFmpeg",
    image="audio-extraction",
    command=("python", "-m", "workers.audio_extraction"),
    health_check=HealthCheck(HEARTBEAT_CHECK),
    stage=Stage.AUDIO_EXTRACTION,
    consumes=STAGE_QUEUES[Stage.AUDIO_EXTRACTION],
    sends=(RESULTS,),
    mounts=((JOBS, Access.WRITE),),
    metrics=m.STAGE_METRICS,
    variables=(
        *_worker_variables(Stage.AUDIO_EXTRACTION),
        Variable(
            "FFMPEG_TIMEOUT_SECONDS", Setting("timeouts.ffmpeg_seconds"), "Longest time that one FFmpeg run may take"
        ),
        Variable(
            "LOUDNESS_NORMALISATION",
            Setting("audio.loudness_normalisation"),
            "Whether audio is normalised to EBU R128 loudness",
        ),
    ),
)

TRANSCRIPTION = Service(
    name="transcription",
    description="Turns audio into words with faster-whisper on a GPU",
    image="transcription",
    command=("python", "-m", "workers.transcription"),
    # A Whisper model takes 2–3 minutes to load; a check that fails earlier would only restart it.
    health_check=HealthCheck(HEARTBEAT_CHECK, start_period=300),
    stage=Stage.TRANSCRIPTION,
    consumes=STAGE_QUEUES[Stage.TRANSCRIPTION],
    sends=(RESULTS,),
    mounts=((JOBS, Access.WRITE), (MODELS, Access.WRITE)),
    gpu=True,
    metrics=m.METRICS,
    variables=(
        *_worker_variables(Stage.TRANSCRIPTION),
        Variable("MODELS_DIR", MountPath(MODELS), "Folder of the shared model cache"),
        Variable("WHISPER_MODEL", Setting("whisper.model"), "Name of a Whisper model, or a local folder"),
        Variable("WHISPER_COMPUTE_TYPE", Setting("whisper.compute_type"), "CTranslate2 compute type"),
        Variable("WHISPER_BATCH_SIZE", Setting("whisper.batch_size"), "Chunks that the GPU works on at once"),
        Variable("WHISPER_ALLOW_CPU", Setting("whisper.allow_cpu"), "Whether a missing GPU is tolerated"),
        Variable(
            "CHECKPOINT_SECONDS", Setting("whisper.checkpoint_seconds"), "Seconds of audio between two checkpoints"
        ),
        Variable(
            "WHISPER_CHUNK_SECONDS", Setting("whisper.chunk_seconds"), "Longest stretch that the model hears at once"
        ),
        Variable("GPU_HOURLY_COST", Setting("gpu_hourly_cost"), "US dollars per GPU hour, for the cost metric"),
    ),
)

MUSIC_TERMS = Service(
    name="music-terms",
    description="Finds music terms in transcripts with spaCy",
    image="music-terms",
    command=("python", "-m", "workers.music_terms"),
    health_check=HealthCheck(HEARTBEAT_CHECK),
    stage=Stage.MUSIC_TERMS,
    consumes=STAGE_QUEUES[Stage.MUSIC_TERMS],
    sends=(RESULTS,),
    mounts=((JOBS, Access.WRITE),),
    metrics=m.STAGE_METRICS,
    variables=_worker_variables(Stage.MUSIC_TERMS),
)

# Without RDS the records are in a file, which only one task can use: the API runs the orchestrator itself.
API_ALONE = replace(
    API,
    description="HTTP API, web page and orchestrator, with the records in a file",
    consumes=ORCHESTRATOR.consumes,
    sends=ORCHESTRATOR.sends,
    database=False,
    variables=(
        *dict.fromkeys(
            variable
            for variable in (*API.variables, *ORCHESTRATOR.variables)
            if variable not in _DATABASE and (variable in API.variables or variable.name != "SERVICE_NAME")
        ),
        Variable("DATABASE_PATH", Setting("database.path"), "File of the SQLite database, in place of Postgres"),
    ),
)

SERVICES: tuple[Service, ...] = (API, ORCHESTRATOR, AUDIO_EXTRACTION, TRANSCRIPTION, MUSIC_TERMS)
BY_NAME: dict[str, Service] = {service.name: service for service in SERVICES}
WITHOUT_RDS: tuple[Service, ...] = (API_ALONE, AUDIO_EXTRACTION, TRANSCRIPTION, MUSIC_TERMS)
IMAGES: tuple[str, ...] = tuple(dict.fromkeys(service.image for service in SERVICES))
