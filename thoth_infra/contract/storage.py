"""Where files live: EFS volumes shared by active jobs, S3 buckets for the long term."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Access(StrEnum):
    """What a service may do with a volume or a bucket."""

    READ = "read"
    WRITE = "write"  # read, write and delete


@dataclass(frozen=True)
class Volume:
    """An EFS access point: its folder on the file system and its mount path in every container."""

    name: str
    path: str
    description: str


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket of the environment, by its purpose; its full name carries the environment."""

    name: str
    description: str


JOBS = Volume("jobs", "/mnt/jobs", "Folders of active jobs: jobs/<job_id>/source, audio, transcript, terms")
MODELS = Volume("models", "/mnt/models", "The Whisper model cache, filled once and then read")
VOLUMES: tuple[Volume, ...] = (JOBS, MODELS)

MEDIA = Bucket("media", "Uploads by presigned URL, before a job takes them over")
ARCHIVE = Bucket("archive", "Transcripts, terms and sources of finished jobs")
LOGS = Bucket("logs", "Access logs of the load balancer and of the other buckets")
BUCKETS: tuple[Bucket, ...] = (MEDIA, ARCHIVE, LOGS)

# The only place besides the volumes where a container may write; it ends with the task.
SCRATCH = "/tmp"  # noqa: S108 - a volume of the task's own

# The user and group of every container, and the owner of the access points' folders.
CONTAINER_UID = 1000
CONTAINER_GID = 1000
