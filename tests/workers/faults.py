"""Faults for the drill: a proxy that lets AWS fail for a while, and a small disk that can be filled."""

from __future__ import annotations

import http.client
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

_HOP = {"connection", "transfer-encoding", "content-length"}


class FlakyProxy(ThreadingHTTPServer):
    """Passes requests on to an emulator, or answers 500 while ``failing`` is set."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target)
        self.failing = threading.Event()
        self.failed = 0

    def handle_error(self, request: object, client_address: object) -> None:
        """Workers that are killed hang up: nothing to tell."""

    @property
    def url(self) -> str:
        """Address of the proxy."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FlakyProxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.failing.is_set():
            self.server.failed += 1
            self._answer(500, {"Content-Type": "text/plain"}, b"the drill says no")
            return
        target = self.server.target
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
        try:
            connection.request("POST", self.path, body, dict(self.headers))
            response = connection.getresponse()
            headers = {name: value for name, value in response.getheaders() if name.lower() not in _HOP}
            self._answer(response.status, headers, response.read())
        finally:
            connection.close()

    do_GET = do_POST  # noqa: N815 - the base class looks for this name

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def flaky(target: str) -> Iterator[FlakyProxy]:
    """Yield a proxy in front of ``target``."""
    with FlakyProxy(target) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield proxy
        proxy.shutdown()


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[bool]:
    """Mount a file system of ``mib`` MiB at ``folder``; yields False where that is not permitted."""
    mount = ("/bin/mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0755", "tmpfs", str(folder))
    mounted = subprocess.run(mount, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(("/bin/umount", "--lazy", str(folder)), check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Leave no byte free in the file system of ``folder`` for the length of the block."""
    ballast = folder.parent / folder.name / ".ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            os.fsync(file.fileno())
    try:
        yield
    finally:
        ballast.unlink()
