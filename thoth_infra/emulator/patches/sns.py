"""SNS: subscriptions by mail, which wait for somebody to agree."""

from __future__ import annotations

from typing import Any, Final

from moto.core.responses import ActionResult
from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend as Backend
from moto.sns.responses import SNSResponse as Response

from thoth_infra.emulator.patches.registry import patch, wrap

_BY_MAIL: Final = ("email", "email-json")


def _pending(subscription: Any) -> bool:
    return subscription.protocol in _BY_MAIL and not subscription.confirmed


@patch("sns", needed=lambda: True)
def mail_wants_confirmation() -> None:
    """moto takes a subscription by mail for confirmed. The token that AWS would mail is the end of the ARN here."""

    @wrap(Backend, "subscribe")
    def subscribe(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        made = original(self, *args, **kwargs)
        made.attributes["PendingConfirmation"] = _pending(made)
        return made

    @wrap(Response, "subscribe")
    def answer_subscribe(original: Any, self: Any) -> Any:
        answer = original(self)
        found = self.backend.subscriptions[answer.result["SubscriptionArn"]]
        if _pending(found) and self._get_param("ReturnSubscriptionArn") not in (True, "true"):
            answer.result["SubscriptionArn"] = "pending confirmation"
        return answer

    @wrap(Response, "list_subscriptions", "list_subscriptions_by_topic")
    def list_subscriptions(original: Any, self: Any) -> Any:
        answer = original(self)
        answer.result["Subscriptions"] = [_shown(one) for one in answer.result["Subscriptions"]]
        return answer

    @wrap(Response, "confirm_subscription")
    def confirm_subscription(original: Any, self: Any) -> Any:
        original(self)  # or raises: there is no such topic
        arn = f"{self._get_param('TopicArn')}:{self._get_param('Token')}"
        found = self.backend.subscriptions.get(arn)
        if found is None:
            raise SNSInvalidParameter("Invalid parameter: Token")
        found.confirmed, found.attributes["PendingConfirmation"] = True, False
        return ActionResult({"SubscriptionArn": arn})


def _shown(subscription: Any) -> Any:
    if not _pending(subscription):
        return subscription
    fields = {"Owner": "owner", "Protocol": "protocol", "Endpoint": "endpoint", "TopicArn": "topic_arn"}
    return {
        "SubscriptionArn": "PendingConfirmation",
        **{name: getattr(subscription, attribute) for name, attribute in fields.items()},
    }
