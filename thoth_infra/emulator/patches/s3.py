"""S3: bucket policies with conditions, and the bucket's configurations that moto takes for the bucket itself."""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.models import FakeBucket, s3_backends
from moto.s3.responses import S3Response as Response

from thoth_infra.emulator.patches.registry import ignores, kept_on, patch, wrap

_LACKING = tuple(
    kind
    for kind in ("analytics", "intelligent-tiering", "inventory", "metrics")
    if ignores(Response._bucket_response_delete, kind)()
)
_XML = {"content-type": "application/xml"}
_MISSING = (
    "<Error><Code>NoSuchConfiguration</Code><Message>The specified configuration does not exist.</Message></Error>"
)


@patch("s3", needed=lambda: True)
def conditions_of_bucket_policies() -> None:
    """moto denies whatever a statement with a Condition might match, so that a TLS-only Deny locks every object.

    Conditions are not evaluated here: statements that have one are left out, and the others decide.
    """

    def get_permission(self: Any, action: str, resource: str) -> Any:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        document = json.loads(self.policy)
        statements = document["Statement"]
        statements = statements if isinstance(statements, list) else [statements]
        document["Statement"] = [statement for statement in statements if not statement.get("Condition")]
        if not document["Statement"]:
            return PermissionResult.NEUTRAL
        return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)

    FakeBucket.get_permission = get_permission


def _configuration(query: dict[str, Any]) -> tuple[str, str] | None:
    """The kind and the id of the configuration that a request is about, if it is about one that moto lacks."""
    kind = next((kind for kind in _LACKING if kind in query), None)
    return (kind, query["id"][0]) if kind and query.get("id") else None


@patch("s3", needed=lambda: bool(_LACKING))
def bucket_configurations() -> None:
    """moto takes ``DELETE /bucket?metrics&id=x`` for DeleteBucket and deletes the bucket.

    The configurations' XML is kept on the bucket as it came.
    """

    @wrap(Response, "_bucket_response_put")
    def put(original: Any, self: Any, request: Any, bucket: str, query: dict[str, Any]) -> Any:
        if key := _configuration(query):
            kept_on(self.backend.get_bucket(bucket), "configurations")[key] = request.data
            return 200, {}, ""
        return original(self, request, bucket, query)

    @wrap(Response, "_bucket_response_get")
    def get(original: Any, self: Any, bucket: str, query: dict[str, Any]) -> Any:
        if key := _configuration(query):
            found = kept_on(self.backend.get_bucket(bucket), "configurations").get(key)
            return (404, _XML, _MISSING) if found is None else (200, _XML, found)
        return original(self, bucket, query)

    @wrap(Response, "_bucket_response_delete")
    def delete(original: Any, self: Any, bucket: str, query: dict[str, Any]) -> Any:
        if key := _configuration(query):
            kept_on(self.backend.get_bucket(bucket), "configurations").pop(key, None)
            return 204, {}, ""
        return original(self, bucket, query)


@patch("s3", needed=ignores(Response.bucket_response, "x-amz-expected-bucket-owner"))
def owner_that_is_expected() -> None:
    """moto does not look at ExpectedBucketOwner, with which a caller refuses to touch somebody else's bucket."""

    @wrap(Response, "_bucket_response", "_key_response")
    def response(original: Any, self: Any, request: Any, full_url: str) -> Any:
        expected = request.headers.get("x-amz-expected-bucket-owner")
        owner = s3_backends.bucket_accounts.get(self.parse_bucket_name_from_url(request, full_url))
        if expected and owner and owner[1] != expected:
            raise S3AccessDeniedError
        return original(self, request, full_url)
