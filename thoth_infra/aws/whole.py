"""Answers of AWS that are whole: botocore takes half an answer for a whole one, and fails when it reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def whole_answers(client: Any) -> Any:
    """Let a client take an answer that ends too early for a broken connection, which it tries again; return it.

    botocore turns urllib3's own check off, and half an answer then is a parser's error that nobody tries again.
    """
    # There is no public way to a client's HTTP session: an event before sending could only replace it.
    session = client._endpoint.http_session
    session.send = _checked(session.send)
    return client


def _checked(send: Callable[[Any], Any]) -> Callable[[Any], Any]:
    from botocore.exceptions import ConnectionClosedError

    def checked(request: Any) -> Any:
        response = send(request)
        # The body of a streamed answer is checked by botocore itself, as it is read; that of a refusal is not streamed.
        streamed = request.stream_output and response.status_code < 300
        if streamed or request.method == "HEAD":
            return response
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and len(response.content) < int(length):
            raise ConnectionClosedError(endpoint_url=request.url)
        return response

    return checked
