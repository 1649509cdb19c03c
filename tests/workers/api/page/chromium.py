"""A real Chromium, and what is asked of every page that it shows."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
# WCAG 2.2 AA, and what axe holds to be good practice besides.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Longer than any step takes on a busy machine: tests wait for what they see, never for a time.
PATIENCE_MILLISECONDS = 20_000
DESKTOP: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 390, "height": 844}


def executable() -> str | None:
    """Return where Chromium is."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser without a window."""
    # A container gives no name spaces for the sandbox, and little shared memory.
    arguments = [
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--autoplay-policy=no-user-gesture-required",
        "--mute-audio",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Complaints:
    """What a page said that it should not have; ``expected`` are parts of lines that a test provokes."""

    lines: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def listen(self, page: Page, site: str) -> None:
        """Listen to a page: errors and warnings on its console, exceptions, dialogs, requests to other hosts."""
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.lines.append(f"exception: {error.stack or error}"))
        page.on("request", lambda request: self._asked(request.url, site))

    def _said(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.lines.append(f"{kind}: {text}")

    def _asked(self, url: str, site: str) -> None:
        if not url.startswith((f"{site}/", f"blob:{site}/", "data:")):
            self.lines.append(f"another host was asked: {url}")

    def unexpected(self) -> list[str]:
        """Return what no test provoked."""
        return [line for line in self.lines if not any(part in line for part in self.expected)]


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with the page as it is, a line for each element."""
    page.evaluate(AXE)
    result: dict[str, Any] = page.evaluate("rules => axe.run({ runOnly: rules })", _RULES)
    return [
        f"{rule['id']}: {' '.join(node['failureSummary'].split())}\n    {node['html'][:200]}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]


def module(name: str, expression: str) -> str:
    """Return JavaScript that evaluates ``expression(m, given)`` with a module of the page as ``m``."""
    path = json.dumps(f"/page/js/{name}")
    return f"async given => {{ const m = await import({path}); return ({expression})(m, given); }}"


def until(page: Page, expression: str, given: Any = None) -> Any:
    """Wait until a JavaScript expression or function is true, and return its value.

    Playwright's own ``wait_for_function`` needs ``eval``, which the site's policy forbids.
    """
    deadline = time.monotonic() + PATIENCE_MILLISECONDS / 1000
    while not (value := page.evaluate(expression, given)):
        assert time.monotonic() < deadline, f"this did not become true: {expression}"
        page.wait_for_timeout(30)
    return value
