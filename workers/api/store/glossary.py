"""The glossary: its versions as rows, the newest as the file that the workers follow."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from pathlib import Path

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from workers.api.store.engine import Database
from workers.api.store.errors import VersionMismatch
from workers.api.store.models import GlossaryVersion
from workers.common.folder import FolderJob, locked
from workers.music_terms import files
from workers.music_terms.glossary import Glossary

NAME = "glossary.json"
_LOCK = ".glossary.lock"
_PATIENCE_SECONDS = 30.0
# What the stage transcription takes: it tells the model sixty terms, and refuses longer ones.
_PROMPT_TERMS = 60
_PROMPT_LENGTH = 80


def current(session: Session) -> Glossary:
    """Return the newest glossary; the packaged one until another was saved."""
    row = newest(session)
    return Glossary.model_validate_json(row.content) if row else files.packaged()


def newest(session: Session) -> GlossaryVersion | None:
    """Return the newest glossary that was saved."""
    return session.scalar(select(GlossaryVersion).order_by(GlossaryVersion.version.desc()).limit(1))


def save(session: Session, glossary: Glossary, *, expected: int, key_id: str | None, at: datetime) -> Glossary:
    """Keep a glossary as the newest; return it with its version. ``publish`` it once this is committed.

    Raises:
        VersionMismatch: the version that holds is not ``expected``.
    """
    holds = current(session).version
    if holds != expected:
        raise VersionMismatch("glossary", expected, holds)
    saved = glossary.model_copy(update={"version": holds + 1})
    row = GlossaryVersion(
        version=saved.version, content=saved.model_dump_json(), prompt=_prompt(saved), key_id=key_id, created_at=at
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise VersionMismatch("glossary", expected, saved.version) from None
    return saved


def prompt(session: Session) -> list[JsonValue]:
    """Return the terms that the model is told before it listens; none until somebody has saved a glossary."""
    row = newest(session)
    return list(row.prompt) if row else []


def _prompt(glossary: Glossary) -> list[str]:
    names = (term.canonical for term in glossary.terms if len(term.canonical) <= _PROMPT_LENGTH)
    return list(islice(names, _PROMPT_TERMS))


def publish(database: Database, folder: Path) -> bool:
    """Write the newest glossary to ``folder`` when another is there; tell whether it was."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / _LOCK, _PATIENCE_SECONDS):
        # Read under the lock: of two that publish at once, the second sees what the first has seen, or newer.
        with database.read() as session:
            row = newest(session)
        if row is None or _text(folder / NAME) == row.content:
            return False
        with FolderJob("glossary", folder).writing(NAME) as path:
            path.write_text(row.content, encoding="utf-8")
        return True


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
