"""Parts of a grid: most of a head's grid shows no brain and no lesion, and need not be looked at."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np

from rnnet.core.volume import Array, Volume

Box = tuple[slice, slice, slice]


def box_around(mask: Array) -> Box | None:
    """The smallest box (z, y, x) around what is true in a bool array (z, y, x); None if nothing is."""
    rows = np.any(mask, axis=2)  # the only pass over all voxels
    z, y = _run(np.any(rows, axis=1)), _run(np.any(rows, axis=0))
    if z is None or y is None:
        return None
    x = _run(np.any(mask[z, y], axis=(0, 1)))
    return None if x is None else (z, y, x)


def _run(line: Array) -> slice | None:
    """From the first to the last that is true."""
    seen = np.flatnonzero(line)
    return slice(int(seen[0]), int(seen[-1]) + 1) if seen.size else None


def cut(volume: Volume, box: Box) -> Volume:
    """The part of a volume inside a box of voxels, at its place in the world."""
    x, y, z = volume.world_xyz_mm([s.start for s in box]).tolist()
    return replace(volume, array=volume.array[box], origin_xyz_mm=(x, y, z))


def grown(box: Box, shape_zyx: tuple[int, ...], margin_vox: int = 1) -> Box:
    """The box with a margin, cut at the edge of the grid."""
    z, y, x = (slice(max(0, s.start - margin_vox), min(n, s.stop + margin_vox))
               for s, n in zip(box, shape_zyx, strict=True))
    return z, y, x


def box_on_grid(volume: Volume, box: Box, grid: Volume, to_grid: Array, *, margin_mm: float = 0.0) -> Box | None:
    """The box of a grid that holds a box of voxels after a transform; None if that lies outside the grid.

    to_grid: (4, 4), world points of the volume to world points of the grid. A voxel of the volume is added on every
    side: that far interpolation reaches.
    """
    corners = np.array(list(product(*[(s.start - 1, s.stop) for s in box])), float)
    world = volume.world_xyz_mm(corners) @ to_grid[:3, :3].T + to_grid[:3, 3]
    index = grid.index_zyx(world)
    margin = margin_mm / np.array(grid.spacing_zyx_mm)
    low = np.maximum(np.floor(index.min(axis=0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0) + margin) + 1, grid.array.shape).astype(int)
    if (low >= high).any():
        return None
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return z, y, x


def union(one: Box | None, other: Box | None) -> Box | None:
    """The smallest box around both."""
    if one is None or other is None:
        return one or other
    z, y, x = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True))
    return z, y, x


def on_whole_grid(part: Array, box: Box, shape_zyx: tuple[int, ...]) -> Array:
    """The part at its place in an array of `shape_zyx`, zeros elsewhere."""
    whole = np.zeros(shape_zyx, part.dtype)
    whole[box] = part
    return whole
