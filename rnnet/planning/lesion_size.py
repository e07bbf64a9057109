"""How large a lesion is: bounding box, volume, longest axial diameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Volume


@dataclass(frozen=True, slots=True)
class LesionSize:
    """extent_zyx_mm: edges of the bounding box along the stored axes. axial_diameter_mm: see axial_diameter."""

    extent_zyx_mm: tuple[float, float, float]
    volume_mm3: float
    axial_diameter_mm: float


def axial_axis(volume: Volume) -> int:
    """The array axis (0 = z, 1 = y, 2 = x) that runs nearest to the head-foot direction."""
    foot_head_xyz = np.abs(np.asarray(volume.direction_xyz).reshape(3, 3)[2])
    return 2 - int(np.argmax(foot_head_xyz))


def lesion_size(
    lesion: npt.NDArray[np.bool_], spacing_zyx_mm: tuple[float, float, float], *, axial_axis: int
) -> LesionSize:
    """Size of a lesion cut out to its bounding box: `lesion` is bool (z, y, x), not empty."""
    z, y, x = (float(n * s) for n, s in zip(lesion.shape, spacing_zyx_mm, strict=True))
    volume_mm3 = float(np.count_nonzero(lesion) * np.prod(spacing_zyx_mm))
    return LesionSize((z, y, x), volume_mm3, axial_diameter(lesion, spacing_zyx_mm, axial_axis=axial_axis))


def axial_diameter(
    lesion: npt.NDArray[np.bool_], spacing_zyx_mm: tuple[float, float, float], *, axial_axis: int
) -> float:
    """Longest in-plane diameter in mm: the largest distance of two voxel centres of one axial slice.

    This is the measure of RANO-BM (Lin 2015, Lancet Oncology), not the three-dimensional Feret diameter. A single
    voxel has the diameter 0.
    """
    from scipy.spatial.distance import pdist

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
