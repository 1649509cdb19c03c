"""Budgets: subscribers, tags and changes."""

from __future__ import annotations

import json
from typing import Any

from moto.budgets.responses import BudgetsResponse as Response

from thoth_infra.emulator.patches.registry import action, kept_on, lacks, patch, wrap


def _budget(response: Any, name: str) -> Any:
    account = response._get_param("AccountId")
    response.backend.describe_budget(account_id=account, budget_name=name)  # or raises
    return response.backend.budgets[account][name]


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return float(one["Threshold"]) == float(other["Threshold"]) and all(
        one.get(key) == other.get(key) for key in ("NotificationType", "ComparisonOperator")
    )


@patch("budgets", needed=lacks(Response, "describe_subscribers_for_notification"))
def subscribers() -> None:
    """moto can't tell the subscribers of a notification, which the provider reads at every refresh."""

    @action(Response)
    def describe_subscribers_for_notification(self: Any) -> str:
        wanted = self._get_param("Notification")
        for notification in _budget(self, self._get_param("BudgetName")).notifications:
            if _same(notification.details, wanted):
                return json.dumps({"Subscribers": notification.subscribers})
        return json.dumps({"Subscribers": []})


@patch("budgets", needed=lacks(Response, "update_budget"))
def budget_update() -> None:
    """moto has no UpdateBudget."""

    @action(Response)
    def update_budget(self: Any) -> str:
        new = self._get_param("NewBudget")
        _budget(self, new["BudgetName"]).budget.update(new)
        return "{}"


def _tags(response: Any) -> dict[str, str]:
    tags: dict[str, str] = kept_on(response.backend, "tags").setdefault(response._get_param("ResourceARN"), {})
    return tags


@patch("budgets", needed=lacks(Response, "list_tags_for_resource", "tag_resource", "untag_resource"))
def tags() -> None:
    """moto knows no tags of budgets."""

    @action(Response)
    def list_tags_for_resource(self: Any) -> str:
        return json.dumps({"ResourceTags": [{"Key": key, "Value": value} for key, value in _tags(self).items()]})

    @action(Response)
    def tag_resource(self: Any) -> str:
        _tags(self).update({tag["Key"]: tag["Value"] for tag in self._get_param("ResourceTags")})
        return "{}"

    @action(Response)
    def untag_resource(self: Any) -> str:
        for key in self._get_param("ResourceTagKeys"):
            _tags(self).pop(key, None)
        return "{}"

    @wrap(Response, "create_budget")
    def create_budget(original: Any, self: Any) -> Any:
        answer = original(self)
        account, name = self._get_param("AccountId"), self._get_param("Budget")["BudgetName"]
        given = {tag["Key"]: tag["Value"] for tag in self._get_param("ResourceTags") or []}
        kept_on(self.backend, "tags")[f"arn:aws:budgets::{account}:budget/{name}"] = given
        return answer
