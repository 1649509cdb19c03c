"""A job's recording: whole or in a range, from its folder or from the archive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from workers.api.http import sniff
from workers.api.http.problems import Problem, not_found
from workers.api.store.models import Job
from workers.api.store.objects import Objects
from workers.common.folder import FolderFiles

_BLOCK_BYTES = 1 << 18
_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Range:
    """The bytes from ``start`` up to ``end``, which is not among them any more."""

    start: int
    end: int


def wanted(header: str | None, size: int) -> Range | None:
    """Return the range that a request asks for; None where the whole is to be answered.

    What makes no sense, and several ranges at once, may be answered with the whole (RFC 9110, 14.2).

    Raises:
        Problem: 416, for a range beyond the end.
    """
    found = _RANGE.fullmatch(header or "")
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        # The last so many bytes.
        start, end = max(size - int(found[2]), 0), size
    else:
        start, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= end:
        raise Problem(
            416,
            "range_not_satisfiable",
            f"the file has {size} bytes",
            "ask for a range within them",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return Range(start, end)


def answer(request: Request, job: Job, files: FolderFiles, objects: Objects | None) -> Response:
    """Return the recording, or the part that the request asks for.

    Raises:
        Problem: 404 or 416.
    """
    name = job.source
    if name is None:
        raise not_found("recording yet")
    path = _local(files, job.id, name)
    size = path.stat().st_size if path else job.size
    if size is None:
        raise not_found("recording")
    # A source never changes, so that the job's id says which it is.
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{job.id}"',
        "Cache-Control": "private, max-age=3600",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(job.name, safe='')}",
    }
    part = wanted(request.headers.get("range"), size)
    if request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        part = None
    span = part or Range(0, size)
    if part:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
    headers["Content-Length"] = str(span.end - span.start)
    blocks = _read(path, span) if path else _archived(objects, job.id, name, part)
    media_type = sniff.media_type(PurePosixPath(name).suffix.removeprefix("."))
    return StreamingResponse(blocks, 206 if part else 200, headers, media_type)


def _local(files: FolderFiles, job_id: str, name: str) -> Path | None:
    try:
        return files.job(job_id).local(name)
    except FileNotFoundError:
        return None


def _read(path: Path, span: Range) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(span.start)
        left = span.end - span.start
        while left and (block := file.read(min(_BLOCK_BYTES, left))):
            left -= len(block)
            yield block


def _archived(objects: Objects | None, job_id: str, name: str, part: Range | None) -> Iterable[bytes]:
    header = f"bytes={part.start}-{part.end - 1}" if part else None
    found = objects.stream(job_id, name, header) if objects else None
    if found is None:
        raise not_found("recording any more")
    blocks: Iterable[bytes] = found["Body"].iter_chunks(_BLOCK_BYTES)
    return blocks
