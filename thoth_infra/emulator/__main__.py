"""The emulator's own process: ``python -m thoth_infra.emulator --state DIR --ready FILE``.

It holds the lock of its state folder for as long as it lives. On SIGTERM, SIGINT or (``--until-eof``) the end of
its standard input it finishes the requests that run, writes the snapshot and exits with 0.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from thoth_infra.emulator import snapshot
from thoth_infra.emulator.lock import StateLock
from thoth_infra.errors import ThothError

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop. 0: stopped and saved; 1: could not start, or not save (stderr says why)."""
    options = _options(arguments)
    options.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with StateLock(options.state, wait_s=options.wait):
            return _serve(options)
    except ThothError as error:
        print(f"{error.message}\nhint: {error.hint}", file=sys.stderr)  # noqa: T201 - the parent reads it there
        return 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m thoth_infra.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="loopback port (default: a free one)")
    parser.add_argument("--state", type=Path, required=True, help="folder of the snapshot and the lock")
    parser.add_argument("--ready", type=Path, required=True, help="written when the emulator answers: pid and url")
    parser.add_argument("--journal", type=Path, help="write one JSON line per request here")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends: with its parent")
    parser.add_argument("--wait", type=float, default=5.0, help="seconds to wait for the state's lock")
    return parser.parse_args(arguments)


def _serve(options: argparse.Namespace) -> int:
    gc.disable()  # moto's modules and models are many, and none of what is loaded now is garbage
    from thoth_infra.emulator.server import application, listen

    found = snapshot.check(options.state)
    identity: dict[str, object] = {"pid": os.getpid(), "state": str(options.state.resolve())}
    app = application(options.journal, identity)
    server = listen(app, options.port)
    if found:
        snapshot.load(options.state)
    gc.freeze()
    gc.enable()
    _stop_on_request(server, options.until_eof)
    _write(options.ready, {"url": f"http://127.0.0.1:{server.port}", "kept": not options.until_eof, **identity})
    try:
        server.serve_forever(poll_interval=0.05)  # how soon it notices that it shall stop
        server.server_close()
        app.close()
        snapshot.save(options.state)
        gc.freeze()  # else the interpreter spends half a second on taking the models apart before it ends
    finally:
        options.ready.unlink(missing_ok=True)
    return 0


def _stop_on_request(server: BaseWSGIServer, until_eof: bool) -> None:
    def stop(*_: object) -> None:
        # in a thread, because shutdown() waits for serve_forever(), which a signal interrupts
        threading.Thread(target=server.shutdown).start()

    def stop_at_eof() -> None:
        sys.stdin.buffer.read()
        stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if until_eof:
        threading.Thread(target=stop_at_eof, daemon=True).start()


def _write(path: Path, record: dict[str, object]) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(record))
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
