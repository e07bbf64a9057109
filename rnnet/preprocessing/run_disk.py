"""Is there room for the scans of a run?"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnnet.core.errors import StorageError
from rnnet.core.log import get_logger
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.store import ScanStore

log = get_logger(__name__)

# Bytes on disk per voxel of the atlas's brain: image, masks, record and picture of a large brain; a small one takes 3.
BYTES_PER_BRAIN_VOXEL = 4.5
# Below this share of the estimate, no luck with small brains would help.
_CLEARLY_TOO_LITTLE = 0.5


def scan_bytes(atlas: Atlas) -> int:
    """What one stored scan takes. Float32 noise hardly gets smaller by compression; what is not brain takes nothing.

    Measured with SRI24 (1.45e6 brain voxels): 6.5 MB for a brain of 1.55e6 voxels, 4.5 MB for one of 1.02e6.
    """
    return int(BYTES_PER_BRAIN_VOXEL * np.count_nonzero(atlas.brain.array))


def check_space(store: ScanStore, scan_ids: Sequence[str], atlas: Atlas) -> None:
    """Return if the scans can find room on the store's disk; a warning if it will be tight.

    Files of earlier versions, which will be replaced, count as room.

    Raises:
        StorageError: there is less than half of what the scans will take.
    """
    files = [path(s) for s in scan_ids for path in (store.layout.image, store.layout.labels, store.layout.brain)]
    replaced = sum(path.stat().st_size for path in files if path.is_file())
    free, needed = free_bytes(store.layout.folder) + replaced, len(scan_ids) * scan_bytes(atlas)
    text = f"{len(scan_ids)} preprocessed scan(s) take about {needed / 1e9:.1f} GB; {free / 1e9:.1f} GB are free."
    if free < _CLEARLY_TOO_LITTLE * needed:
        raise StorageError(text, where=store.layout.folder, fix="Free some space, or use another disk.")
    if free < needed:
        log.warning("%s The disk may become full: the finished scans would be kept.", text)


def free_bytes(folder: Path) -> int:
    """What an ordinary user may still write to the disk of a folder, which need not exist yet."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free
