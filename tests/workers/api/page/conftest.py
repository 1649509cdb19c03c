"""A browser, the site, and pages that must not complain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.workers.api.page import chromium

STATIC = Path("workers/api/page").resolve()
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


# Not for the whole session: while Playwright's synchronous calls may be made, asyncio.run() may not.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, for all tests of the page."""
    if chromium.executable() is None:
        pytest.skip("Chromium is not installed (Debian's package chromium)")
    with chromium.launched() as running:
        yield running


@pytest.fixture(scope="package")
def evaluate(browser: Browser) -> Iterator[Callable[[str, Any], Any]]:
    """Runs JavaScript in a page that has the page's modules, and no server behind it."""
    context = browser.new_context(base_url="http://thoth.test")
    page = context.new_page()

    def serve(route: Route) -> None:
        path = route.request.url.partition("thoth.test/")[2]
        file = STATIC / path.removeprefix("page/")
        if path == "":
            route.fulfill(body="<!doctype html><title>Modules</title>", content_type="text/html")
        else:
            route.fulfill(body=file.read_text(encoding="utf-8"), content_type=_TYPES[file.suffix])

    context.route("**/*", serve)
    page.goto("/")
    yield page.evaluate
    context.close()
