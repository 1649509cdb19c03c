"""Carries checks out, side by side, and tells what they found in their own order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module

from thoth_infra.errors import ThothError
from thoth_infra.review.doctor.context import Context
from thoth_infra.review.doctor.findings import Answer, Finding, fail, warn
from thoth_infra.review.doctor.registry import CHECKS, Check, Scope

# In the order in which their checks are shown; what is needed stands before what needs it.
_MODULES = ("machine", "project", "account", "state", "capacity", "estate", "hosts", "delivery")
_AT_ONCE = 8
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "Forbidden", "403",
     "UnauthorizedOperation", "NotAuthorized"}
)  # fmt: skip


def examine(context: Context, scopes: Iterable[Scope], checks: Iterable[Check] | None = None) -> Iterator[Finding]:
    """Yield what the checks of these scopes find, each as soon as those before it are done.

    What needs a check that did not hold is skipped and says so; what another scope's check is needed for is taken to
    hold.
    """
    wanted = [check for check in checks or all_checks() if check.scope in set(scopes) and check.concerns(context)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running: dict[str, Future[Answer]] = {}
        # In order: a check waits only for earlier ones, which have got a thread before it.
        for check in wanted:
            waits_for = {name: running[name] for name in check.needs if name in running}
            running[check.name] = pool.submit(_after, check, waits_for, context)
        try:
            for check in wanted:
                answer = running[check.name].result()
                where = None if check.scope == "machine" else context.name
                yield Finding(where, check.name, answer.state, answer.what, answer.mend)
        except BaseException:
            for future in running.values():
                future.cancel()
            raise


def all_checks() -> list[Check]:
    """Return every check there is."""
    for module in _MODULES:
        import_module(f"{__package__}.{module}")
    return CHECKS


def _after(check: Check, waits_for: dict[str, Future[Answer]], context: Context) -> Answer:
    for name, future in waits_for.items():
        before = future.result()
        if before.stops or before.state == "fail":
            return Answer("skipped", f"needs {name}", stops=True)
    return look(check, context)


def look(check: Check, context: Context) -> Answer:
    """Carry out one check; whatever it raises becomes its answer."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return check.look(context)
    except ThothError as error:
        return fail(error.message, error.hint or "")
    except ClientError as error:
        return _refused(check, error.operation_name, error.response.get("Error", {}))
    except BotoCoreError as error:
        return fail(f"AWS did not answer: {error}", "check the network and the proxy variables, then look again")
    except Exception as error:
        return fail(f"this check itself is broken: {type(error).__name__}: {error}", "report it; the others count")


def _refused(check: Check, operation: str, said: object) -> Answer:
    code, message = (str(said.get(key, "")) for key in ("Code", "Message")) if isinstance(said, dict) else ("", "")
    if code in _DENIED:
        return warn(f"may not look: {operation} is denied", f"let the role do {', '.join(check.actions)}")
    if code.startswith("Throttl") or code == "RequestLimitExceeded":
        return warn(f"AWS throttles {operation} just now", "look again in a minute")
    return fail(f"AWS refused {operation}: {code}: {message}", "look at the message; the account may be restricted")
