"""The one entry: an estate and a workload in, a result out."""

from __future__ import annotations

from collections.abc import Callable

from thoth_infra.errors import ThothError
from thoth_infra.simulate.estate import Estate
from thoth_infra.simulate.result import Result
from thoth_infra.simulate.workload import Workload


def run(estate: Estate, workload: Workload, seed: int, progress: Callable[[float], None] | None = None) -> Result:  # noqa: ARG001
    """Simulate ``workload`` on ``estate``; the same arguments give the same result, bit by bit.

    ``progress`` is told the simulated share, 0 to 1, several times a second. Raises ThothError without the extra
    ``simulate``, or when jobs pile up without bounds.
    """
    raise ThothError("the engine is not there yet")
