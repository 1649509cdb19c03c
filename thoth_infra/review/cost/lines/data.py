"""Database, files, objects, backups, images, messages."""

from __future__ import annotations

from decimal import Decimal

from thoth_infra.contract.services import API_ALONE, BY_NAME, ORCHESTRATOR
from thoth_infra.review.cost.estate import Bucket, Database
from thoth_infra.review.cost.hours import DAYS, MONTH
from thoth_infra.review.cost.lines import Basis, Lines
from thoth_infra.review.cost.money import Line, Spread, line

DATABASE, STORAGE, MESSAGES = "Database", "Storage", "Messages"
# Days on EFS before a file moves to infrequent access (modules/shared-storage/files.tf).
TO_INFREQUENT = 30
# Parts of 8 MB, written once by the browser and once into the archive.
PUTS_PER_GB = 250
OBJECTS_PER_JOB = 5
# A worker that waits receives every 20 s (the queues' receive_wait_time_seconds).
RECEIVES_PER_HOUR = 180
CALLS_PER_JOB = 40
# Of a film, what extraction adds to it on the file system: the sound.
JOB_FILES = Decimal("1.1")
# Bytes of an access log's line and of an event of the trail, in GB.
LOG_LINE_GB = Decimal("0.000001")
EVENTS_PER_AUDIO_HOUR = 200


def database(basis: Basis) -> Lines:
    """Yield the database: instance, storage up to what it may grow to, backups beyond its own size."""
    found, usd = basis.estate.database, basis.prices.usd
    if found is None:
        return
    group = "rds_multi_az" if found.multi_az else "rds"
    name = f"{found.instance_class} Postgres{', Multi-AZ' if found.multi_az else ''}"
    yield line(DATABASE, "RDS", name, "hour", Spread.fixed(MONTH), usd(f"{group}.{found.instance_class}"))
    size = Spread.of(*map(Decimal, (found.allocated_gib, found.allocated_gib, found.max_allocated_gib)))
    price = usd("rds_storage.gp3_multi_az" if found.multi_az else "rds_storage.gp3")
    yield line(DATABASE, "RDS", "storage", "GB-month", size, price)
    yield line(DATABASE, "RDS", "backups", "GB-month", _backups(basis, found), usd("rds_storage.backup"))


def _backups(basis: Basis, found: Database) -> Spread:
    """Two sets of backups, RDS's own and the vault's; as much as the database has storage is free."""
    change = basis.usage.daily_change_share
    kept = (found.backup_days, basis.estate.backup_days)
    sets = sum((1 + change * days for days in kept if days), Decimal(0))
    used = basis.usage.database_used_share * found.allocated_gib
    expected = max(used * sets - found.allocated_gib, Decimal(0))
    return Spread.of(Decimal(0), expected, max(found.max_allocated_gib * (sets - 1), Decimal(0)))


def storage(basis: Basis) -> Lines:
    """Yield files, their copies, objects and images, all as they are once retention has come round."""
    usage, usd = basis.usage, basis.prices.usd
    if basis.estate.file_systems:
        yield from _files(basis)
    if basis.estate.file_systems and basis.estate.backup_days:
        daily = usage.upload_gb * JOB_FILES / DAYS
        copies = basis.used(usage.model_gb + daily * (usage.job_files_days + basis.estate.backup_days))
        yield line(STORAGE, "Backup", "copies of the file system", "GB-month", copies, usd("backup.efs"))
    if basis.estate.buckets:
        yield from _objects(basis)
    if basis.estate.repositories:
        held = basis.used(basis.estate.repositories * usage.image_gb)
        yield line(STORAGE, "ECR", "images", "GB-month", held, usd("ecr.stored"))


def _files(basis: Basis) -> Lines:
    usage = basis.usage
    monthly = usage.upload_gb * JOB_FILES
    daily, days = monthly / DAYS, usage.job_files_days
    rows = (
        ("EFS: standard", "GB-month", usage.model_gb + daily * min(days, Decimal(TO_INFREQUENT)), "standard"),
        ("EFS: infrequent access", "GB-month", daily * max(days - TO_INFREQUENT, Decimal(0)), "infrequent"),
        ("EFS: written", "GB", monthly, "write"),
        ("EFS: read", "GB", 2 * monthly + usage.model_loads * usage.model_gb, "read"),
    )
    for item, unit, amount, key in rows:
        yield line(STORAGE, "EFS", item, unit, basis.used(Decimal(amount)), basis.prices.usd(f"efs.{key}"))


def _objects(basis: Basis) -> Lines:
    usage, prices = basis.usage, basis.prices
    held = [_held(basis, one) for one in basis.estate.buckets]
    standard, archived = sum(one for one, _ in held), sum(other for _, other in held)
    gets = usage.audio_hours * usage.out_gb_per_audio_hour * PUTS_PER_GB / 2 / 1000
    moved = usage.jobs * OBJECTS_PER_JOB / 1000 if any(one.archive_days for one in basis.estate.buckets) else 0

    def row(item: str, unit: str, amount: Decimal | int, key: str) -> Line:
        return line(STORAGE, "S3", f"S3: {item}", unit, basis.used(Decimal(amount)), prices.usd(f"s3.{key}"))

    yield row("standard", "GB-month", standard, "standard")
    yield row("Glacier Instant Retrieval", "GB-month", archived, "glacier_ir")
    yield row("written", "1,000 requests", usage.upload_gb * PUTS_PER_GB / 1000, "put")
    yield row("read", "1,000 requests", gets, "get")
    yield row("moved to Glacier Instant Retrieval", "1,000 requests", moved, "glacier_ir_transition")


def _held(basis: Basis, bucket: Bucket) -> tuple[Decimal, Decimal]:
    """Return the GB of a bucket in Standard and in Glacier Instant Retrieval."""
    usage = basis.usage
    daily = usage.upload_gb / DAYS
    if bucket.name == "logs":
        lines = usage.requests + usage.audio_hours * EVENTS_PER_AUDIO_HOUR * basis.estate.trails
        return lines * LOG_LINE_GB / DAYS * (bucket.expiration_days + bucket.noncurrent_days), Decimal(0)
    if bucket.name == "media":
        # A job takes an upload over within a day; versioning keeps what it left.
        return daily * (1 + bucket.noncurrent_days), Decimal(0)
    life = bucket.expiration_days + bucket.noncurrent_days
    first = min(bucket.archive_days, life) if bucket.archive_days else life
    return daily * first, daily * (life - first)


def messages(basis: Basis) -> Lines:
    """Yield the queues' requests: receiving while nothing is there, and what each job takes."""
    running = basis.estate.services
    consumers = [one.name for one in running if one.name in BY_NAME and BY_NAME[one.name].consumes]
    if not basis.estate.service(ORCHESTRATOR.name):
        consumers.append(API_ALONE.name)
    hours = basis.all_task_hours(*consumers) if consumers else Spread.fixed(0)
    calls = hours * RECEIVES_PER_HOUR + basis.used(basis.usage.jobs * CALLS_PER_JOB)
    price = basis.prices.usd("sqs.requests")
    if basis.estate.queues:
        yield line(MESSAGES, "SQS", "requests", "1,000,000 requests", calls / 1_000_000, price)
