"""Print what the registry's scan found in the images that an environment runs or will run; exit 1 when it is grave.

Grave: CRITICAL or HIGH. Looked at: the images of the environment's lock, and the one that was pushed last.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from thoth_infra.config.environment import Environment
from thoth_infra.config.load import load
from thoth_infra.contract.services import IMAGES

GRAVE = ("CRITICAL", "HIGH")
GONE = "not in the registry"


def digests(ecr: Any, env: Environment, image: str) -> Iterator[tuple[str, str]]:
    """Yield digest and reason of each image to look at."""
    locked = dict(env.images.digests).get(image)  # type: ignore[call-overload]
    if locked:
        yield locked, "locked"
    pages = ecr.get_paginator("describe_images").paginate(
        registryId=env.ecr_account, repositoryName=env.repository(image), filter={"tagStatus": "TAGGED"}
    )
    pushed = [one for page in pages for one in page["imageDetails"]]
    last = max((one["imagePushedAt"] for one in pushed), default=None)
    for one in pushed:
        if one["imagePushedAt"] == last and one["imageDigest"] != locked:
            yield one["imageDigest"], "pushed last"


def counts(ecr: Any, env: Environment, image: str, digest: str) -> dict[str, int] | None:
    """Return how many findings of each severity there are; None where there was no scan."""
    try:
        answer = ecr.describe_image_scan_findings(
            registryId=env.ecr_account, repositoryName=env.repository(image), imageId={"imageDigest": digest}
        )
    except ecr.exceptions.ScanNotFoundException:
        return None
    except ecr.exceptions.ImageNotFoundException:
        return {GONE: 1}
    return dict(answer["imageScanFindings"].get("findingSeverityCounts", {}))


def told(found: dict[str, int] | None) -> str:
    """Return findings as a person reads them."""
    if found is None:
        return "not scanned"
    if GONE in found:
        return GONE
    return ", ".join(f"{n} {severity}" for severity, n in found.items()) or "nothing"


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", required=True)
    env = load(Path.cwd(), parser.parse_args().env, personal=False).environment
    ecr = boto3.client("ecr", region_name=env.region)
    grave = 0
    for image in IMAGES:
        for digest, why in digests(ecr, env, image):
            found = counts(ecr, env, image, digest)
            shown = told(found)
            print(f"{env.repository(image)} {digest[:19]} ({why}): {shown}")
            grave += found is None or any(found.get(severity) for severity in (*GRAVE, GONE))
    return 1 if grave else 0


if __name__ == "__main__":
    sys.exit(main())
