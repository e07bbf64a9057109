"""A folder that looks like HD-BET's weights."""

from __future__ import annotations

from pathlib import Path

from rnnet.preprocessing.skull_strip.weights import CHECKPOINT


def put_weights(folder: Path) -> Path:
    """Write the three files of a model in nnU-Net's format, without content; returns the folder."""
    (folder / CHECKPOINT).parent.mkdir(parents=True, exist_ok=True)
    (folder / CHECKPOINT).write_bytes(b"weights")
    for name in ("dataset.json", "plans.json"):
        (folder / name).write_text("{}", encoding="utf-8")
    return folder
