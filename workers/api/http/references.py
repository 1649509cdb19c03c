"""Sources that are referred to: HTTPS URLs, and objects that an operator has put into the media bucket.

The API checks a reference when a job is submitted; the orchestrator copies the source into the job's folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import chain
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import quote, unquote, urlsplit

import httpx2
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from thoth_infra.contract.calls import JOBS_PREFIX
from workers.api.http import sniff
from workers.api.http.guard import LONGEST_URL, UNKNOWN_HOST, Guard, Refused
from workers.api.http.incoming import Source, receiving, too_large
from workers.api.http.problems import Problem
from workers.common.errors import PoisonError, RetryableError
from workers.common.folder import FolderJob

INCOMING: Final = f"{JOBS_PREFIX}incoming/"
"""In the media bucket, followed by the tenant: what its users may refer to. No job has the id ``incoming``."""

_BLOCK_BYTES = 1 << 20
_TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
# Answers that another try may change.
_PASSING = frozenset({408, 425, 429})
_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchBucket", "403", "AccessDenied"})


class HttpsReference(BaseModel):
    """A URL on the open Internet."""

    model_config = ConfigDict(extra="forbid")

    https: Annotated[str, Field(min_length=1, max_length=LONGEST_URL, examples=["https://example.com/lesson.mp4"])]


class S3Reference(BaseModel):
    """An object of the media bucket, ``s3://<bucket>/<key>``."""

    model_config = ConfigDict(extra="forbid")

    s3: Annotated[str, Field(pattern=r"^s3://[a-z0-9.-]{3,63}/[^\x00-\x1f\x7f]+$", max_length=1100)]

    @property
    def place(self) -> tuple[str, str]:
        """Bucket and key."""
        bucket, _, key = self.s3.removeprefix("s3://").partition("/")
        return bucket, key


Reference: TypeAlias = HttpsReference | S3Reference
_READ: Final[TypeAdapter[Reference]] = TypeAdapter(Reference)


def name_of(reference: Reference) -> str:
    """Return the file's name, for display; it may be empty."""
    if isinstance(reference, S3Reference):
        return PurePosixPath(reference.place[1]).name
    try:
        return PurePosixPath(unquote(urlsplit(reference.https).path)).name
    except ValueError:
        return ""


@dataclass(frozen=True)
class References:
    """Checks and fetches references; ``limit`` in bytes, ``seconds`` for one source as a whole."""

    guard: Guard
    s3: Any
    media_bucket: str | None
    """None where there are no buckets."""
    limit: int
    seconds: float = 3600.0
    clock: Callable[[], float] = field(default=time.monotonic)

    def check(self, tenant: str, reference: Reference) -> None:
        """Refuse what a tenant may not refer to; names are resolved, which takes its time.

        Raises:
            Refused: the URL is bad, or leads into our own network.
            Problem: 422 ``refused_object``.
        """
        if isinstance(reference, HttpsReference):
            self.guard.address(self.guard.check(reference.https))
            return
        bucket, key = reference.place
        prefix = f"{INCOMING}{quote(tenant, safe='')}/"
        if bucket != self.media_bucket or not key.startswith(prefix) or ".." in PurePosixPath(key).parts:
            raise Problem(
                422,
                "refused_object",
                "this object may not be referred to",
                f"have the file put under {prefix} in the media bucket, or upload it",
            )

    def fetch(
        self, reference: dict[str, Any], name: str, files: FolderJob, alive: Callable[[], None] = lambda: None
    ) -> Source:
        """Copy a source into a job's folder; ``alive`` is called often, and may raise to end it.

        ``reference`` is what the job's row holds, checked when it was submitted; URLs are looked at again, since names
        may have moved.

        Raises:
            PoisonError: the source can't be had, or is none.
            RetryableError: it may be had later.
        """
        known = _READ.validate_python(reference)
        deadline = self.clock() + self.seconds
        try:
            with self._opened(known) as (blocks, size):
                if size is not None and size > self.limit:
                    raise too_large(self.limit)
                return self._kept(blocks, name, name_of(known), files, lambda: self._check(deadline, alive))
        except Refused as error:
            if error.code == UNKNOWN_HOST:
                raise RetryableError(error.code, error.message, error.hint) from None
            raise PoisonError(error.code, error.message, error.hint) from None
        except Problem as error:
            raise PoisonError(error.code, error.detail, error.hint) from None
        except (httpx2.TooManyRedirects, httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            raise PoisonError(
                "bad_redirect", f"the source redirects astray: {error}", "refer to its last URL"
            ) from None
        except (httpx2.HTTPError, BotoCoreError) as error:
            reason = type(error).__name__
            raise RetryableError("fetch_failed", f"the source broke off: {reason}", "look at its server") from error

    def _kept(
        self, blocks: Iterator[bytes], name: str, referred: str, files: FolderJob, alive: Callable[[], None]
    ) -> Source:
        head = b""
        while len(head) < sniff.HEAD_BYTES and (block := next(blocks, b"")):
            alive()
            head += block
        with receiving(files, _suffix(name, referred, head), self.limit) as incoming:
            for block in chain([head], blocks):
                alive()
                incoming.take(block)
            return incoming.finish()

    def _check(self, deadline: float, alive: Callable[[], None]) -> None:
        alive()
        if self.clock() > deadline:
            raise PoisonError(
                "fetch_too_slow",
                f"the source did not come within {self.seconds / 60:g} minutes",
                "upload it in parts, or refer to a faster server",
            )

    @contextmanager
    def _opened(self, reference: Reference) -> Iterator[tuple[Iterator[bytes], int | None]]:
        """Yield a source's blocks, and its size where that is told."""
        if isinstance(reference, S3Reference):
            yield self._object(*reference.place)
            return
        url = self.guard.check(reference.https)
        # What is packed would be unpacked here, to any size.
        headers = {"Accept-Encoding": "identity", "User-Agent": "Thoth"}
        with (
            self.guard.client(timeout=_TIMEOUT, redirects=True) as client,
            client.stream("GET", url, headers=headers) as answer,
        ):
            _check_answer(answer)
            size = answer.headers.get("content-length", "")
            yield answer.iter_raw(_BLOCK_BYTES), int(size) if size.isascii() and size.isdigit() else None

    def _object(self, bucket: str, key: str) -> tuple[Iterator[bytes], int]:
        try:
            answer = self.s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _ABSENT:
                raise PoisonError("no_object", "there is no such object", "put it there, then submit it anew") from None
            raise RetryableError("fetch_failed", "S3 does not hand the object over", "try it again later") from error
        blocks: Iterable[bytes] = answer["Body"].iter_chunks(_BLOCK_BYTES)
        return iter(blocks), int(answer["ContentLength"])


def _suffix(name: str, referred: str, head: bytes) -> str:
    """Return the extension: by the name that was given or referred to, else by the content."""
    for each in (name, referred):
        if PurePosixPath(each).suffix.lower().removeprefix(".") in sniff.KNOWN:
            return sniff.extension(each)
    return sniff.of_head(head) or sniff.extension(referred or name)


def _check_answer(answer: httpx2.Response) -> None:
    status = answer.status_code
    if status >= 500 or status in _PASSING:
        raise RetryableError("fetch_failed", f"the source's server answers {status}", "look at its server")
    if status != HTTPStatus.OK:
        raise PoisonError("no_source", f"the source's server answers {status}", "check the URL")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise PoisonError("packed", "the source comes packed", "refer to the file itself")
