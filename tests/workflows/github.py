"""A GitHub for one repository: its comments and issues, behind the part of the API that the scripts call."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "truefire-studios/thoth-infra"
TOKEN = "of-this-job"
BOT = "github-actions[bot]"
LIMIT = 65_536


@dataclass
class GitHub:
    """What is there; ``requests`` are those that were made, without their bodies."""

    url: str = ""
    things: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        return {"GITHUB_API_URL": self.url, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN}

    def add(self, kind: str, number: int, body: str, *, by: str = BOT, **more: Any) -> dict[str, Any]:
        """Add a comment of issue ``number``, or an issue."""
        made = {"id": len(self.things) + 1, "number": number, "kind": kind, "body": body, "state": "open", **more}
        made |= {"user": {"login": by}, "html_url": f"https://github.com/{REPOSITORY}/{kind}/{made['id']}"}
        self.things.append(made)
        return made

    def of(self, kind: str, number: int | None = None) -> list[dict[str, Any]]:
        return [one for one in self.things if one["kind"] == kind and number in (None, one["number"])]

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        """Do one request; status and answer."""
        if len(body.get("body", "")) > LIMIT:
            return 422, {"message": "body is too long (maximum is 65536 characters)"}
        match method, path:
            case "GET", p if found := re.fullmatch(r"/issues/(\d+)/comments", p):
                return 200, _page(self.of("comment", int(found[1])), query)
            case "GET", "/issues":
                return 200, _page([one for one in self.of("issue") if one["state"] == query["state"][0]], query)
            case "POST", p if found := re.fullmatch(r"/issues/(\d+)/comments", p):
                return 201, self.add("comment", int(found[1]), body["body"])
            case "POST", "/issues":
                return 201, self.add("issue", 100 + len(self.things), body["body"], title=body["title"])
            case "PATCH", p if found := re.fullmatch(r"/issues/comments/(\d+)", p):
                return self._change("id", int(found[1]), body)
            case "PATCH", p if found := re.fullmatch(r"/issues/(\d+)", p):
                return self._change("number", int(found[1]), body, "issue")
        return 404, {"message": "Not Found"}

    def _change(self, key: str, value: int, body: dict[str, Any], kind: str = "comment") -> tuple[int, Any]:
        (found,) = (one for one in self.of(kind) if one[key] == value)
        found.update(body)
        return 200, found


def _page(things: list[dict[str, Any]], query: dict[str, list[str]]) -> list[dict[str, Any]]:
    size, number = int(query.get("per_page", ["30"])[0]), int(query.get("page", ["1"])[0])
    return things[size * (number - 1) : size * number]


@contextmanager
def serving() -> Iterator[GitHub]:
    """Yield a GitHub that answers on loopback."""
    github = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            path = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            start = f"/repos/{REPOSITORY}"
            github.requests.append((self.command, path.path.removeprefix(start)))
            if self.headers.get("Authorization") != f"Bearer {TOKEN}" or not path.path.startswith(start):
                status, answer = 401, {"message": "Bad credentials"}
            else:
                status, answer = github.answer(
                    self.command, path.path.removeprefix(start), parse_qs(path.query), body
                )  # fmt: skip
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _do  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    github.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
