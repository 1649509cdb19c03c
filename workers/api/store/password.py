"""The database's password, which RDS changes every week while tasks go on."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import Dialect

_log = logging.getLogger(__name__)

ReadSecret = Callable[[], str]
"""Return the secret as it is now, a JSON object with a ``password``; raises OSError when it can't be had."""

_KEY: Final = "password"


class Password:
    """The password that connections are opened with; one that the server refuses is read again, once.

    ECS writes a secret into a container when that starts. RDS rotates the master password later, and from then on every
    new connection would be refused until somebody restarts the task.
    """

    def __init__(self, first: str, read: ReadSecret) -> None:
        self._now = first
        self._read = read
        self._lock = threading.Lock()

    def of(self, engine: Engine) -> None:
        """Open the connections of an engine with this password."""
        event.listen(engine, "do_connect", self._connect)

    def _connect(self, dialect: Dialect, _: object, words: list[Any], named: MutableMapping[str, Any]) -> Any:
        used = self._now
        try:
            return dialect.connect(*words, **{**named, _KEY: used})
        except psycopg.OperationalError as error:
            # Before the password is looked at there may be no server, or no connection left: another one mends nothing.
            if error.pgconn is None or not error.pgconn.used_password or self._renewed(used) == used:
                raise
        return dialect.connect(*words, **{**named, _KEY: self._now})

    def _renewed(self, refused: str) -> str:
        """Return what the password is now; threads that are refused at the same time read it once."""
        with self._lock:
            if self._now == refused:
                try:
                    self._now = str(json.loads(self._read())[_KEY])
                except (OSError, ValueError, KeyError, TypeError) as error:
                    # The server's refusal is what the caller hears of; why nothing better was found stands here.
                    reason = f"{type(error).__name__}: {error}"
                    _log.warning("the password can't be read again", extra={"reason": reason})
                else:
                    _log.info("the password was read again", extra={"changed": self._now != refused})
            return self._now
