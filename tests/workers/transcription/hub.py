"""A model hub on this host: as much of the protocol as a snapshot needs."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

_COMMIT = "c0ffee" * 6 + "beef"

Models = Mapping[str, Mapping[str, bytes]]
"""Files by name, by ``owner/name``."""


class _Handler(BaseHTTPRequestHandler):
    models: ClassVar[Models] = {}

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._answer(body=False)

    def do_GET(self) -> None:
        """Answer ``/api/models/…`` and ``/owner/name/resolve/commit/file``."""
        self._answer(body=True)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, *, body: bool) -> None:
        parts = urlsplit(self.path).path.strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        owner, name = parts[2:4] if api else parts[:2]
        files = self.models.get(f"{owner}/{name}")
        if files is None:
            self._send(404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"}, body=body)
        elif api and "tree" in parts:
            found = [{"type": "file", "path": n, "size": len(c), "oid": _etag(c)} for n, c in files.items()]
            self._send(200, json.dumps(found).encode(), {}, body=body)
        elif api:
            info = {"id": f"{owner}/{name}", "sha": _COMMIT, "siblings": [{"rfilename": n} for n in files]}
            self._send(200, json.dumps(info).encode(), {}, body=body)
        else:
            content = files[parts[-1]]
            headers = {"X-Repo-Commit": _COMMIT, "ETag": f'"{_etag(content)}"'}
            self._send(200, content, headers, body=body)

    def _send(self, status: int, content: bytes, headers: Mapping[str, str], *, body: bool) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)


def _etag(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


class Hub:
    """The hub, while the block lasts."""

    def __init__(self, models: Models) -> None:
        handler = type("Handler", (_Handler,), {"models": models})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def variables(self) -> dict[str, str]:
        """What lets a process find it, and nothing else."""
        return {
            "HF_ENDPOINT": f"http://127.0.0.1:{self._server.server_port}",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    def __enter__(self) -> Hub:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
