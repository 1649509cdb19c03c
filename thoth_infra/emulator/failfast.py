"""Turns what moto can't do into an error that Terraform shows at once.

Stock moto answers 500 (or an HTML page) to an action that it doesn't know; the provider takes that for a passing
trouble of AWS and retries for minutes. HTTP 400 with the service and the action in an AWS error of the caller's own
protocol ends the run with a message that says what is missing.
"""

from __future__ import annotations

import json
import re
import sys
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from thoth_infra.emulator.replay import Answer, answer_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CODE = "EmulatorNotImplemented"
_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
_XML = {
    "ec2": "<Response><Errors><Error>{}</Error></Errors></Response>",
    "s3": "<Error>{}</Error>",
}
_REST_XML = ("cloudfront", "route53")  # XML without a form; all other services speak JSON
_QUERY_XML = "<ErrorResponse><Error><Type>Sender</Type>{}</Error></ErrorResponse>"


class Call(NamedTuple):
    """What a request asks for: the signing name of the service and the action, as far as the request names it."""

    service: str
    action: str

    def __str__(self) -> str:
        return f"{self.service}:{self.action}"


def call_of(environ: WSGIEnvironment, body: bytes) -> Call:
    """Read a request's service and action; a REST request without a named action gives its method and path."""
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    service = scope.group(1) if scope else "unknown"
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return Call(service, target.rsplit(".", 1)[-1])
    if _is_form(environ) and (action := parse_qs(body[:4096].decode("utf-8", "replace")).get("Action")):
        return Call(service, action[0])
    query = environ.get("QUERY_STRING")
    return Call(service, f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{'?' + query if query else ''}")


class FailFast:
    """WSGI middleware: unknown services and actions, and moto's own failures, become AWS errors with HTTP 400."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["thoth.body"]
        try:
            return answer_of(self._app, environ).send(start_response)
        except NotImplementedError as error:
            message = f"the AWS emulator has no {call_of(environ, body)} ({error})"
        except Exception as error:
            traceback.print_exc(file=sys.stderr)  # into the emulator's log: nobody else sees where moto broke
            message = f"the AWS emulator failed at {call_of(environ, body)} ({type(error).__name__}: {error})"
        return _refusal(environ, call_of(environ, body).service, message).send(start_response)


def _refusal(environ: WSGIEnvironment, service: str, message: str) -> Answer:
    if service in _XML or service in _REST_XML or _is_form(environ):
        inner = f"<Code>{CODE}</Code><Message>{escape(message)}</Message>"
        content_type, text = "text/xml", _XML.get(service, _QUERY_XML).format(inner)
    else:
        content_type = "application/x-amz-json-1.1"
        text = json.dumps({"__type": CODE, "code": CODE, "message": message})
    return Answer("400 Bad Request", [("Content-Type", content_type), ("x-amzn-errortype", CODE)], text.encode())


def _is_form(environ: WSGIEnvironment) -> bool:
    return str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")
