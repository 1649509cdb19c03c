"""What holds for every test."""

from __future__ import annotations

import signal

# A run in the background of a script, or under nohup, has Ctrl-C or hang-up ignored, and children inherit that: tests
# of interrupts would wait in vain.
for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)
