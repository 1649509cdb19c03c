"""The half of ECR that Docker talks to: the registry protocol (OCI distribution 1.0), for pushes.

moto has ECR's own API only. Layers are hashed as they arrive and forgotten; their digests and sizes stay in moto's
repositories, and a manifest is put there like PutImage's. So a push meets what it would meet in AWS: a repository that
does not exist, a tag that is taken, a layer that is missing. Nobody runs containers from here: layers can't be pulled.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from uuid import uuid4

from thoth_infra.emulator import patches
from thoth_infra.emulator.replay import Answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

USER = "AWS"
_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>blobs/uploads|blobs|manifests)/(?P<reference>[^/]*)")
_TOKEN = re.compile(r"emulated-(?P<account>\d{12})-(?P<region>[a-z0-9-]+)")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PIECE = 1 << 18


def token(account: str, region: str) -> str:
    """Return the password of an account's registry."""
    return f"emulated-{account}-{region}"


def is_docker(environ: WSGIEnvironment) -> bool:
    """Whether a request is Docker's: some AWS services have paths below /v2/ too, but their requests are signed."""
    path, said = environ["PATH_INFO"], environ.get("HTTP_AUTHORIZATION", "")
    return (path == "/v2" or path.startswith("/v2/")) and not said.startswith("AWS4-")


