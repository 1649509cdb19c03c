"""The application: routes, errors, headers, the audit trail, and the web page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from workers.api.http import docs, problems
from workers.api.http.audit import Audited
from workers.api.http.described import describe
from workers.api.http.headers import Hardened
from workers.api.http.routes import glossary, jobs, service, transcripts, uploads
from workers.api.http.services import Services

VERSION: Final = "1.0.0"
"""Of the API, not of the release."""
PAGE: Final = Path(__file__).parents[1] / "page"

# Asked for anew each time, by its tag: scripts of one release must not meet those of another.
_FRESH: Final = {"Cache-Control": "no-cache"}
_DESCRIPTION = (
    "Transcribes recordings of music lessons and finds the music terms in them. Every request carries an API key as "
    "Authorization: Bearer thoth_…; errors are problem details (RFC 9457), whose code is for programs, and whose hint "
    "tells how to mend what is wrong."
)


def create_app(services: Services, *, public_url: str | None = None, page: Path = PAGE) -> FastAPI:
    """Return the application; ``page`` is the folder of the web page's files."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        services.trail.start()
        try:
            yield
        finally:
            services.trail.stop()

    app = FastAPI(
        title="Thoth",
        version=VERSION,
        servers=[{"url": public_url}] if public_url else None,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # A redirect would be one more answer to each path.
        redirect_slashes=False,
    )
    app.state.services = services
    for part in (jobs, transcripts, uploads, glossary, service):
        app.include_router(part.router)
    problems.install(app)
    app.add_middleware(Audited, trail=services.trail)
    app.add_middleware(Hardened)
    _document(app)
    if page.is_dir():
        _mount(app, page)
    return app


def _document(app: FastAPI) -> None:
    @cache
    def document() -> dict[str, Any]:
        return describe(app, _DESCRIPTION)

    def openapi(_: Request) -> Response:
        return JSONResponse(document())

    def shown(_: Request) -> Response:
        return HTMLResponse(docs.page(document()))

    def style(_: Request) -> Response:
        return Response(docs.STYLE, media_type="text/css")

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI's own documentation does
    app.add_route("/openapi.json", openapi, include_in_schema=False)
    app.add_route("/docs", shown, include_in_schema=False)
    app.add_route("/docs/style.css", style, include_in_schema=False)


def _mount(app: FastAPI, page: Path) -> None:
    def index(_: Request) -> Response:
        return FileResponse(page / "index.html", headers=_FRESH)

    app.add_route("/", index, include_in_schema=False)
    app.mount("/page", _PageFiles(directory=page), name="page")


class _PageFiles(StaticFiles):
    def file_response(self, *args: Any, **more: Any) -> Response:
        response = super().file_response(*args, **more)
        response.headers.update(_FRESH)
        return response
