"""The API of the system on this machine, as far as the command line uses it."""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from thoth_infra.errors import ThothError

_BLOCK = 1 << 20
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Client:
    """Speaks HTTP to ``url`` with an API key."""

    url: str
    key: str

    def ready(self) -> bool:
        """Whether the API answers that it is ready."""
        try:
            status, _ = self._exchange("GET", "/readyz")
        except OSError:
            return False
        return status == 200

    def get(self, path: str) -> Any:
        """Return the JSON at ``path``."""
        return self._json("GET", path)

    def text(self, path: str) -> str:
        """Return the text at ``path``."""
        status, body = self._exchange("GET", path)
        if status >= 400:
            raise _refused(path, status, body)
        return body.decode("utf-8", "replace")

    def submit(self, file: Path, language: str | None = None) -> dict[str, Any]:
        """Upload a lesson, a block at a time; return the job."""
        boundary = f"thoth-{secrets.token_hex(16)}"
        head = b"".join(_parts(boundary, {"language": language} if language else {}, file))
        tail = f"\r\n--{boundary}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(head) + file.stat().st_size + len(tail)),
            # The same command given twice by accident makes one job.
            "Idempotency-Key": secrets.token_hex(16),
        }
        made: dict[str, Any] = self._json("POST", "/api/jobs", _stream(head, file, tail), headers)
        return made

    def _json(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        status, answer = self._exchange(method, path, body, headers)
        if status >= 400:
            raise _refused(path, status, answer)
        return json.loads(answer)

    def _exchange(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {self.key}", **(headers or {})})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def _parts(boundary: str, fields: dict[str, str | None], file: Path) -> Iterator[bytes]:
    for name, value in fields.items():
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    # Quotes and line ends of a name as browsers send them.
    name = quote(file.name, safe=" !#$&'()*+,;=@[]^_`{|}~.-")
    yield (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()


def _stream(head: bytes, file: Path, tail: bytes) -> Iterator[bytes]:
    yield head
    with file.open("rb") as source:
        while block := source.read(_BLOCK):
            yield block
    yield tail


def _refused(path: str, status: int, body: bytes) -> ThothError:
    try:
        problem = json.loads(body)
        what = problem.get("detail") or problem.get("title") or body.decode()
    except (ValueError, AttributeError):
        what = body[:200].decode("utf-8", "replace")
    return ThothError(f"the API answered {status} to {path}: {what}", "see `thoth-infra local status` and its logs")
