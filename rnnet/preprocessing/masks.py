"""Where a head is in a scan, without any network: the region that N4 and the start of registration look at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Array

# Noise lies far below the mean of a head scan and tissue above its half, also under a strong bias field, where
# an Otsu threshold (which bright fat pulls up) already loses the dim side of the brain.
FOREGROUND_SHARE_OF_MEAN = 0.5


def head_mask(array: Array) -> npt.NDArray[np.bool_]:
    """(z, y, x) bool: the largest bright piece of a whole-head scan, closed and without holes.

    Works on shrunken arrays (voxels of some millimetres); an array without contrast gives an empty mask.
    """
    from scipy import ndimage

    bright = array > FOREGROUND_SHARE_OF_MEAN * array.mean()
    opened = ndimage.binary_opening(bright)
    pieces, count = ndimage.label(opened)
    if count == 0:
        return np.zeros(array.shape, dtype=bool)
    largest = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    closed = ndimage.binary_closing(np.pad(largest, 3), iterations=2)
    filled: npt.NDArray[np.bool_] = ndimage.binary_fill_holes(closed)[3:-3, 3:-3, 3:-3]
    return filled


def foreground_mask(array: Array, *, stripped: bool) -> npt.NDArray[np.bool_]:
    """(z, y, x) bool: the voxels that are not zero in a skull-stripped scan, else head_mask."""
    return array != 0 if stripped else head_mask(array)
