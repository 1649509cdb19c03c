"""What AWS refuses, or does not answer, reaches a person as an error with a way out."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions

from thoth_infra.aws.clients import explained
from thoth_infra.errors import ThothError


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("ClusterNotFoundException", "apply the environment first"),
        ("AccessDeniedException", "lacks this permission"),
        ("ExpiredTokenException", "aws sso login"),
        ("ThrottlingException", "try again in a minute"),
    ],
)
def test_a_refusal_names_the_call_and_what_to_do(code: str, hint: str) -> None:
    answer: Any = {"Error": {"Code": code, "Message": "no"}}
    with pytest.raises(ThothError) as caught, explained():
        raise exceptions.ClientError(answer, "DescribeServices")
    assert caught.value.message == f"AWS refused DescribeServices: {code}: no"
    assert caught.value.hint and hint in caught.value.hint


def test_silence_is_explained_too() -> None:
    with pytest.raises(ThothError, match="AWS did not answer"), explained():
        raise exceptions.EndpointConnectionError(endpoint_url="https://ecs.example")
