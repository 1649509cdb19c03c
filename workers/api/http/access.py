"""Who asks, and what they may do: API keys as bearer tokens, with scopes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from starlette.concurrency import run_in_threadpool

from workers.api.http.problems import Problem
from workers.api.store import keys
from workers.api.store.engine import Database
from workers.common.messages import now

# A key that is revoked works on for so long, in each process.
MEMORY_SECONDS: Final = 5.0
_MOST_REMEMBERED = 10_000
_ADMIN = "admin"

bearer = HTTPBearer(auto_error=False, scheme_name="key", description="An API key, `thoth_…`")


@dataclass(frozen=True)
class Principal:
    """Whose key a request came with; ``key_id`` is None for a media token."""

    tenant: str
    key_id: str | None
    scopes: frozenset[str] = frozenset()
    expires_at: datetime | None = None

    def may(self, scope: str) -> bool:
        """Whether the key has a scope; ``admin`` stands for all of them."""
        return scope in self.scopes or _ADMIN in self.scopes


@dataclass
class Keys:
    """Finds keys, and remembers them for some seconds; ``clock`` gives seconds."""

    database: Database
    clock: Callable[[], float] = time.monotonic
    # By digest: no secret stays in memory.
    _known: dict[bytes, tuple[float, Principal]] = field(default_factory=dict)

    async def find(self, secret: str) -> Principal | None:
        """Return whose key this is, when it is valid."""
        digest = hashlib.sha256(secret.encode()).digest()
        known = self._known.get(digest)
        if known and self.clock() < known[0] and not _expired(known[1]):
            return known[1]
        found = await run_in_threadpool(self._read, secret)
        if found:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[digest] = self.clock() + MEMORY_SECONDS, found
        else:
            self._known.pop(digest, None)
        return found

    def _read(self, secret: str) -> Principal | None:
        with self.database.read() as session:
            key = keys.find(session, secret, at=now())
        return Principal(key.tenant, key.id, frozenset(key.scopes), key.expires_at) if key else None


def _expired(principal: Principal) -> bool:
    return principal.expires_at is not None and principal.expires_at <= now()


async def identify(
    request: Request,
    scopes: SecurityScopes,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)] = None,
) -> Principal:
    """Return who asks, having looked at key, scopes and rate; the audit trail hears of it.

    Raises:
        Problem: 401, 403 or 429.
    """
    services: Any = request.app.state.services
    who = address(request)
    services.throttle.admit(who)
    found = await services.keys.find(credentials.credentials) if credentials else None
    if found is None:
        services.throttle.refused(who)
        raise unauthorised()
    principal: Principal = found
    request.state.principal = principal
    services.throttle.request(principal.key_id)
    for scope in scopes.scopes:
        if not principal.may(scope):
            raise Problem(
                403, "missing_scope", f"the key lacks the scope {scope}", "use a key that has it, or have one made"
            )
    return principal


def address(request: Request) -> str:
    """Return where the request came from."""
    return request.client.host if request.client else "unknown"


def unauthorised() -> Problem:
    """Return the answer to whoever shows no valid key."""
    return Problem(
        401,
        "unauthorised",
        "there is no valid key with this request",
        "send it as Authorization: Bearer thoth_…",
        headers={"WWW-Authenticate": "Bearer"},
    )


Anyone = Annotated[Principal, Security(identify, scopes=[])]
JobsReader = Annotated[Principal, Security(identify, scopes=["jobs:read"])]
JobsWriter = Annotated[Principal, Security(identify, scopes=["jobs:write"])]
GlossaryReader = Annotated[Principal, Security(identify, scopes=["glossary:read"])]
GlossaryWriter = Annotated[Principal, Security(identify, scopes=["glossary:write"])]
