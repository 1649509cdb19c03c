"""Which images a deployment means: digests that the registry really has."""

from __future__ import annotations

from dataclasses import dataclass

from thoth_infra.aws.clients import Clients


@dataclass(frozen=True)
class Wanted:
    """An image in a registry: by digest where one is known, by tag otherwise."""

    account: str
    region: str
    repository: str
    tag: str
    digest: str | None = None

    @property
    def name(self) -> str:
        """The image as an error names it."""
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag}"

    def pinned(self, digest: str) -> str:
        """Return the reference that a task definition carries."""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com/{self.repository}@{digest}"


def resolve(clients: Clients, wanted: Wanted) -> str | None:
    """Return the digest that the registry has for an image; None when it has none.

    Asks with BatchGetImage, one of the four actions that every account which pulls is allowed.
    """
    ecr = clients("ecr")
    which = {"imageDigest": wanted.digest} if wanted.digest else {"imageTag": wanted.tag}
    try:
        answer = ecr.batch_get_image(
            registryId=wanted.account, repositoryName=wanted.repository, imageIds=[which], acceptedMediaTypes=MANIFESTS
        )
    except ecr.exceptions.RepositoryNotFoundException:
        return None
    found = [image["imageId"]["imageDigest"] for image in answer["images"]]
    return str(found[0]) if found else None


MANIFESTS = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
]
