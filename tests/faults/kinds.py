"""The ways in which AWS, or what lies before it, fails: what is answered to a call, in the call's own protocol."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.aws_proxy import Answer, Call, Forward

Fail: TypeAlias = Callable[[Call, Forward], Answer | None]

#: The code of each refusal: as JSON protocols say it, query protocols, EC2 and S3.
_CODES = {
    "throttled": ("ThrottlingException", "Throttling", "RequestLimitExceeded", "SlowDown"),
    "expired": ("ExpiredTokenException", "ExpiredToken", "RequestExpired", "ExpiredToken"),
    "denied": ("AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "AccessDenied"),
}


def refused(kind: str, call: Call) -> Answer:
    """Return the answer that refuses a call."""
    as_json, as_query, as_ec2, as_s3 = _CODES[kind]
    text = f"{call.name}: {kind} by the test"
    if call.service == "s3":
        status = 503 if kind == "throttled" else 403
        return Answer(status, _XML, f"<Error><Code>{as_s3}</Code><Message>{text}</Message></Error>".encode())
    if call.service == "ec2":
        error = f"<Error><Code>{as_ec2}</Code><Message>{text}</Message></Error>"
        return Answer(403, _XML, f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>".encode())
    if call.protocol == "cbor":
        body = b"\xa2" + b"".join(map(_cbor, ("__type", f"com.amazonaws#{as_json}", "message", text)))
        return Answer(400, {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, body)
    if call.protocol == "query":
        error = f"<Error><Type>Sender</Type><Code>{as_query}</Code><Message>{text}</Message></Error>"
        return Answer(403, _XML, f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode())
    body = json.dumps({"__type": as_json, "message": text}).encode()
    return Answer(400, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": as_json}, body)


_XML = {"Content-Type": "text/xml"}


def _cbor(text: str) -> bytes:
    encoded = text.encode()
    return b"\x79" + struct.pack(">H", len(encoded)) + encoded


def half(_: Call, forward: Forward) -> Answer:
    """Do it, and let the connection end in the middle of the answer."""
    answer = forward()
    return Answer(answer.status, answer.headers, answer.body or b"  ", cut=True)


def lost(_: Call, forward: Forward) -> None:
    """Do it, and never answer."""
    forward()


def silent(_call: Call, _forward: Forward) -> None:
    """Take longer than anybody waits."""
    time.sleep(SILENCE_SECONDS)


def page(_call: Call, _forward: Forward) -> Answer:
    """Answer like a proxy whose other side is gone."""
    return Answer(502, {"Content-Type": "text/html"}, b"<html><h1>502 Bad Gateway</h1></html>")


#: How long the silence lasts; the clients of these tests wait for less.
SILENCE_SECONDS = 0.6

KINDS: dict[str, Fail] = {
    "throttled": lambda call, _: refused("throttled", call),
    "expired": lambda call, _: refused("expired", call),
    "denied": lambda call, _: refused("denied", call),
    "half": half,
    "lost": lost,
    "silent": silent,
    "page": page,
}
#: Those that pass: the same call may succeed when it is tried again.
PASSING = ("throttled", "half", "lost", "silent", "page")


@dataclass
class Fault:
    """What happens to the calls of one name: to all of them, or to the first one only."""

    name: str
    kind: str
    lasting: bool
    struck: list[Call] = field(default_factory=list)

    def __call__(self, call: Call, forward: Forward) -> Answer | None:
        """Pass a call on, or let it fail."""
        if call.name != self.name or (self.struck and not self.lasting):
            return forward()
        self.struck.append(call)
        return KINDS[self.kind](call, forward)
