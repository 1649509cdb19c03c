"""The buckets: uploads on their way in, and the archive of finished jobs. Keys are ``jobs/<job_id>/<name>``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from thoth_infra.contract.calls import JOBS_PREFIX

# Parts of 8 MiB, two on their way and at most ten in memory: what a task of 512 MiB can spare.
_TRANSFER = TransferConfig(max_concurrency=2)
_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchUpload"})


@dataclass(frozen=True)
class Objects:
    """Both buckets behind a boto3 client for S3; failures are botocore's own."""

    s3: Any
    media: str
    archive: str

    def key(self, job_id: str, name: str) -> str:
        """Return the key of a job's object."""
        return f"{JOBS_PREFIX}{job_id}/{name}"

    def keep(self, job_id: str, path: Path, alive: Callable[[], None] = lambda: None) -> None:
        """Copy a file of a job's folder to the archive; ``alive`` is called often, and may raise to end it."""
        key = self.key(job_id, path.name)
        # Opened here, so that it is closed here too: s3transfer leaves open what it has opened when it is ended.
        with path.open("rb") as file:
            self.s3.upload_fileobj(file, self.archive, key, Callback=lambda _: alive(), Config=_TRANSFER)

    def kept(self, job_id: str, name: str) -> bytes | None:
        """Return an archived artefact; None when there is none. Not for sources, which may be large: ``stream``."""
        try:
            content: bytes = self.s3.get_object(Bucket=self.archive, Key=self.key(job_id, name))["Body"].read()
        except ClientError as error:
            if _is_absent(error):
                return None
            raise
        return content

    def stream(self, job_id: str, name: str, byte_range: str | None = None) -> dict[str, Any] | None:
        """Return ``GetObject``'s answer for an archived file, whole or a ``Range``; None when there is none."""
        ranged = {"Range": byte_range} if byte_range else {}
        try:
            answer: dict[str, Any] = self.s3.get_object(Bucket=self.archive, Key=self.key(job_id, name), **ranged)
        except ClientError as error:
            if _is_absent(error):
                return None
            raise
        return answer

    def abort(self, job_id: str, name: str, upload_id: str) -> None:
        """End a multipart upload that will not be completed, and free its parts."""
        try:
            self.s3.abort_multipart_upload(Bucket=self.media, Key=self.key(job_id, name), UploadId=upload_id)
        except ClientError as error:
            if not _is_absent(error):
                raise

    def erase(self, job_id: str) -> int:
        """Remove every version of every object of a job, delete markers too; return how many there were."""
        count = 0
        for bucket in (self.media, self.archive):
            for key, version in self._versions(bucket, job_id):
                self.s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
                count += 1
        return count

    def left(self, job_id: str) -> list[str]:
        """Return what there is of a job, as ``bucket/key@version``."""
        return [
            f"{bucket}/{key}@{version}"
            for bucket in (self.media, self.archive)
            for key, version in self._versions(bucket, job_id)
        ]

    def _versions(self, bucket: str, job_id: str) -> Iterator[tuple[str, str]]:
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=self.key(job_id, ""))
        # Listed before anything is removed: paging while deleting could leave something out.
        for page in list(pages):
            for entry in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                yield entry["Key"], entry["VersionId"]


def _is_absent(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in _ABSENT
