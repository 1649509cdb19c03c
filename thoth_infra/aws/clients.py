"""boto3 clients of one environment: its region, its credentials, and the emulator where that is meant."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from thoth_infra.aws import identity
from thoth_infra.aws.refusals import explained
from thoth_infra.aws.whole import whole_answers

if TYPE_CHECKING:
    from botocore.session import Session


__all__ = ["Clients", "explained"]

_CONNECT_TIMEOUT_S: Final = 5
_READ_TIMEOUT_S: Final = 30

_MAKING = threading.RLock()


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
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            retries={"total_max_attempts": 5, "mode": "standard"},
            # botocore would send the emulator's loopback address through a proxy.
            proxies={} if endpoint else None,
        )
        made = self._session.create_client(service, region_name=self.region, endpoint_url=endpoint, config=config)
        return whole_answers(made)
