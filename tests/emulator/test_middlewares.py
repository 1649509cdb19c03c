"""What the emulator adds around moto, without moto."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.conftest import AsAccount
from thoth_infra.emulator.failfast import FailFast, call_of
from thoth_infra.emulator.replay import Answer, Replay, answer_of
from thoth_infra.emulator.server import Front, Journal

SIGNED = "AWS4-HMAC-SHA256 Credential=111122223333/20250101/us-east-1/{}/aws4_request, Signature=x"


class App:
    """Answers with its next status and a body that tells how often it ran."""

    def __init__(self, *statuses: str) -> None:
        self.statuses, self.calls = list(statuses), 0

    def __call__(self, _: dict[str, Any], start_response: Any) -> list[bytes]:
        self.calls += 1
        start_response(self.statuses.pop(0) if self.statuses else "200 OK", [("X-Call", str(self.calls))])
        return [b"answer ", str(self.calls).encode()]


def _request(invocation: str | None = None, method: str = "POST", body: bytes = b"", **more: Any) -> dict[str, Any]:
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "thoth.body": body,
        **more,
    }
    return environ if invocation is None else {**environ, "HTTP_AMZ_SDK_INVOCATION_ID": invocation}


def test_a_repeated_request_gets_the_first_answer() -> None:
    app = App()
    replay = Replay(app)

    answers = [answer_of(replay, _request(one)) for one in ("a", "a", "b")]

    assert [answer.body for answer in answers] == [b"answer 1", b"answer 1", b"answer 2"]
    assert answers[0].headers == answers[1].headers


@pytest.mark.parametrize("error", ["500 Internal Server Error", "400 Bad Request"])
def test_a_retry_after_an_error_runs_again(error: str) -> None:
    app = App(error)

    statuses = [answer_of(Replay(app), _request("a")).status for _ in range(2)]

    assert statuses == [error, "200 OK"]


def test_reads_and_unnamed_requests_are_not_remembered() -> None:
    app = App()
    replay = Replay(app)

    for request in (_request("a", "GET"), _request("a", "GET"), _request(), _request()):
        answer_of(replay, request)

    assert app.calls == 4


@pytest.mark.parametrize("limit", [{"entries": 2}, {"size": 20}])
def test_the_oldest_answers_are_forgotten(limit: dict[str, int]) -> None:
    app = App()
    replay = Replay(app, **limit)
    for invocation in "abc":
        answer_of(replay, _request(invocation))

    assert answer_of(replay, _request("c")).body == b"answer 3"
    assert answer_of(replay, _request("a")).body == b"answer 4"


def test_a_repetition_waits_for_the_first_to_end() -> None:
    entered, leave, calls = threading.Event(), threading.Event(), []

    def slow(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        calls.append(1)
        entered.set()
        leave.wait(10)
        start_response("200 OK", [])
        return [b"done"]

    replay, answers = Replay(slow), list[Answer]()
    both = [threading.Thread(target=lambda: answers.append(answer_of(replay, _request("a")))) for _ in range(2)]
    both[0].start()
    entered.wait(10)
    both[1].start()
    leave.set()
    for thread in both:
        thread.join(10)

    assert ([answer.body for answer in answers], len(calls)) == ([b"done", b"done"], 1)


@pytest.mark.parametrize(
    ("environ", "body", "call"),
    [
        ({"HTTP_X_AMZ_TARGET": "AmazonEC2ContainerServiceV20141113.CreateService"}, b"{}", "ecs:CreateService"),
        ({"CONTENT_TYPE": "application/x-www-form-urlencoded"}, b"A=1&Action=CreateRole", "ecs:CreateRole"),
        ({"QUERY_STRING": "policy"}, b"", "ecs:POST /?policy"),
        ({"HTTP_AUTHORIZATION": ""}, b"", "unknown:POST /"),
    ],
)
def test_a_call_is_named_by_service_and_action(environ: dict[str, str], body: bytes, call: str) -> None:
    request = _request(body=body, **{"HTTP_AUTHORIZATION": SIGNED.format("ecs"), **environ})

    assert str(call_of(request, body)) == call


@pytest.mark.parametrize(
    ("service", "call", "parameters", "named"),
    [
        ("ecs", "list_service_deployments", {"service": "api"}, "ecs:ListServiceDeployments"),  # JSON
        ("iam", "list_mfa_device_tags", {"SerialNumber": "123456789012"}, "iam:ListMFADeviceTags"),  # XML
        ("ec2", "describe_trunk_interface_associations", {}, "ec2:DescribeTrunkInterfaceAssociations"),  # its own XML
        ("route53", "list_cidr_collections", {}, "route53:GET /2013-04-01/cidrcollection"),  # XML without a form
        ("chatbot", "describe_slack_channel_configurations", {}, "chatbot:POST /describe-slack"),  # no such service
    ],
)
def test_an_unknown_action_is_refused_by_name_in_the_callers_protocol(
    aws: AsAccount, service: str, call: str, parameters: dict[str, str], named: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(aws(service), call)(**parameters)

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert refused.value.response["Error"]["Code"] == "EmulatorNotImplemented"
    assert named in refused.value.response["Error"]["Message"]


def test_a_failure_of_moto_itself_is_an_error_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise KeyError("<subnet>")

    answer = answer_of(FailFast(broken), _request(HTTP_AUTHORIZATION=SIGNED.format("s3")))

    assert answer.status == "400 Bad Request"
    assert b"failed at s3:POST / (KeyError: '&lt;subnet&gt;')" in answer.body
    assert "KeyError" in capsys.readouterr().err


def test_the_journal_names_calls_and_errors_but_no_bodies(tmp_path: Path) -> None:
    journal = Journal(App("200 OK", "400 Bad Request"), tmp_path / "journal")
    target = {"HTTP_X_AMZ_TARGET": "x.GetSecretValue", "HTTP_AUTHORIZATION": SIGNED.format("secretsmanager")}
    for _ in range(2):
        answer_of(journal, _request(body=b'{"Secret": "s3cret"}', **target))

    text = (tmp_path / "journal").read_text()
    lines = [json.loads(line) for line in text.splitlines()]

    assert [(line["service"], line["action"], line["status"]) for line in lines] == [
        ("secretsmanager", "GetSecretValue", 200),
        ("secretsmanager", "GetSecretValue", 400),
    ]
    assert lines[1]["error"] == "answer 2"
    assert "s3cret" not in text


def test_health_tells_who_answers() -> None:
    front = Front(App(), {"pid": 7})

    assert answer_of(front, _request(PATH_INFO="/_thoth/health")).body == b'{"pid": 7}'


def test_a_closed_front_has_finished_what_ran_and_refuses_the_rest() -> None:
    entered, leave, ended = threading.Event(), threading.Event(), []

    def slow(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        entered.set()
        leave.wait(10)
        ended.append(environ["thoth.body"])
        start_response("200 OK", [])
        return []

    front = Front(slow, {})
    request = threading.Thread(target=lambda: answer_of(front, _request(body=b"x")))
    request.start()
    entered.wait(10)
    threading.Timer(0.05, leave.set).start()
    front.close()

    assert ended == [b"x"]
    assert answer_of(front, _request()).status == "503 Service Unavailable"
    request.join(10)
