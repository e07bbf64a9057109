"""How long a lesion is: in an axial plane, and in three dimensions.

Both diameters are distances of voxel centres. A single voxel measures 0, and every lesion about one voxel less than
from edge to edge; for growth, which compares a lesion with itself, this cancels as long as the voxels stay alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import SettingError
from rnnet.core.volume import Volume

Mask = npt.NDArray[np.bool_]


def axial_axis(volume: Volume) -> int:
    """The array axis (0 = z, 1 = y, 2 = x) that runs nearest to the head-foot direction."""
    foot_head_xyz = np.abs(np.asarray(volume.direction_xyz).reshape(3, 3)[2])
    return 2 - int(np.argmax(foot_head_xyz))


def axial_diameter(lesion: Mask, spacing_zyx_mm: tuple[float, float, float], *, axial_axis: int) -> float:
    """Longest in-plane diameter in mm: the largest distance of two voxel centres of one axial slice.

    lesion: bool (z, y, x), not empty, best cut out to its bounding box. The axial slices are those of the array across
    `axial_axis`, so that the plane is the stored one that lies nearest to the axial plane of the body. This is the
    measure of RANO-BM (Lin 2015, Lancet Oncology), not the three-dimensional Feret diameter.

    Raises:
        SettingError: the lesion has no voxel.
    """
    from scipy.spatial.distance import pdist

    _require_voxels(lesion)
    slices = np.moveaxis(lesion, axial_axis, 0)
    row_mm, column_mm = (s for axis, s in enumerate(spacing_zyx_mm) if axis != axial_axis)
    longest = 0.0
    for plane in slices:
        rows = np.flatnonzero(plane.any(axis=1))
        if not rows.size:
            continue
        # The two farthest points are the first or last of their rows.
        first = plane[rows].argmax(axis=1)
        last = plane.shape[1] - 1 - plane[rows][:, ::-1].argmax(axis=1)
        points = np.stack([np.tile(rows, 2) * row_mm, np.concatenate([first, last]) * column_mm], axis=1)
        longest = max(longest, float(pdist(points).max()))
    return longest


def feret_diameter(lesion: Mask, spacing_zyx_mm: tuple[float, float, float]) -> float:
    """Maximum Feret diameter in mm: the largest distance of two voxel centres of the lesion, bool (z, y, x).

    Raises:
        SettingError: the lesion has no voxel.
    """
    from scipy.spatial.distance import pdist

    _require_voxels(lesion)
    index = _line_ends(lesion)
    offsets = index - index[0]
    # Whole numbers, so the rank is exact: a point, a line and a plane have no hull in space.
    rank = int(np.linalg.matrix_rank(offsets))
    points = offsets * np.asarray(spacing_zyx_mm)
    if rank >= 2:
        points = _hull_vertices(points, rank)
    elif rank == 1:
        along = points @ (points[np.abs(points).sum(axis=1).argmax()])
        points = points[[along.argmin(), along.argmax()]]
    return float(pdist(points).max(initial=0.0))


def _line_ends(lesion: Mask) -> npt.NDArray[np.int64]:
    """(n, 3) zyx of the first and last voxel of every line along x: the farthest points are among them."""
    z, y = np.nonzero(lesion.any(axis=2))
    lines = lesion[z, y]
    first = lines.argmax(axis=1)
    last = lines.shape[1] - 1 - lines[:, ::-1].argmax(axis=1)
    return np.concatenate([np.stack([z, y, first], axis=1), np.stack([z, y, last], axis=1)])


def _hull_vertices(points: npt.NDArray[np.float64], rank: int) -> npt.NDArray[np.float64]:
    """The corners of the convex hull of points (n, 3) that span a plane (rank 2) or space (rank 3)."""
    from scipy.spatial import ConvexHull

    # Turned onto their own main axes; those of a plane then need the first two only.
    _, _, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    corners: npt.NDArray[np.float64] = points[ConvexHull(points @ axes[:rank].T).vertices]
    return corners


def _require_voxels(lesion: Mask) -> None:
    if not lesion.any():
        raise SettingError("A lesion without voxels has no diameter.")
