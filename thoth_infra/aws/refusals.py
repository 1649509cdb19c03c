"""What AWS or the network answers when it does not do what was asked: errors that say what was asked and what helps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING

from thoth_infra.errors import ThothError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


class Refusal(Enum):
    """Why a request was refused, as far as it can be told from any service's code; the value says what helps."""

    NOT_THERE = "apply the environment first"
    EXPIRED = "sign in again: `aws sso login`"
    DENIED = "the role lacks this permission: docs/delivery.md says which role may what; `doctor` shows who you are"
    THROTTLED = "AWS throttles this account just now: try again in a minute"
    UNAVAILABLE = "AWS has trouble of its own: try again in a minute, and look at its health dashboard"
    OTHER = "`thoth-infra doctor` looks at the account, the role and what was applied"


# Each protocol and service has names of its own for the same thing.
_CODES = {
    Refusal.NOT_THERE: {
        "ClusterNotFoundException",
        "ServiceNotFoundException",
        "NoSuchBucket",
        "ApplicationDoesNotExistException",
        "DeploymentGroupDoesNotExistException",
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "RepositoryNotFoundException",
    },
    Refusal.EXPIRED: {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidToken",
        "AuthFailure",
    },
    Refusal.DENIED: {
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "UnauthorizedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "403",
    },
    Refusal.THROTTLED: {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "SlowDown",
    },
    Refusal.UNAVAILABLE: {
        "InternalFailure",
        "InternalError",
        "InternalServerError",
        "InternalServiceError",
        "ServerException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "500",
        "502",
        "503",
        "504",
    },
}


def refusal(error: ClientError) -> Refusal:
    """Return why AWS refused."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    for kind, codes in _CODES.items():
        if code in codes:
            return kind
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return Refusal.UNAVAILABLE if status >= 500 else Refusal.OTHER


def as_error(error: Exception) -> ThothError:
    """Return the error to tell of a botocore exception.

    Raises:
        TypeError: for any other exception.
    """
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        said = error.response.get("Error", {})
        words = ": ".join(text for text in (said.get("Code"), said.get("Message")) if text)
        return ThothError(f"AWS refused {error.operation_name}: {words}", refusal(error).value)
    if isinstance(error, exceptions.BotoCoreError):
        return ThothError(
            f"AWS did not answer as it should: {error}", "check the network (a proxy, a VPN) and try again"
        )
    raise TypeError(type(error))


@contextmanager
def explained() -> Iterator[None]:
    """Turn botocore's exceptions into errors."""
    from botocore import exceptions

    try:
        yield
    except (exceptions.ClientError, exceptions.BotoCoreError) as error:
        raise as_error(error) from error
