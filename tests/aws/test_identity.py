"""Only the environment's own account, role and profile get through, and every refusal says what to do."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from thoth_infra.aws.identity import Expected, Identity, credentials, guard, profile_in_use, whoami
from thoth_infra.errors import IdentityRefused

ACCOUNT = "111122223333"
STAGING = Expected("staging", ACCOUNT, "tfs-ai-staging", ("ThothStaging*", "thoth-staging-*"))


def assumed(role: str) -> Identity:
    return Identity(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/ada@example.com")


# --- the guard ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "identity",
    [
        assumed("thoth-staging-deploy"),
        assumed("AWSReservedSSO_ThothStagingAdmin_0123456789abcdef"),
        Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/engineers/thoth-staging-ada"),
        Identity(ACCOUNT, f"arn:aws-cn:sts::{ACCOUNT}:federated-user/thoth-staging-ada"),
    ],
)
def test_the_environments_own_roles_get_through(identity: Identity) -> None:
    guard(identity, STAGING, "tfs-ai-staging")
    guard(identity, STAGING, None)


@pytest.mark.parametrize(
    ("identity", "profile", "wrong"),
    [
        (
            Identity("999988887777", assumed("thoth-staging-x").arn),
            None,
            "account 999988887777, not 111122223333",
        ),
        (
            assumed("thoth-production-deploy"),
            None,
            "thoth-production-deploy/ada@example.com, which is none of",
        ),
        (assumed("AWSReservedSSO_ThothProduction_0123456789abcdef"), None, "ThothProduction"),
        (assumed("x/thoth-staging-deploy"), None, "which is none of"),
        (assumed("THOTH-STAGING-DEPLOY"), None, "which is none of"),
        (Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"), None, ":root, which is none of"),
        (assumed("thoth-staging-x"), "tfs-ai-production", "profile tfs-ai-production, not tfs-ai-staging"),
    ],
)
def test_anybody_else_is_refused(identity: Identity, profile: str | None, wrong: str) -> None:
    with pytest.raises(IdentityRefused) as refused:
        guard(identity, STAGING, profile)
    assert wrong in refused.value.message
    assert refused.value.exit_code == 4
    assert "aws sso login --profile tfs-ai-staging" in (refused.value.hint or "")


def test_all_that_differs_is_said_at_once() -> None:
    other = Identity("999988887777", "arn:aws:sts::999988887777:assumed-role/Other/x")
    with pytest.raises(IdentityRefused, match=r"account 9.*; .*Other/x.*; profile default"):
        guard(other, STAGING, "default")


def test_what_is_not_configured_is_not_compared() -> None:
    guard(assumed("Anybody"), Expected("dev", ACCOUNT), "any-profile")
    with pytest.raises(IdentityRefused) as refused:
        guard(assumed("Anybody"), Expected("dev", "999988887777"), None)
    assert "Set AWS_PROFILE" in (refused.value.hint or "")


# --- STS ----------------------------------------------------------------------------------------------


@dataclass
class Sts:
    """A stand-in for STS on loopback, which remembers who asked."""

    url: str
    status: int = 200
    error: str = "ExpiredToken"
    callers: list[str] = field(default_factory=list)

    def body(self) -> bytes:
        if self.status == 200:
            result = f"<Arn>{assumed('thoth-staging-x').arn}</Arn><Account>{ACCOUNT}</Account><UserId>u</UserId>"
            inside = f"<GetCallerIdentityResult>{result}</GetCallerIdentityResult>"
            return f"<GetCallerIdentityResponse>{inside}</GetCallerIdentityResponse>".encode()
        said = f"<Code>{self.error}</Code><Message>The security token is expired</Message>"
        return f"<ErrorResponse><Error>{said}</Error></ErrorResponse>".encode()


@pytest.fixture
def sts() -> Iterator[Sts]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            found.callers.append(self.headers["Authorization"].split("Credential=")[1].split("/")[0])
            body = found.body()
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Sts(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment without credentials, and a process that has none either."""
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    files = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in files.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    return files


def profile(variables: dict[str, str], name: str, *settings: str) -> None:
    with Path(variables["AWS_CONFIG_FILE"]).open("a") as file:
        file.write("\n".join([f"[profile {name}]", *settings, ""]))


def test_sts_is_asked_with_the_keys_in_the_environment(sts: Sts, variables: dict[str, str]) -> None:
    variables |= {
        "AWS_ACCESS_KEY_ID": "AKIDENV",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_PROFILE": "keys-come-first",
        "AWS_ENDPOINT_URL": sts.url,
    }
    assert whoami(variables, "eu-central-1") == assumed("thoth-staging-x")
    assert sts.callers == ["AKIDENV"]


