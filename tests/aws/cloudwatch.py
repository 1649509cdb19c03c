"""A model of CloudWatch Logs: lines that become visible some time after they happened, short pages, bad days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from botocore.exceptions import ClientError, EndpointConnectionError

Fault = Literal["throttled", "network", "expired", "empty"]


class Line(NamedTuple):
    """A line; the order of lines is AWS's: time, ingestion, request."""

    ms: int
    visible_ms: int
    number: int
    stream: str = "api/1"

    @property
    def id(self) -> str:
        return str(self.number)


class Ended(Exception):
    """The time that a test looks at is over."""


@dataclass
class CloudWatch:
    """Stands where the clients and their ``logs`` client stand. Its time goes on with each request and each wait."""

    lines: Sequence[Line]
    now_ms: int
    until_ms: int
    page: int = 3
    faults: list[Fault | None] = field(default_factory=list)
    bad_until_ms: int = 10**15
    """From then on there are no faults, and pages are long."""
    waits: list[float] = field(default_factory=list)
    requests: int = 0

    def __call__(self, service: str) -> CloudWatch:
        assert service == "logs"
        return self

    def clock(self) -> float:
        return self.now_ms / 1000

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_ms += int(seconds * 1000)
        if self.now_ms > self.until_ms:
            raise Ended

    def filter_log_events(self, **options: Any) -> dict[str, Any]:
        token, start, end = options.get("nextToken", ""), options["startTime"], options["endTime"]
        bad = self.now_ms < self.bad_until_ms
        fault = self.faults[self.requests % len(self.faults)] if self.faults and bad else None
        if fault == "expired" and self.requests >= len(self.faults):
            fault = None  # a token that would never work again is another test's matter
        self.requests += 1
        self.now_ms += 40
        if fault == "throttled":
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "FilterLogEvents")
        if fault == "network":
            raise EndpointConnectionError(endpoint_url="https://logs")
        after = tuple(int(part) for part in token.split(".")) if token else (start, -1, -1)
        if token and fault == "expired":
            message = "The specified nextToken is invalid."
            raise ClientError({"Error": {"Code": "InvalidParameterException", "Message": message}}, "FilterLogEvents")
        if fault == "empty":
            return {"events": [], "nextToken": ".".join(map(str, after))}
        there = [
            line
            for line in sorted(self.lines)
            if line[:3] > after and line.ms <= end and line.visible_ms <= self.now_ms
        ]
        given = there[: self.page if bad else 1000]
        answer: dict[str, Any] = {
            "events": [
                {"timestamp": line.ms, "eventId": line.id, "logStreamName": line.stream, "message": f"line {line.id}"}
                for line in given
            ]
        }
        if len(there) > len(given):
            answer["nextToken"] = ".".join(map(str, given[-1][:3]))
        return answer
