"""The figures that a training wrote."""

from __future__ import annotations

import json
from pathlib import Path


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of metrics.jsonl."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
