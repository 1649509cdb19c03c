"""``thoth-infra`` as a process that is killed with SIGKILL before its n-th change of AWS.

Started once as ``python -m tests.operations.killed``; each line on stdin is ``[n, [ARGUMENT, …]]``, answered by a line
with the command's exit code, or with -9 where it was killed. Everything is imported before the first line, so that a
command is a fork and takes no longer than it needs.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

CHANGES = ("UpdateService", "RegisterScalableTarget")


def is_change(request: Any) -> bool:
    target = request.headers.get("X-Amz-Target", b"")
    target = target.decode() if isinstance(target, bytes) else target
    # S3 has no such header; what it is told to keep comes by PUT.
    return request.method in ("PUT", "DELETE") or target.rpartition(".")[2] in CHANGES


def run(before: int, arguments: list[str]) -> None:
    """Run a command in this process, and let it be killed."""
    from botocore.httpsession import URLLib3Session

    from thoth_infra.cli.main import main

    send, left = URLLib3Session.send, [before]

    def counted(self: Any, request: Any) -> Any:
        if is_change(request):
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
        return send(self, request)

    URLLib3Session.send = counted  # type: ignore[method-assign]
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    main(arguments)


def serve() -> None:
    import botocore.session  # noqa: F401

    import thoth_infra.cli.operations  # noqa: F401

    for line in sys.stdin:
        before, arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                run(before, arguments)
            except SystemExit as ended:
                os._exit(int(ended.code or 0))
            finally:
                os._exit(70)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
