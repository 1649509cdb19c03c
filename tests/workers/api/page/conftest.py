"""A browser, the site, and pages that must not complain."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.workers.api.page import chromium, lesson, site
from tests.workers.api.page.chromium import DESKTOP, PATIENCE_MILLISECONDS, Complaints
from tests.workers.api.page.site import Site
from workers.api.http.app import PAGE

_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


# Not for the whole session: while Playwright's synchronous calls may be made, asyncio.run() may not.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, for all tests of the page."""
    if chromium.executable() is None:
        pytest.skip("Chromium is not installed (Debian's package chromium)")
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with chromium.launched() as running:
        yield running


@pytest.fixture(scope="package")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording of every lesson."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed (Debian's package ffmpeg)")
    said = lesson.transcript("lesson")
    return lesson.film(tmp_path_factory.mktemp("film") / "lesson.webm", said.duration)


@pytest.fixture(scope="package")
def api(browser: Browser, film: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The API; ``browser`` comes first, so that pages are closed before it stops."""
    with site.running(tmp_path_factory.mktemp("site"), film) as running:
        yield running


@pytest.fixture
def tenant(api: Site) -> str:
    """Whose lessons the test sees."""
    return api.tenant()


class Visit(Protocol):
    """Opens a page of the site."""

    def __call__(self, path: str = "", *, key: str | None = None, signed_in: bool = True, **options: Any) -> Page:
        """Open ``path`` (a part after ``#``) in a browser of its own; ``options`` are the context's."""


@pytest.fixture
def complaints() -> Complaints:
    """What the test's pages say that they should not; a test adds what it provokes to ``expected``."""
    return Complaints()


@pytest.fixture
def visit(browser: Browser, api: Site, tenant: str, complaints: Complaints) -> Iterator[Visit]:
    """``visit("#/glossary")``; afterwards no page may have complained."""
    with ExitStack() as stack:

        def open_page(path: str = "", *, key: str | None = None, signed_in: bool = True, **options: Any) -> Page:
            context = browser.new_context(
                base_url=api.url, **{"viewport": DESKTOP, "reduced_motion": "reduce", **options}
            )
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            page = context.new_page()
            complaints.listen(page, api.url)
            if signed_in:
                _keep(context, key or api.key(tenant))
            page.goto(f"/{path}")
            return page

        yield open_page
    assert complaints.unexpected() == []


def _keep(context: BrowserContext, key: str) -> None:
    """Sign in as an earlier visit in this tab has."""
    context.add_init_script(f"sessionStorage.setItem('thoth.key', {json.dumps(json.dumps(key))})")


@pytest.fixture(scope="package")
def evaluate(browser: Browser) -> Iterator[Callable[[str, Any], Any]]:
    """Runs JavaScript in a page that has the page's modules, and no server behind it."""
    context = browser.new_context(base_url="http://thoth.test")
    page = context.new_page()

    def serve(route: Route) -> None:
        path = route.request.url.partition("thoth.test/")[2]
        file = PAGE / path.removeprefix("page/")
        if path == "":
            route.fulfill(body="<!doctype html><title>Modules</title>", content_type="text/html")
        else:
            route.fulfill(body=file.read_text(encoding="utf-8"), content_type=_TYPES[file.suffix])

    context.route("**/*", serve)
    page.goto("/")
    yield page.evaluate
    context.close()
