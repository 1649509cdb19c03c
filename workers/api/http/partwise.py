"""Uploads in parts: into the job's folder, each part at its place in one file, or straight to the media bucket."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from workers.api.http import sniff
from workers.api.http.problems import Problem
from workers.api.store.models import Upload
from workers.api.store.objects import Objects
from workers.common.errors import RetryableError, as_stage_error
from workers.common.folder import FolderJob, sync

_PARTIAL = ".upload"
_URL_SECONDS: Final = 3600
_MOST_URLS: Final = 500


def suffix_of(upload: Upload) -> str:
    """Return the extension that the file will have."""
    return upload.source.rpartition(".")[2]


def count(upload: Upload) -> int:
    """Return how many parts an upload has."""
    return -(-upload.size // upload.part_size)


def size_of(upload: Upload, number: int) -> int:
    """Return the bytes of a part; only the last one may be shorter than the others.

    Raises:
        Problem: 422 ``no_such_part``.
    """
    if not 1 <= number <= count(upload):
        raise Problem(422, "no_such_part", f"the upload has the parts 1 to {count(upload)}", "count from 1")
    return min(upload.part_size, upload.size - (number - 1) * upload.part_size)


@dataclass
class PartWriter:
    """Writes one part at its place."""

    expected: int
    _descriptor: int
    _offset: int
    _size: int = 0

    def __post_init__(self) -> None:
        """Nothing has come yet."""
        self._digest = hashlib.sha256()

    def take(self, data: bytes) -> None:
        """Write the next bytes.

        Raises:
            Problem: 422 ``wrong_part_size``.
        """
        if self._size + len(data) > self.expected:
            raise _wrong_size(self.expected)
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, self._offset + self._size)
            self._size += written
            view = view[written:]
        self._digest.update(data)

    def finish(self) -> str:
        """Wait until the part is durable; return its SHA-256, in hexadecimal.

        Raises:
            Problem: 422 ``wrong_part_size``.
        """
        if self._size != self.expected:
            raise _wrong_size(self.expected)
        os.fsync(self._descriptor)
        return self._digest.hexdigest()


@contextmanager
def writing(folder: FolderJob, upload: Upload, number: int) -> Iterator[PartWriter]:
    """Yield where to put the bytes of a part; what breaks off is written over by the next try.

    Raises:
        Problem: 422.
        StageError: when the file system fails.
    """
    expected = size_of(upload, number)
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder.path / _PARTIAL, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            yield PartWriter(expected, descriptor, (number - 1) * upload.part_size)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise as_stage_error(error) from error


def assemble(folder: FolderJob, upload: Upload) -> None:
    """Make the parts the job's source. What is done already stays so.

    Raises:
        Problem: 415, for what is neither sound nor video.
        StageError: when the file system fails.
    """
    partial, source = folder.path / _PARTIAL, folder.path / upload.source
    try:
        if not (partial.exists() or source.exists()):
            raise RetryableError("parts_lost", "the parts of the upload are gone", "begin the upload anew")
        present = partial if partial.exists() else source
        sniff.check(suffix_of(upload), _head(present))
        if present is partial:
            partial.replace(source)
            sync(folder.path)
    except OSError as error:
        raise as_stage_error(error) from error


def remove(folder: FolderJob) -> None:
    """Remove the parts of an upload that will not be completed, and the folder when nothing else is in it."""
    with suppress(FileNotFoundError):
        (folder.path / _PARTIAL).unlink()
    with suppress(OSError):
        folder.path.rmdir()


@dataclass(frozen=True)
class Direct:
    """Uploads to the media bucket; parts go there by presigned URLs."""

    objects: Objects

    def begin(self, upload_id: str, name: str) -> str:
        """Begin a multipart upload; return S3's id of it."""
        with _s3_errors():
            begun = self.objects.s3.create_multipart_upload(
                Bucket=self.objects.media, Key=self.objects.key(upload_id, name)
            )
        return str(begun["UploadId"])

    def received(self, upload: Upload) -> dict[int, dict[str, Any]]:
        """Return what S3 knows of the parts that have arrived, by number."""
        with _s3_errors():
            pages = self.objects.s3.get_paginator("list_parts").paginate(**self._place(upload))
            return {part["PartNumber"]: part for page in pages for part in page.get("Parts", ())}

    def urls(self, upload: Upload, received: frozenset[int]) -> dict[int, str]:
        """Return where to PUT the next parts that are missing."""
        missing = [number for number in range(1, count(upload) + 1) if number not in received][:_MOST_URLS]
        return {number: self._url(upload, number) for number in missing}

    def complete(self, upload: Upload, parts: dict[int, dict[str, Any]]) -> str:
        """Make the parts one object; return its ``s3://`` URL.

        Raises:
            Problem: 415, for what is neither sound nor video.
        """
        place = self._place(upload)
        told = [{"PartNumber": number, "ETag": part["ETag"]} for number, part in sorted(parts.items())]
        where = {"Bucket": place["Bucket"], "Key": place["Key"]}
        with _s3_errors():
            self.objects.s3.complete_multipart_upload(**place, MultipartUpload={"Parts": told})
            head = self.objects.s3.get_object(**where, Range=f"bytes=0-{sniff.HEAD_BYTES - 1}")["Body"].read()
        try:
            sniff.check(suffix_of(upload), head)
        except Problem:
            with _s3_errors():
                self.objects.erase(upload.id)
            raise
        return f"s3://{where['Bucket']}/{where['Key']}"

    def abort(self, upload: Upload) -> None:
        """Free what has arrived."""
        with _s3_errors():
            self.objects.abort(upload.id, upload.source, str(upload.s3_upload_id))

    def _url(self, upload: Upload, number: int) -> str:
        return str(
            self.objects.s3.generate_presigned_url(
                "upload_part", Params={**self._place(upload), "PartNumber": number}, ExpiresIn=_URL_SECONDS
            )
        )

    def _place(self, upload: Upload) -> dict[str, Any]:
        return {
            "Bucket": self.objects.media,
            "Key": self.objects.key(upload.id, upload.source),
            "UploadId": upload.s3_upload_id,
        }


@contextmanager
def _s3_errors() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise RetryableError("storage_unreachable", "S3 does not do what it is asked for", "try again") from error


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(sniff.HEAD_BYTES)


def _wrong_size(expected: int) -> Problem:
    return Problem(422, "wrong_part_size", f"this part has {expected:,} bytes", "cut the file by part_size")
