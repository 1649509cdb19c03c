"""CloudWatch Logs: queries that really filter, count and sort, that take a moment, and that can be stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from moto.logs import models
from moto.logs.exceptions import InvalidParameterException, LogsClientError, ResourceNotFoundException
from moto.logs.models import LogQuery, LogsBackend
from moto.logs.responses import LogsResponse as Response

from thoth_infra.emulator import insights
from thoth_infra.emulator.patches.registry import action, lacks, patch, wrap


@patch("logs", needed=lambda: True)
def queries_select() -> None:
    """moto's queries know fields, sort by time and limit only: everything matches, nothing is counted."""

    @wrap(models, "execute_query")
    def execute_query(_original: Any, log_groups: Any, query: str, start_time: int, end_time: int) -> Any:
        try:
            return insights.run(query, _events(log_groups, start_time * 1000, end_time * 1000 + 999))
        except insights.Malformed as error:
            raise LogsClientError("MalformedQueryException", str(error)) from None


def _events(groups: Any, start: int, end: int) -> Iterator[tuple[dict[str, Any], str]]:
    for group in groups:
        for name, stream in group.streams.items():
            for event in stream.events:
                if start <= event.timestamp <= end:
                    system = {
                        "@timestamp": event.timestamp,
                        "@ingestionTime": event.ingestion_time,
                        "@logStream": name,
                        "@log": f"{group.account_id}:{group.name}",
                        "@ptr": str(event.event_id),
                    }
                    yield system, event.message


@patch("logs", needed=lambda: True)
def queries_take_a_moment() -> None:
    """moto's queries are complete before anybody has asked; AWS's first answer is that they run."""

    @wrap(LogQuery, "__init__")
    def created(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        self.status = "Running"

    @wrap(LogQuery, "to_result_json")
    def to_result_json(original: Any, self: Any) -> dict[str, Any]:
        asked_before, self.thoth_asked = getattr(self, "thoth_asked", False), True
        if self.status == "Running" and asked_before:
            self.status = "Complete"
        answer: dict[str, Any] = original(self)
        return answer if answer["status"] == "Complete" else {**answer, "results": []}

    @wrap(LogsBackend, "get_query_results")
    def get_query_results(original: Any, self: Any, query_id: str) -> Any:
        if query_id not in self.queries:
            raise ResourceNotFoundException("The specified query does not exist.")
        return original(self, query_id)


@patch("logs", needed=lacks(Response, "stop_query"))
def queries_stop() -> None:
    """moto has no StopQuery."""

    @action(Response)
    def stop_query(self: Any) -> str:
        query = self.logs_backend.get_query_results(self._get_param("queryId"))
        if query.status != "Running":
            raise InvalidParameterException("Query is not in a state to be stopped; it has ended.")
        query.status = "Cancelled"
        return json.dumps({"success": True})
