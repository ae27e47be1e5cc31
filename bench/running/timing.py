"""How work is timed: in turns with what it is compared with, several times over."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.running.within import NotMeasured, not_within, within

LEAST = 0.05
"""Work that is shorter is done several times over, so that it takes so many seconds."""


def seconds_of(work: Callable[[], Any], most: float) -> float:
    """Return the processor's seconds that `work` takes. Raises NotMeasured above `most`, or if it fails."""

    def repeated() -> float:
        start = time.process_time()
        work()
        first = time.process_time() - start
        times = math.ceil(LEAST / max(first, 1e-6)) if first < LEAST else 0
        if not times:
            return first
        start = time.process_time()
        for _ in range(times):
            work()
        return (time.process_time() - start) / times

    return float(within(most, repeated)[1])


def in_turns(
    works: Mapping[str, Callable[[], float]], rounds: int, say: Callable[[str], None]
) -> dict[str, list[float] | str]:
    """Return, for each, what it returned in each round; or why there is nothing. A round has each once."""
    found: dict[str, list[float] | str] = {name: [] for name in works}
    for turn in range(rounds):
        for name, work in works.items():
            cells = found[name]
            if isinstance(cells, str):
                continue
            say(f"{name}, {turn + 1} of {rounds}")
            try:
                cells.append(float(f"{work():.3g}"))
            except NotMeasured as why:
                found[name] = str(why)
    return found


def command(words: Sequence[str | Path], most: float) -> dict[str, float]:
    """Run a command; return "processor" and "clock", in seconds, and "peak", in bytes. Raises NotMeasured."""
    peak = Path(__file__).with_name("peak.py")
    asked = [sys.executable, "-S", "-E", str(peak), str(math.ceil(most)), *map(str, words)]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)  # noqa: S603  the commands are ours
    found: dict[str, float] = json.loads(done.stdout)
    if "code" in found:
        slow = found["code"] in (-signal.SIGXCPU, -signal.SIGKILL)
        raise NotMeasured(not_within(most) if slow else f"exit code {found['code']:g}")
    return found
