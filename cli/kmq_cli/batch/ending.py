"""How a worker process ends: on SIGTERM or with its parent, but not while it writes a file.

In a worker that is spawned, NumPy must not be imported before `prepare` blocks the signal: its threads would
take it. So this module must not import it, not even indirectly.
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
"""Held while a file is written, so that a worker ends before or after."""


def prepare() -> None:
    """Make this worker end on SIGTERM, or when its parent has ended, but not while it writes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the parent acts
    if sys.platform != "win32":
        # In this thread and all that it starts: a signal that any thread takes ends the process.
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
