"""Runs the API or the orchestrator with a guard that lets named hosts through, which tests listen at.

``python -m tests.workers.api.lenient 127.0.0.1:8080 workers.api``
"""

from __future__ import annotations

import runpy
import sys
from functools import partial

from workers.api.http import compose as api
from workers.api.http.guard import Guard
from workers.api.orchestrator import compose as orchestrator

LENIENT = "tests.workers.api.lenient"

if __name__ == "__main__":
    host, module = sys.argv[1:]
    for composed in (api, orchestrator):
        vars(composed)["Guard"] = partial(Guard, allow=frozenset({host}))
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
