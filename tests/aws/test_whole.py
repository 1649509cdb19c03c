"""Half an answer is a broken connection, whether it grants or refuses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from thoth_infra.aws.whole import whole_answers

ABSENT = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"


@contextmanager
def answering(status: int, body: bytes, *, sent: int) -> Iterator[Any]:
    """Yield a client of S3 whose server says how long ``body`` is, and sends so many bytes of it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:sent])

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        client = boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{server.server_address[1]}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        try:
            yield whole_answers(client)
        finally:
            client.close()
            server.shutdown()


def test_a_refusal_is_believed_when_it_is_whole() -> None:
    with answering(404, ABSENT, sent=len(ABSENT)) as s3, pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="state", Key="memory")


@pytest.mark.parametrize("operation", ["get_object", "list_objects_v2"])
@pytest.mark.parametrize("status", [404, 503])
def test_half_a_refusal_is_none(operation: str, status: int) -> None:
    asked = {"Bucket": "state", **({"Key": "memory"} if operation == "get_object" else {})}
    with answering(status, ABSENT, sent=40) as s3, pytest.raises(ConnectionClosedError):
        getattr(s3, operation)(**asked)


def test_half_a_list_is_none() -> None:
    body = b"<ListBucketResult><Contents><Key>1</Key></Contents><Contents><Key>2</Key></Contents></ListBucketResult>"
    with answering(200, body, sent=62) as s3, pytest.raises(ConnectionClosedError):
        s3.list_objects_v2(Bucket="state")
