"""Results that are kept from run to run, so that one that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.running.within import NotMeasured, not_within


def default_folder() -> Path:
    """Return the folder of the user's caches, and ours in it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kmq-bench"


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder with a file for each result, named after what it is the result of.

    With `only`, nothing else is measured.
    """

    folder: Path
    only: bool = False

    def get(self, key: tuple[object, ...], seconds: float, work: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Return what is kept of `key`; else do the work, and keep what it gives.

        `key` is all that the result depends on: pixels, peer, version, settings. What is kept as too slow for
        `seconds` or more is too slow still. Failures aren't kept. Raises NotMeasured.
        """
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        path = self.folder / name[:2] / f"{name[2:]}.json"
        if path.exists():
            kept = json.loads(path.read_text("utf-8"))
            if "result" in kept:
                return kept["result"]
            if kept["too slow for"] >= seconds:
                raise NotMeasured(not_within(seconds))
        if self.only:
            raise NotMeasured("not measured yet")
        try:
            result = work()
        except NotMeasured as error:
            if str(error) == not_within(seconds):
                self._keep(path, {"too slow for": seconds})
            raise
        self._keep(path, {"result": result})
        return result

    def _keep(self, path: Path, kept: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(f".{os.getpid()}.tmp")
        half.write_text(json.dumps(kept), "utf-8")
        half.replace(path)
