"""ECS task scale-in protection: a task that works is not chosen when the service shrinks or is deployed anew."""

from __future__ import annotations

import http.client
import json
import logging
import math
import os
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field

_log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 2
# The agent refuses less than one minute and more than two days.
_MAX_MINUTES = 2880
_AGAIN_SECONDS = 60.0


@dataclass
class Protection:
    """Speaks to the ECS agent at ``agent_uri``; without one (a laptop, Docker) it does nothing."""

    minutes: int
    agent_uri: str | None = field(default_factory=lambda: os.environ.get("ECS_AGENT_URI"))
    clock: Callable[[], float] = time.monotonic
    _told: bool = field(default=False, init=False)
    _tell_at: float = field(default=math.inf, init=False)

    @classmethod
    def for_jobs_of(cls, seconds: float) -> Protection:
        """Return a protection that outlives a job of ``seconds`` and ends by itself if the worker hangs."""
        return cls(minutes=min(max(math.ceil(seconds / 60) + 1, 1), _MAX_MINUTES))

    def hold(self, working: bool) -> None:
        """Switch the protection on while ``working``, and renew it in time; a refusal is logged, and tried again later.

        To be called often: the agent is asked when ``working`` changes, at half of the protection's time, and a minute
        after a refusal.
        """
        if self.agent_uri is None or (working == self._told and self.clock() < self._tell_at):
            return
        failure = self._put(self.agent_uri, working)
        self._told = working
        if failure:
            _log.warning("scale-in protection could not be switched", extra={"working": working, "reason": failure})
            self._tell_at = self.clock() + _AGAIN_SECONDS
        else:
            self._tell_at = self.clock() + self.minutes * 30 if working else math.inf

    def _put(self, agent_uri: str, working: bool) -> str | None:
        """Return why the agent did not do it."""
        state = {"ProtectionEnabled": working, **({"ExpiresInMinutes": self.minutes} if working else {})}
        request = urllib.request.Request(  # noqa: S310 - the agent's own address, given by ECS
            f"{agent_uri}/task-protection/v1/state",
            data=json.dumps(state).encode(),
            headers={"Content-Type": "application/json"},
            method="PUT",
        )
        # The agent is a link-local address: no proxy leads there.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=_TIMEOUT_SECONDS) as answer:
                said = json.load(answer)
        except (OSError, ValueError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
        refused = said.get("failure") or said.get("error") if isinstance(said, dict) else said
        return json.dumps(refused) if refused else None
