"""Where deployments are remembered: beside the environment's Terraform state, one object for the present one.

Each write names the version that it replaces, so that two people who deploy at once can't both believe that they do:
the second one's write is refused by S3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from thoth_infra.aws import objects
from thoth_infra.aws.clients import Clients
from thoth_infra.aws.deploy.record import Deployment
from thoth_infra.aws.services import Place
from thoth_infra.errors import ThothError


@dataclass(frozen=True)
class Held:
    """A deployment as it was read or written, and the version that the next write replaces."""

    deployment: Deployment
    version: str


@dataclass(frozen=True)
class Ledger:
    """An environment's deployments, in ``folder`` of its state bucket."""

    clients: Clients
    bucket: str
    folder: str

    @classmethod
    def of(cls, clients: Clients, place: Place) -> Ledger:
        """Return an environment's ledger."""
        return cls(clients, place.bucket, place.deployments)

    @property
    def _current(self) -> str:
        return f"{self.folder}/current.json"

    def read(self) -> Held | None:
        """Return the present deployment, or the last one; None before the first."""
        return self._get(self._current)

    def last(self) -> Held | None:
        """Return the last deployment; None before the first. Raises ThothError while it has not ended."""
        known = self.read()
        if known is not None and not known.deployment.ended:
            raise _under_way(known.deployment)
        return known

    def begin(self, deployment: Deployment) -> Held:
        """Write a new deployment down. Raises ThothError while another one has not ended, or began just now."""
        known = self.last()
        return self._put(deployment, known.version if known else None)

    def save(self, held: Held, deployment: Deployment) -> Held:
        """Write down how far it has come; one that has ended is kept under its own name too.

        Raises ThothError when somebody else has written since.
        """
        if deployment.ended:
            self.clients("s3").put_object(
                Bucket=self.bucket,
                Key=self._key(deployment.id),
                Body=_bytes(deployment),
                ContentType="application/json",
            )
        return self._put(deployment, held.version)

    def ended(self) -> Iterator[Deployment]:
        """Yield the deployments that have ended, the latest first."""
        pages = self.clients("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.bucket, Prefix=f"{self.folder}/ended/")
        keys = sorted((row["Key"] for page in found for row in page.get("Contents", ())), reverse=True)
        for key in keys:
            if held := self._get(key):
                yield held.deployment

    def _key(self, identifier: str) -> str:
        return f"{self.folder}/ended/{identifier}.json"

    def _get(self, key: str) -> Held | None:
        found = objects.get(self.clients, self.bucket, key)
        return Held(_read(found.body, f"s3://{self.bucket}/{key}"), found.version) if found else None

    def _put(self, deployment: Deployment, version: str | None) -> Held:
        try:
            written = objects.put(self.clients, self.bucket, self._current, _bytes(deployment), version)
        except objects.Overtaken as error:
            raise ThothError(
                "somebody else deploys this environment just now",
                "look with `thoth-infra deploy --show`; only one of you can go on",
            ) from error
        return Held(deployment, written)


def _under_way(deployment: Deployment) -> ThothError:
    return ThothError(
        f"deployment {deployment.id} by {deployment.by} has not ended: it is {deployment.state}",
        "go on with it: `thoth-infra deploy --resume`; or undo it: `thoth-infra rollback`",
    )


def _bytes(deployment: Deployment) -> bytes:
    return deployment.model_dump_json(indent=2).encode()


def _read(content: bytes, where: str) -> Deployment:
    try:
        return Deployment.model_validate_json(content)
    except ValidationError as error:
        raise ThothError(
            f"{where} is no record of a deployment: {error.error_count()} fields are wrong",
            "it was written by another version of thoth-infra, or by hand; S3 keeps its earlier versions",
        ) from error
