"""An account's image registry (ECR): what it has, and how Docker signs in there."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from thoth_infra.aws.clients import Clients
from thoth_infra.aws.deploy.images import MANIFESTS
from thoth_infra.errors import EngineError, ThothError


@dataclass(frozen=True)
class Held:
    """An image in a registry: its digest, and what its manifest refers to as its configuration."""

    digest: str
    config: str | None

    def is_image(self, identifier: str) -> bool:
        """Whether a Docker engine gives it this id: its configuration's or, with containerd's store, the digest."""
        return identifier in (self.config, self.digest)


@dataclass(frozen=True)
class Pushed:
    """One image of a repository. ``size``: bytes as they are pulled, compressed. ``findings``: count by severity."""

    image: str
    digest: str
    tags: tuple[str, ...]
    pushed_at: datetime
    size: int | None
    findings: dict[str, int] | None


@dataclass(frozen=True)
class Login:
    """How Docker signs in at ``host``. The password holds for twelve hours, and is never shown."""

    host: str
    user: str
    password: str = field(repr=False)


def held(clients: Clients, account: str, repository: str, tag: str) -> Held | None:
    """Return the image with this tag; None when there is none. Raises ThothError where there is no such repository."""
    ecr = clients("ecr")
    try:
        answer = ecr.batch_get_image(
            registryId=account, repositoryName=repository, imageIds=[{"imageTag": tag}], acceptedMediaTypes=MANIFESTS
        )
    except ecr.exceptions.RepositoryNotFoundException:
        raise _no_repository(account, repository) from None
    for image in answer["images"]:
        config = json.loads(image.get("imageManifest") or "{}").get("config") or {}
        return Held(image["imageId"]["imageDigest"], config.get("digest"))
    return None


def listing(clients: Clients, account: str, repository: str, image: str) -> tuple[Pushed, ...]:
    """Return all images of a repository, the latest first. Raises ThothError where there is no such repository."""
    return tuple(sorted(_images(clients, account, repository, image), key=lambda one: one.pushed_at, reverse=True))


def _images(clients: Clients, account: str, repository: str, image: str) -> Iterator[Pushed]:
    ecr = clients("ecr")
    try:
        for page in ecr.get_paginator("describe_images").paginate(registryId=account, repositoryName=repository):
            for one in page["imageDetails"]:
                summary = one.get("imageScanFindingsSummary")
                yield Pushed(
                    image,
                    one["imageDigest"],
                    tuple(sorted(one.get("imageTags", ()))),
                    one["imagePushedAt"],
                    one.get("imageSizeInBytes"),
                    dict(summary.get("findingSeverityCounts", {})) if summary else None,
                )
    except ecr.exceptions.RepositoryNotFoundException:
        raise _no_repository(account, repository) from None


def login(clients: Clients, account: str, region: str) -> Login:
    """Return how Docker signs in at the account's registry. Raises EngineError for an answer that leads elsewhere."""
    (data,) = clients("ecr").get_authorization_token(registryIds=[account])["authorizationData"]
    scheme, _, host = data["proxyEndpoint"].partition("://")
    redirected = clients.variables.get("AWS_ENDPOINT_URL")
    if not redirected and (scheme, host) != ("https", f"{account}.dkr.ecr.{region}.amazonaws.com"):
        raise EngineError(
            f"AWS names {host} as the registry of account {account} in {region}", "nothing was sent there"
        )
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    return Login(host, user, password)


def _no_repository(account: str, repository: str) -> ThothError:
    hint = "`thoth-infra apply` makes it: with `--env shared` in the shared account, else with the environment itself"
    return ThothError(f"account {account} has no image repository {repository}", hint)
