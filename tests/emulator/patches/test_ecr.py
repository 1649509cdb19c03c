"""ECR: digests, sizes, and where Docker is sent."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.emulator.conftest import AsAccount
from thoth_infra.emulator.access import Emulator
from thoth_infra.emulator.patches.ecr_scan import CRITICAL

WRONG = f"sha256:{'0' * 64}"


def manifest(**annotations: str) -> str:
    kind = "application/vnd.oci.image.manifest.v1+json"
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": kind,
            "config": {"size": 7, "digest": "sha256:1"},
            "layers": [{"size": 1000, "digest": "sha256:2"}, {"size": 500, "digest": "sha256:3"}],
            "annotations": annotations,
        }
    )


@pytest.mark.patch("digest_of_the_manifest")
def test_an_image_that_is_not_the_one_which_was_meant_is_refused(aws: AsAccount) -> None:
    aws("ecr").create_repository(repositoryName="app")
    with pytest.raises(ClientError, match="ImageDigestDoesNotMatchException"):
        aws("ecr").put_image(repositoryName="app", imageManifest=manifest(), imageTag="1", imageDigest=WRONG)


@pytest.mark.patch("digest_of_the_manifest")
def test_a_stand_in_has_the_digest_of_what_it_stands_for(aws: AsAccount) -> None:
    aws("ecr").create_repository(repositoryName="app")
    stand_in = manifest(**{"thoth.emulator/digest": WRONG})
    aws("ecr").put_image(repositoryName="app", imageManifest=stand_in, imageTag="1")
    (image,) = aws("ecr").describe_images(repositoryName="app")["imageDetails"]
    assert image["imageDigest"] == WRONG


@pytest.mark.patch("size_of_the_layers")
def test_an_image_has_the_size_of_all_that_is_pulled(aws: AsAccount) -> None:
    aws("ecr").create_repository(repositoryName="app")
    aws("ecr").put_image(repositoryName="app", imageManifest=manifest(), imageTag="1")
    (image,) = aws("ecr").describe_images(repositoryName="app")["imageDetails"]
    assert image["imageSizeInBytes"] == 1507


@pytest.mark.patch("scans_are_summed_up")
def test_an_image_that_was_scanned_tells_how_much_was_found(aws: AsAccount) -> None:
    aws("ecr").create_repository(repositoryName="app")
    for tag in ("scanned", "not"):
        text = manifest(tag=tag, **{CRITICAL: "2"})
        aws("ecr").put_image(repositoryName="app", imageManifest=text, imageTag=tag)
    aws("ecr").start_image_scan(repositoryName="app", imageId={"imageTag": "scanned"})

    images = {one["imageTags"][0]: one for one in aws("ecr").describe_images(repositoryName="app")["imageDetails"]}

    found = aws("ecr").describe_image_scan_findings(repositoryName="app", imageId={"imageTag": "scanned"})
    counts = found["imageScanFindings"]["findingSeverityCounts"]
    assert images["scanned"]["imageScanFindingsSummary"]["findingSeverityCounts"] == counts == {"CRITICAL": 2}
    assert "imageScanFindingsSummary" not in images["not"]


@pytest.mark.patch("login_to_the_emulator")
def test_docker_is_sent_here_with_a_token_that_holds(aws: AsAccount, emulator: Emulator, other_account: str) -> None:
    own, other = (
        aws("ecr").get_authorization_token(**asked)["authorizationData"][0]
        for asked in ({}, {"registryIds": [other_account]})
    )
    assert {own["proxyEndpoint"], other["proxyEndpoint"]} == {emulator.url}
    assert own["expiresAt"] > datetime.now(UTC) + timedelta(hours=11)
    assert b64decode(own["authorizationToken"]).startswith(b"AWS:")
    assert other_account in b64decode(other["authorizationToken"]).decode()
