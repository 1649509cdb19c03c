"""What holds for every test."""

from __future__ import annotations

import signal
from collections.abc import Generator

import pytest

# A run in the background of a script, or under nohup, has Ctrl-C or hang-up ignored, and children inherit that: tests
# of interrupts would wait in vain.
for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send what a test has printed on to the main process even when it holds names that are not UTF-8."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report
