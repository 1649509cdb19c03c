"""boto3 clients of one environment: its region, its credentials, and the emulator where that is meant."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from thoth_infra.aws import identity
from thoth_infra.errors import ThothError

if TYPE_CHECKING:
    from botocore.session import Session


_MAKING = threading.RLock()

# What AWS answers where an environment was never applied.
_NOT_THERE = ("ClusterNotFoundException", "ServiceNotFoundException", "NoSuchBucket")


@contextmanager
def explained() -> Iterator[None]:
    """Turn what AWS or the network answers into errors that say what was asked and what to do."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        said = error.response.get("Error", {})
        code = said.get("Code", "")
        hint = "apply the environment first" if code in _NOT_THERE else _HINTS.get(code)
        raise ThothError(f"AWS refused {error.operation_name}: {code}: {said.get('Message')}", hint) from error
    except exceptions.BotoCoreError as error:
        raise ThothError(f"AWS did not answer: {error}", "check the network and try again") from error


_HINTS = {
    "AccessDenied": "the role lacks this permission; see docs/estate.md for the roles",
    "AccessDeniedException": "the role lacks this permission; see docs/estate.md for the roles",
    "ExpiredToken": "sign in again: aws sso login",
    "ExpiredTokenException": "sign in again: aws sso login",
    "ThrottlingException": "AWS throttles this account just now; try again in a minute",
}


@dataclass(frozen=True)
class Clients:
    """Makes clients from ``variables``, the whole environment to draw from, instead of the process's own."""

    variables: Mapping[str, str]
    region: str

    @cached_property
    def _session(self) -> Session:
        return identity.botocore_session(self.variables)

    @cached_property
    def _made(self) -> dict[str, Any]:
        return {}

    def __call__(self, service: str) -> Any:
        """Return the client of one AWS service, with retries that give way to throttling. Threads may share it."""
        # Clients can be shared between threads; making one can't.
        with _MAKING:
            if service not in self._made:
                self._made[service] = self._client(service)
            return self._made[service]

    def _client(self, service: str) -> Any:
        from botocore.config import Config

        endpoint = self.variables.get("AWS_ENDPOINT_URL") or None
        config = Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"total_max_attempts": 5, "mode": "standard"},
            # botocore would send the emulator's loopback address through a proxy.
            proxies={} if endpoint else None,
        )
        return self._session.create_client(service, region_name=self.region, endpoint_url=endpoint, config=config)