def test_sts_is_asked_as_the_profile(sts: Sts, variables: dict[str, str]) -> None:
    profile(variables, "tfs-ai-staging", "aws_access_key_id = AKIDPROFILE", "aws_secret_access_key = s")
    variables |= {"AWS_PROFILE": "tfs-ai-staging", "AWS_ENDPOINT_URL_STS": sts.url}
    assert whoami(variables).account_id == ACCOUNT
    assert sts.callers == ["AKIDPROFILE"]


def test_expired_credentials_are_refused(sts: Sts, variables: dict[str, str]) -> None:
    sts.status = 403
    profile(variables, "p", "aws_access_key_id = A", "aws_secret_access_key = s")
    variables |= {"AWS_PROFILE": "p", "AWS_ENDPOINT_URL": sts.url}
    with pytest.raises(IdentityRefused, match="ExpiredToken: The security token is expired") as refused:
        whoami(variables)
    assert "aws sso login --profile p" in (refused.value.hint or "")
    assert len(sts.callers) == 1


def test_an_sts_in_trouble_is_asked_twice(sts: Sts, variables: dict[str, str]) -> None:
    sts.status, sts.error = 503, "ServiceUnavailable"
    variables |= {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": sts.url}
    with pytest.raises(IdentityRefused, match="ServiceUnavailable"):
        whoami(variables)
    assert len(sts.callers) == 2


def test_an_sts_out_of_reach_is_told(sts: Sts, variables: dict[str, str]) -> None:
    variables |= {
        "AWS_ACCESS_KEY_ID": "A",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    with pytest.raises(IdentityRefused, match="could not be asked") as refused:
        whoami(variables)
    assert "--emulate" in (refused.value.hint or "")


@pytest.mark.parametrize("ask", [whoami, credentials])
def test_no_credentials_say_how_to_sign_in(variables: dict[str, str], ask: object) -> None:
    assert callable(ask)
    with pytest.raises(IdentityRefused, match="There are no AWS credentials") as refused:
        ask(variables)
    assert "aws sso login" in (refused.value.hint or "")


@pytest.mark.parametrize("ask", [whoami, credentials])
def test_a_profile_that_does_not_exist_is_named(variables: dict[str, str], ask: object) -> None:
    assert callable(ask)
    with pytest.raises(IdentityRefused, match="AWS_PROFILE=nobody: there is no such profile") as refused:
        ask(variables | {"AWS_PROFILE": "nobody"})
    assert "aws configure sso --profile nobody" in (refused.value.hint or "")


def test_a_single_sign_on_that_has_ended_is_told(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # where sign-on tokens are kept: there are none
    profile(
        variables,
        "sso",
        "sso_start_url = https://example.com/start",
        "sso_region = eu-central-1",
        "sso_account_id = 111122223333",
        "sso_role_name = ThothStaging",
    )
    with pytest.raises(IdentityRefused, match="single sign-on session has ended") as refused:
        credentials(variables | {"AWS_PROFILE": "sso"})
    assert "aws sso login --profile sso" in (refused.value.hint or "")


# --- credentials for a container ----------------------------------------------------------------------


def test_credentials_are_resolved_to_values(variables: dict[str, str], tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text(
        json.dumps(
            {
                "Version": 1,
                "AccessKeyId": "ASIAHELPER",
                "SecretAccessKey": "secret",
                "SessionToken": "token",
                "Expiration": "2999-01-01T00:00:00Z",
            }
        )
    )
    profile(variables, "helper", f"credential_process = {sys.executable} -c 'print(open(\"{answer}\").read())'")
    assert credentials(variables | {"AWS_PROFILE": "helper"}) == {
        "AWS_ACCESS_KEY_ID": "ASIAHELPER",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
    }


def test_keys_in_the_environment_are_passed_as_they_are(variables: dict[str, str]) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
    assert credentials(variables | keys) == keys


@pytest.mark.parametrize(
    ("variables_", "expected"),
    [
        ({}, None),
        ({"AWS_PROFILE": ""}, None),
        ({"AWS_DEFAULT_PROFILE": "old"}, "old"),
        ({"AWS_PROFILE": "new", "AWS_DEFAULT_PROFILE": "old"}, "new"),
    ],
)
def test_the_profile_in_use(variables_: dict[str, str], expected: str | None) -> None:
    assert profile_in_use(variables_) == expected


def test_the_guard_needs_no_aws_library(variables: dict[str, str]) -> None:
    """Commands that never ask AWS must not pay for its library (about 0.3 s)."""
    import subprocess

    code = "import sys, thoth_infra.aws.identity; print([m for m in sys.modules if m.startswith('boto')])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
