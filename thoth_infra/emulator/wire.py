"""The half-dozen AWS calls that prepare an emulator, made without boto3.

They are on the way of every ``--emulate`` command; importing botocore and building its four clients takes longer
(0.8 s) than the emulator takes to start. The emulator checks no signatures, so a request is a header and a body.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from thoth_infra.errors import EngineError

#: Opens loopback addresses directly, whatever proxy the machine uses for the rest.
direct = build_opener(ProxyHandler({}))

_TIMEOUT_S = 60
_NO_SUCH = re.compile(r'<Code>NoSuch\w+</Code>|"__type": ?"NotFoundException"')


@dataclass(frozen=True)
class Wire:
    """Requests to the emulator at ``url``. Each answers None where AWS says "no such".

    ``access_key`` says as whom: an account's number is its owner's.
    """

    url: str
    access_key: str
    region: str

    def s3(self, method: str, path: str, body: str = "") -> str | None:
        return self._send("s3", method, path, body.encode(), {"Content-Type": "application/xml"})

    def kms(self, action: str, **parameters: str) -> dict[str, dict[str, str]] | None:
        headers = {"X-Amz-Target": f"TrentService.{action}", "Content-Type": "application/x-amz-json-1.1"}
        answer = self._send("kms", "POST", "/", json.dumps(parameters).encode(), headers)
        return json.loads(answer or "{}") if answer is not None else None

    def ecr(self, action: str, **parameters: Any) -> dict[str, Any]:
        headers = {
            "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{action}",
            "Content-Type": "application/x-amz-json-1.1",
        }
        answer = self._send("ecr", "POST", "/", json.dumps(parameters).encode(), headers)
        return dict(json.loads(answer or "{}"))

    def route53(self, method: str, path: str, body: str = "") -> str | None:
        return self._send("route53", method, path, body.encode(), {"Content-Type": "application/xml"})

    def query(self, service: str, version: str, action: str, **parameters: str) -> dict[str, str] | None:
        """An action of IAM or STS; the answer is the text of each element that has no children, by name."""
        form = urlencode({"Action": action, "Version": version, **parameters}).encode()
        answer = self._send(service, "POST", "/", form, {"Content-Type": "application/x-www-form-urlencoded"})
        return None if answer is None else dict(re.findall(r"<(\w+)>([^<>]*)</\1>", answer))

    def _send(self, service: str, method: str, path: str, body: bytes, headers: dict[str, str]) -> str | None:
        scope = f"{self.access_key}/20250101/{self.region}/{service}/aws4_request"
        signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=none", **headers}
        request = Request(self.url + path, data=body or None, headers=signed, method=method)  # noqa: S310 - loopback
        try:
            with direct.open(request, timeout=_TIMEOUT_S) as answer:
                return str(answer.read().decode())
        except HTTPError as error:
            said = error.read().decode("utf-8", "replace")
            if error.code == 404 or _NO_SUCH.search(said):
                return None
            raise EngineError(f"the emulator refused {service} {method} {path}: {said}", "see its log") from error
