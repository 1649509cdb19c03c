"""How a stage fails: for good, for now, or because the worker was told to stop."""

from __future__ import annotations

import errno
from typing import ClassVar


class StageError(Exception):
    """A stage has failed: ``code`` for programs, ``message`` and ``hint`` for people."""

    retryable: ClassVar[bool] = False

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.hint = hint


class PoisonError(StageError):
    """The same message would fail again: it goes straight to the dead-letter queue, with the reason."""


class RetryableError(StageError):
    """It may work later: the message becomes visible again after a pause that grows with each attempt."""

    retryable: ClassVar[bool] = True


class Busy(RetryableError):
    """Another worker has this job in its hands; the message waits, in its last delivery as long as a job may take."""


class HostError(RetryableError):
    """This worker can't go on (its GPU has failed, say): the message is handed back, and the worker ends."""


class Stopped(Exception):
    """The worker was told to stop, and the handler has reached a point where nothing is half done."""


# Errors of the shared file system or of the host that have nothing to do with the job itself.
_PASSING = {
    errno.ENOSPC: ("disk_full", "no space is left on the device", "free space, or let the file system grow"),
    errno.EDQUOT: ("disk_full", "the file system's quota is used up", "raise the quota, or remove old jobs"),
    errno.EIO: ("storage_error", "the file system answered with an I/O error", "look at the state of the file system"),
    errno.ESTALE: ("storage_error", "a file handle went stale", "look whether the file system was mounted anew"),
    errno.ENOMEM: ("out_of_memory", "the host has no memory left", "give the task more memory"),
    errno.ENOLCK: ("no_lock", "the file system gives no lock", "look at the state of the file system"),
    errno.EMFILE: ("too_many_files", "too many files are open", "raise the task's limit of open files"),
}


def as_stage_error(error: BaseException) -> StageError:
    """Return what an unforeseen exception means for the message: never poison, as it may be the host's fault."""
    if isinstance(error, StageError):
        return error
    if isinstance(error, MemoryError):
        return RetryableError(*_PASSING[errno.ENOMEM])
    if isinstance(error, OSError) and error.errno in _PASSING:
        return RetryableError(*_PASSING[error.errno])
    return RetryableError("unexpected", f"{type(error).__name__}: {error}", "the worker's log holds the traceback")
