"""What holds for every test."""

from __future__ import annotations

import signal

# A run in the background of a script has Ctrl-C ignored, and children inherit that: tests of Ctrl-C would wait in vain.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
