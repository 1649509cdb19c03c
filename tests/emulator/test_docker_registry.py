"""The emulator's ECR as Docker meets it: what arrives, what is refused, and that AWS's own paths stay AWS's."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import pytest

from tests.emulator.conftest import AsAccount
from thoth_infra.emulator.access import Emulator
from thoth_infra.emulator.docker_registry import is_docker
from thoth_infra.emulator.wire import direct

KIND = "application/vnd.docker.distribution.manifest.v2+json"
LAYER, CONFIG = b"a layer" * 100, b'{"architecture":"amd64"}'


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


class Client:
    """What Docker sends, a request at a time."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token

    def __call__(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/octet-stream"
    ) -> Any:
        headers = {"Content-Type": kind} | ({"Authorization": f"Basic {self.token}"} if self.token else {})
        try:
            request = Request(self.url + path, data=body, headers=headers, method=method)  # noqa: S310 - loopback
            return direct.open(request, timeout=20)
        except HTTPError as error:
            return error

    def blob(self, repository: str, data: bytes) -> Any:
        where = self("POST", f"/v2/{repository}/blobs/uploads/", b"").headers["Location"]
        half = len(data) // 2
        assert self("PATCH", where, data[:half]).headers["Range"] == f"0-{half - 1}"
        return self("PUT", f"{where}?digest={digest(data)}", data[half:])

    def manifest(self, repository: str, reference: str, layer: bytes = LAYER) -> Any:
        return self("PUT", f"/v2/{repository}/manifests/{reference}", manifest(layer), KIND)


def manifest(layer: bytes = LAYER) -> bytes:
    config = {"mediaType": "config", "size": len(CONFIG), "digest": digest(CONFIG)}
    layers = [{"mediaType": "layer", "size": len(layer), "digest": digest(layer)}]
    return json.dumps({"schemaVersion": 2, "mediaType": KIND, "config": config, "layers": layers}).encode()


def error(answer: Any) -> tuple[int, str]:
    return answer.status, json.load(answer)["errors"][0]["code"]


@pytest.fixture
def docker(aws: AsAccount, emulator: Emulator) -> Client:
    aws("ecr").create_repository(repositoryName="thoth/api", imageTagMutability="IMMUTABLE")
    (login,) = aws("ecr").get_authorization_token()["authorizationData"]
    assert login["proxyEndpoint"] == emulator.url
    return Client(login["proxyEndpoint"], login["authorizationToken"])


def test_a_pushed_image_is_in_ecr_with_its_digest_tag_and_size(docker: Client, aws: AsAccount) -> None:
    assert docker("GET", "/v2/").status == 200
    for data in (LAYER, CONFIG):
        assert docker("HEAD", f"/v2/thoth/api/blobs/{digest(data)}").status == 404
        assert docker.blob("thoth/api", data).status == 201
        assert docker("HEAD", f"/v2/thoth/api/blobs/{digest(data)}").headers["Content-Length"] == str(len(data))

    assert docker.manifest("thoth/api", "1").headers["Docker-Content-Digest"] == digest(manifest())

    (image,) = aws("ecr").describe_images(repositoryName="thoth/api")["imageDetails"]
    assert (image["imageDigest"], image["imageTags"]) == (digest(manifest()), ["1"])
    assert image["imageSizeInBytes"] == len(LAYER) + len(CONFIG)
    for reference in ("1", digest(manifest())):
        assert docker("GET", f"/v2/thoth/api/manifests/{reference}").read() == manifest()


def test_nothing_is_told_to_a_stranger(docker: Client) -> None:
    for token in ("", "bm90OmFueWJvZHk=", base64.b64encode(b"AWS:guessed").decode(), "%"):
        answer = Client(docker.url, token)("GET", "/v2/")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert error(answer) == (401, "UNAUTHORIZED")


def test_a_repository_that_nobody_made_takes_nothing(docker: Client) -> None:
    assert error(docker("POST", "/v2/thoth/other/blobs/uploads/", b"")) == (404, "NAME_UNKNOWN")


def test_another_accounts_repository_is_another(docker: Client, aws: AsAccount, other_account: str) -> None:
    (login,) = aws("ecr", account_id=other_account).get_authorization_token()["authorizationData"]
    other = Client(docker.url, login["authorizationToken"])
    assert error(other("POST", "/v2/thoth/api/blobs/uploads/", b"")) == (404, "NAME_UNKNOWN")


def test_a_damaged_layer_is_refused(docker: Client) -> None:
    where = docker("POST", "/v2/thoth/api/blobs/uploads/", b"").headers["Location"]
    assert error(docker("PUT", f"{where}?digest={digest(b'meant')}", b"sent")) == (400, "DIGEST_INVALID")
    assert error(docker("PATCH", where, b"more")) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_manifest_needs_its_layers(docker: Client) -> None:
    docker.blob("thoth/api", CONFIG)
    assert error(docker.manifest("thoth/api", "1")) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert error(docker("PUT", "/v2/thoth/api/manifests/1", b"{", KIND)) == (400, "MANIFEST_INVALID")
    assert error(docker("GET", "/v2/thoth/api/manifests/1")) == (404, "MANIFEST_UNKNOWN")


def test_a_tag_is_not_moved(docker: Client, aws: AsAccount) -> None:
    for data in (LAYER, CONFIG, b"another layer"):
        docker.blob("thoth/api", data)
    docker.manifest("thoth/api", "1")

    assert error(docker.manifest("thoth/api", "1", b"another layer")) == (400, "TAG_INVALID")

    (image,) = aws("ecr").describe_images(repositoryName="thoth/api")["imageDetails"]
    assert image["imageDigest"] == digest(manifest())


def test_layers_can_not_be_pulled_and_that_is_said(docker: Client) -> None:
    docker.blob("thoth/api", LAYER)
    assert error(docker("GET", f"/v2/thoth/api/blobs/{digest(LAYER)}")) == (405, "UNSUPPORTED")


@pytest.mark.parametrize(
    ("path", "authorization", "dockers"),
    [
        ("/v2/", "", True),
        ("/v2/thoth/api/blobs/uploads/", "Basic eA==", True),
        ("/v2/apis", "AWS4-HMAC-SHA256 Credential=…", False),
        ("/v2x", "", False),
        ("/", "", False),
    ],
)
def test_signed_requests_are_not_dockers(path: str, authorization: str, dockers: bool) -> None:
    assert is_docker({"PATH_INFO": path, "HTTP_AUTHORIZATION": authorization}) is dockers