class Refused(Exception):
    """An error of the protocol."""

    def __init__(self, status: str, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(
            status,
            [("Content-Type", "application/json"), *_challenge(status)],
            json.dumps({"errors": [{"code": code, "message": message}]}).encode(),
        )


@dataclass
class _Upload:
    name: str
    size: int = 0
    hash: Any = field(default_factory=hashlib.sha256)

    def take(self, environ: WSGIEnvironment) -> None:
        stream = environ["wsgi.input"]
        left = None if environ.get("wsgi.input_terminated") else int(environ.get("CONTENT_LENGTH") or 0)
        while piece := stream.read(_PIECE if left is None else min(_PIECE, left)):
            self.hash.update(piece)
            self.size += len(piece)
            left = None if left is None else left - len(piece)


class DockerRegistry:
    """WSGI application: pushes into moto's repositories."""

    def __init__(self) -> None:
        self._uploads: dict[str, _Upload] = {}
        self._lock = (
            threading.Lock()
        )  # moto's repositories are not made for threads, and Docker pushes layers side by side

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._answer(environ)
        except Refused as refused:
            answer = refused.answer
        answer.headers.append(("Docker-Distribution-Api-Version", "registry/2.0"))
        return answer.send(start_response)

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        account, region = _who(environ)
        found = _PATH.fullmatch(environ["PATH_INFO"])
        if not found:
            return Answer("200 OK", [("Content-Type", "application/json")], b"{}")
        with self._lock:
            repository = _repository(account, region, found["name"])
        method = environ["REQUEST_METHOD"]
        if found["kind"] == "blobs/uploads":
            return self._upload(environ, method, repository, found["reference"])
        if found["kind"] == "blobs":
            return _blob(method, repository, found["reference"])
        if method == "PUT":
            manifest = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            with self._lock:
                return _put(account, region, repository, found["reference"], manifest, environ.get("CONTENT_TYPE"))
        return _manifest(repository, found["reference"])

    def _upload(self, environ: WSGIEnvironment, method: str, repository: Any, identifier: str) -> Answer:
        if method == "POST":
            identifier = str(uuid4())
            self._uploads[identifier] = _Upload(repository.name)
            return _accepted(repository, identifier, 0)
        upload = self._uploads.get(identifier)
        if upload is None or upload.name != repository.name:
            raise Refused("404 Not Found", "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        upload.take(environ)
        if method == "PATCH":
            return _accepted(repository, identifier, upload.size)
        digest, wanted = f"sha256:{upload.hash.hexdigest()}", parse_qs(environ["QUERY_STRING"]).get("digest", [""])[0]
        del self._uploads[identifier]
        if digest != wanted:
            raise Refused("400 Bad Request", "DIGEST_INVALID", f"the layer's digest is {digest}, not {wanted}")
        with self._lock:
            repository.layers[digest] = upload.size
        return Answer("201 Created", [("Location", f"/v2/{repository.name}/blobs/{digest}"), _named(digest)], b"")


def _who(environ: WSGIEnvironment) -> tuple[str, str]:
    kind, _, value = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    try:
        user, _, password = base64.b64decode(value if kind == "Basic" else "").decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = password = ""
    found = _TOKEN.fullmatch(password)
    if user != USER or not found:
        raise Refused("401 Unauthorized", "UNAUTHORIZED", "Not Authorized")
    return found["account"], found["region"]


def _challenge(status: str) -> list[tuple[str, str]]:
    return (
        [("WWW-Authenticate", 'Basic realm="the AWS emulator",service="ecr.amazonaws.com"')]
        if status[:3] == "401"
        else []
    )


def _repository(account: str, region: str, name: str) -> Any:
    patches.apply("ecr")
    from moto.ecr.models import ecr_backends

    found = ecr_backends[account][region].repositories.get(name)
    if found is None:
        message = f"The repository with name '{name}' does not exist in the registry with id '{account}'"
        raise Refused("404 Not Found", "NAME_UNKNOWN", message)
    return found


def _blob(method: str, repository: Any, digest: str) -> Answer:
    if digest not in repository.layers:
        raise Refused("404 Not Found", "BLOB_UNKNOWN", "blob unknown to registry")
    if method != "HEAD":
        raise Refused("405 Method Not Allowed", "UNSUPPORTED", "the AWS emulator keeps no layers")
    return Answer("200 OK", [("Content-Length", str(repository.layers[digest])), _named(digest)], b"")


def _manifest(repository: Any, reference: str) -> Answer:
    for image in repository.images:
        if reference == image.get_image_digest() or reference in image.image_tags:
            kind = image.image_manifest_media_type or "application/vnd.docker.distribution.manifest.v2+json"
            return Answer(
                "200 OK", [("Content-Type", kind), _named(image.get_image_digest())], image.image_manifest.encode()
            )
    raise Refused("404 Not Found", "MANIFEST_UNKNOWN", f"Requested image not found: {reference}")


def _put(account: str, region: str, repository: Any, reference: str, manifest: bytes, kind: str | None) -> Answer:
    from moto.ecr.exceptions import ImageAlreadyExistsException
    from moto.ecr.models import ecr_backends

    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    try:
        said = json.loads(manifest)
        needs = [
            one["digest"] for one in (said.get("config"), *said.get("layers", ()), *said.get("manifests", ())) if one
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused("400 Bad Request", "MANIFEST_INVALID", "manifest invalid") from None
    known = {*repository.layers, *(image.get_image_digest() for image in repository.images)}
    for missing in (one for one in needs if one not in known):
        raise Refused("404 Not Found", "MANIFEST_BLOB_UNKNOWN", f"Layer {missing} does not exist in this repository")
    tag = None if _DIGEST.fullmatch(reference) else reference
    try:
        ecr_backends[account][region].put_image(repository.name, manifest.decode(), tag, kind)
    except ImageAlreadyExistsException:
        if tag and repository.is_tag_immutable():
            message = (
                f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be"
                " overwritten because the repository is immutable."
            )
            raise Refused("400 Bad Request", "TAG_INVALID", message) from None
    return Answer("201 Created", [("Location", f"/v2/{repository.name}/manifests/{digest}"), _named(digest)], b"")


def _accepted(repository: Any, identifier: str, size: int) -> Answer:
    where = f"/v2/{repository.name}/blobs/uploads/{identifier}"
    headers = [("Location", where), ("Range", f"0-{max(size - 1, 0)}"), ("Docker-Upload-UUID", identifier)]
    return Answer("202 Accepted", headers, b"")


def _named(digest: str) -> tuple[str, str]:
    return ("Docker-Content-Digest", digest)
