"""Headers of every answer: what a browser may do with it."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Media tokens stand in URLs, which must not leave with a click.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Strict-Transport-Security": "max-age=31536000",
}
# As they go over the wire: this is done for every answer.
_RAW: Final = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
_CACHE: Final = b"cache-control"
# Where an answer does not say itself whether it may be kept. The page's files are asked for anew each time: those of a
# new release must not meet those of an old one.
_CACHED: Final = {"api": b"no-store", "page": b"no-cache"}


class Hardened:
    """Middleware that adds them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), *_RAW]
                kept = _CACHED.get(scope["path"].split("/", 2)[1])
                if kept and all(name != _CACHE for name, _ in headers):
                    headers.append((_CACHE, kept))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, sending)
