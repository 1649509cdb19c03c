"""Which glossary holds right now: the file that the API writes, or the packaged one."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from workers.music_terms import files
from workers.music_terms.glossary import Glossary, GlossaryInvalid
from workers.music_terms.matcher import Matcher

_log = logging.getLogger(__name__)

NAME = "glossary.json"

# Inode, size and modification time (ns): the API replaces the file, so that a new one has another inode.
_Stamp: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True)
class Current:
    """A compiled glossary; ``problem`` says why it is not the newest one."""

    glossary: Glossary
    matcher: Matcher
    digest: str | None
    """SHA-256 of the file; None for the packaged one."""
    problem: str | None = None


class GlossarySource:
    """Follows the glossary's file in ``folder``; one job at a time asks it."""

    def __init__(self, folder: Path, default: Callable[[], Glossary] = files.packaged) -> None:
        self._path = folder / NAME
        self._default = default
        self._current: Current | None = None
        self._stamp: _Stamp | None = None

    def current(self) -> Current:
        """Return the glossary to use, compiled anew when the file has changed.

        A file that can't be used leaves the last good glossary in place; the answer and the log say so.
        """
        try:
            self._current = self._newest()
        except (GlossaryInvalid, OSError) as error:
            if isinstance(error, OSError):
                # It may be readable next time, as it is.
                self._stamp = None
            old = self._current or self._packaged()
            if old.problem != str(error):
                _log.error("the new glossary can't be used, the old one stays", extra={"reason": str(error)})
            self._current = replace(old, problem=str(error))
        return self._current

    def _newest(self) -> Current:
        try:
            with self._path.open("rb") as file:
                # Asked of the open file: opening makes NFS fetch the attributes anew, while its cache of a path's may
                # be a minute old.
                status = os.fstat(file.fileno())
                stamp = status.st_ino, status.st_size, status.st_mtime_ns
                if self._current and stamp == self._stamp:
                    return self._current
                content = file.read()
        except FileNotFoundError:
            self._stamp = None
            return self._packaged()
        self._stamp = stamp
        return self._compiled(content)

    def _compiled(self, content: bytes) -> Current:
        digest = hashlib.sha256(content).hexdigest()
        if self._current and self._current.digest == digest:
            return replace(self._current, problem=None)
        glossary = files.read(NAME, content)
        _log.info("glossary read", extra={"glossary": glossary.name, "version": glossary.version})
        return Current(glossary, Matcher(glossary), digest)

    def _packaged(self) -> Current:
        if self._current and self._current.digest is None:
            return replace(self._current, problem=None)
        glossary = self._default()
        _log.info("packaged glossary read", extra={"glossary": glossary.name, "version": glossary.version})
        return Current(glossary, Matcher(glossary), None)
