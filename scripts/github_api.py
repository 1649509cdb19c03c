"""Comments and issues of this repository, as one workflow's job may write them; for the scripts beside this one."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

# GitHub refuses longer bodies.
LIMIT = 65_536
_CUT = "\n\n… cut here: the whole text is in the run's summary.\n"
_PAGE = 100


class Repository:
    """The repository of the running workflow, through the variables that every runner sets, and ``GITHUB_TOKEN``."""

    def __init__(self) -> None:
        self._root = (
            f"{os.environ.get('GITHUB_API_URL', 'https://api.github.com')}/repos/{os.environ['GITHUB_REPOSITORY']}"
        )
        self._token = os.environ["GITHUB_TOKEN"]

    def write_comment(self, number: int, marker: str, text: str) -> str:
        """Write the comment with this marker, anew where there is one; return its address."""
        body = {"body": fitting(f"{marker}\n{text}")}
        for comment in self._pages(f"/issues/{number}/comments"):
            if _ours(comment, marker):
                return str(self._send("PATCH", f"/issues/comments/{comment['id']}", body)["html_url"])
        return str(self._send("POST", f"/issues/{number}/comments", body)["html_url"])

    def open_issue(self, marker: str, title: str, text: str) -> str:
        """Open the issue with this marker, or write it anew where it is open; return its address."""
        body = {"title": title, "body": fitting(f"{marker}\n{text}")}
        for issue in self._pages("/issues?state=open"):
            if _ours(issue, marker):
                return str(self._send("PATCH", f"/issues/{issue['number']}", body)["html_url"])
        return str(self._send("POST", "/issues", body)["html_url"])

    def close_issues(self, marker: str, why: str) -> list[str]:
        """Close the open issues with this marker; return their addresses."""
        closed = []
        for issue in self._pages("/issues?state=open"):
            if _ours(issue, marker):
                self._send("POST", f"/issues/{issue['number']}/comments", {"body": why})
                closed.append(str(self._send("PATCH", f"/issues/{issue['number']}", {"state": "closed"})["html_url"]))
        return closed

    def _pages(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, 100):
            sign = "&" if "?" in path else "?"
            rows = self._send("GET", f"{path}{sign}per_page={_PAGE}&page={page}")
            found += rows
            if len(rows) < _PAGE:
                break
        return found

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the runner's own address
            self._root + path,
            None if body is None else json.dumps(body).encode(),
            {
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)


def fitting(text: str) -> str:
    """Return a text that GitHub takes: cut at the end of a line where it is too long."""
    if len(text) <= LIMIT:
        return text
    kept = text[: LIMIT - len(_CUT)]
    return kept[: kept.rfind("\n")] + _CUT


def _ours(thing: dict[str, Any], marker: str) -> bool:
    """Whether a workflow wrote it: anybody may write a comment that begins like ours."""
    return thing["user"]["login"] == "github-actions[bot]" and str(thing["body"] or "").startswith(marker)
