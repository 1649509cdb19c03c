"""CloudWatch Logs: saved queries and metric filters."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from moto.core.utils import unix_time_millis
from moto.logs.metric_filters import MetricFilters
from moto.logs.responses import LogsResponse as Response

from thoth_infra.emulator.patches.registry import action, kept_on, lacks, patch, wrap


def _queries(response: Any) -> dict[Any, Any]:
    return kept_on(response.logs_backend, "query_definitions")


@patch("logs", needed=lacks(Response, "put_query_definition", "describe_query_definitions"))
def query_definitions() -> None:
    """moto has no saved Logs Insights queries."""

    @action(Response)
    def put_query_definition(self: Any) -> str:
        identifier = self._get_param("queryDefinitionId") or str(uuid4())
        _queries(self)[identifier] = {
            "queryDefinitionId": identifier,
            "name": self._get_param("name"),
            "queryString": self._get_param("queryString"),
            "logGroupNames": self._get_param("logGroupNames") or [],
            "lastModified": int(unix_time_millis()),
        }
        return json.dumps({"queryDefinitionId": identifier})

    @action(Response)
    def describe_query_definitions(self: Any) -> str:
        prefix = self._get_param("queryDefinitionNamePrefix") or ""
        found = [query for query in _queries(self).values() if query["name"].startswith(prefix)]
        return json.dumps({"queryDefinitions": found})

    @action(Response)
    def delete_query_definition(self: Any) -> str:
        gone = _queries(self).pop(self._get_param("queryDefinitionId"), None)
        return json.dumps({"success": gone is not None})


@patch("logs", needed=lambda: True)
def metric_filter_replaced() -> None:
    """moto's PutMetricFilter adds a second filter of the same name instead of replacing the first."""

    @wrap(MetricFilters, "add_filter")
    def add_filter(original: Any, self: Any, name: str, pattern: str, group: str, metrics: Any) -> None:
        self.metric_filters[:] = [
            known for known in self.metric_filters if (known["filterName"], known["logGroupName"]) != (name, group)
        ]
        original(self, name, pattern, group, metrics)
