"""Small objects in S3 that several people may write: each write names the version that it replaces.

S3 refuses the second of two such writes, so nobody overwrites what they have not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from thoth_infra.aws.clients import Clients

_LOST: Final = ("PreconditionFailed", "ConditionalRequestConflict")
_ATTEMPTS: Final = 3
_MISSING: Final = ("NoSuchKey", "404")


class Overtaken(Exception):
    """Somebody else wrote the object since it was read."""


@dataclass(frozen=True)
class Found:
    """An object's content, and the version that the next write replaces."""

    body: bytes
    version: str


def get(clients: Clients, bucket: str, key: str) -> Found | None:
    """Return an object; None where there is none."""
    from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

    for attempt in range(_ATTEMPTS):
        try:
            answer = clients("s3").get_object(Bucket=bucket, Key=key)
            return Found(answer["Body"].read(), str(answer["ETag"]))
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise
        except (IncompleteReadError, ResponseStreamingError):
            # The connection ended within the body, which botocore leaves to its caller.
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def put(clients: Clients, bucket: str, key: str, body: bytes, version: str | None) -> str:
    """Write JSON in the place of ``version`` (None: where nothing is) and return the new one. Raises Overtaken."""
    from botocore.exceptions import ClientError

    only_if: dict[str, Any] = {"IfMatch": version} if version else {"IfNoneMatch": "*"}
    try:
        answer = clients("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **only_if)
    except ClientError as error:
        if error.response["Error"]["Code"] in _LOST:
            raise Overtaken from error
        raise
    return str(answer["ETag"])
