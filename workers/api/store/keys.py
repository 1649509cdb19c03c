"""API keys: shown once, kept as a digest."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from workers.api.store.errors import NotFound
from workers.api.store.ids import new_id
from workers.api.store.models import ApiKey

Scope: TypeAlias = Literal["jobs:read", "jobs:write", "glossary:read", "glossary:write", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
SECRET: Final = re.compile(r"^thoth_[a-z2-7]{24}$")


def create(
    session: Session, tenant: str, scopes: Iterable[Scope], *, expires_at: datetime | None = None, at: datetime
) -> tuple[ApiKey, str]:
    """Make a key; return its row and the secret, which is nowhere else.

    Raises:
        ValueError: for a tenant without a name, no scope, or one that is not known.
    """
    wanted = sorted(set(scopes))
    if not tenant or not wanted or not set(wanted) <= set(SCOPES):
        raise ValueError(f"a key has a tenant, and one or more of the scopes {', '.join(SCOPES)}")
    # 15 random bytes are 24 characters in base32: 120 bits, which nobody guesses, salted or not.
    secret = "thoth_" + base64.b32encode(secrets.token_bytes(15)).decode().lower()
    key = ApiKey(
        id=new_id(), digest=_digest(secret), tenant=tenant, scopes=wanted, created_at=at, expires_at=expires_at
    )
    session.add(key)
    session.flush()
    return key, secret


def find(session: Session, secret: str, *, at: datetime) -> ApiKey | None:
    """Return the key that a secret belongs to, when it is valid."""
    if not SECRET.fullmatch(secret):
        return None
    key = session.scalar(select(ApiKey).where(ApiKey.digest == _digest(secret)))
    if key is None or key.revoked_at is not None:
        return None
    return key if key.expires_at is None or at < key.expires_at else None


def revoke(session: Session, key_id: str, *, at: datetime) -> None:
    """Make a key worthless; one that is so already stays as it is.

    Raises:
        NotFound: there is no such key.
    """
    key = session.get(ApiKey, key_id)
    if key is None:
        raise NotFound("no_such_key", "there is no key with this id", "list the keys to see which there are")
    key.revoked_at = key.revoked_at or at


def every(session: Session) -> Sequence[ApiKey]:
    """Return all keys, oldest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.id)).all()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
