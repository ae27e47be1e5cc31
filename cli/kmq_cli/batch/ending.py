"""How a worker process ends: when it is told to, or with its parent, but not while it writes a file.

Neither NumPy nor what imports it may be imported here: its threads, if they are there before `prepare`,
take the signal that is to wait.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial

WRITING = threading.Lock()
"""Held while a file is written: a worker that is told to end does so before or after."""


def prepare() -> None:
    """Make this worker end when it is told to, or when its parent has ended, but not while it writes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for all processes of the terminal
    if sys.platform != "win32":
        # In this thread and all that come from it: a signal that any thread takes ends the process.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        _end_after(partial(signal.sigwait, {signal.SIGTERM}))
    parent = multiprocessing.parent_process()
    if parent is not None:
        _end_after(parent.join)


def _end_after(event: Callable[[], object]) -> None:
    def end() -> None:
        event()
        with WRITING:
            os._exit(1)

    threading.Thread(target=end, daemon=True).start()
