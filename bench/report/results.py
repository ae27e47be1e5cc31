"""Results as files: JSON with a line for each row, so that changes can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write_results(path: Path, found: dict[str, Any]) -> None:
    """Write results whole or not at all; their "rows" a line each."""
    rows = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in found["rows"]]
    head = json.dumps({**found, "rows": []}, ensure_ascii=False, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".tmp")
    half.write_text(head.replace('"rows": []', '"rows": [\n' + ",\n".join(rows) + "\n]") + "\n", "utf-8")
    half.replace(path)


def read_results(path: Path) -> dict[str, Any] | None:
    """Return results, None if there are none."""
    return json.loads(path.read_text("utf-8")) if path.exists() else None
