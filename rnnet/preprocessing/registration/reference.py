"""Scan and atlas as the registration sees them: brains alone, shrunken, bright outliers cut off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Array, Volume
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.registration.quality import mutual_information
from rnnet.preprocessing.shrink import shrink_to

if TYPE_CHECKING:
    import SimpleITK as sitk

# Around the atlas's brain: the outline of the brain lies in this margin and carries most of the information.
_MARGIN_MM = 8.0
# Enhancing vessels above this quantile of the brain would take most of the histogram's bins.
_CLIP_QUANTILE = 0.995
# The voxels of the coarse search suit a brain whose volume has this cube root, SRI24's.
_SEARCH_SPACING_MM, _BRAIN_EDGE_MM = 8.0, 113.0
# Scans that cover less of the reference region than this cannot be judged.
_LEAST_COVERED = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class WorkingImage:
    """A shrunken brain. foreground: (z, y, x) bool, where it is not zero."""

    volume: Volume
    foreground: npt.NDArray[np.bool_]
    image: sitk.Image

    @property
    def center_xyz_mm(self) -> npt.NDArray[np.float64]:
        """Centre of mass of the brain in world space."""
        return self.volume.world_xyz_mm(np.argwhere(self.foreground).mean(axis=0))

    @property
    def grid_center_xyz_mm(self) -> npt.NDArray[np.float64]:
        """Middle of the grid in world space."""
        return self.volume.world_xyz_mm((np.array(self.volume.array.shape) - 1) / 2)

    @property
    def principal_axes_xyz(self) -> npt.NDArray[np.float64]:
        """(3, 3): columns are the brain's directions of largest, middle and least extent; right-handed."""
        points = self.volume.world_xyz_mm(np.argwhere(self.foreground))
        _, axes = np.linalg.eigh(np.cov(points, rowvar=False))
        axes = axes[:, ::-1]
        if np.linalg.det(axes) < 0:
            axes = axes * np.array([1.0, 1.0, -1.0])
        return np.asarray(axes)


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceLevel:
    """The atlas at one working resolution.

    region: (z, y, x) bool, where the metric is computed. points_xyz1_mm: (n, 4) world points (x, y, z, 1) of the
    region's n voxels; values: (n,) what the atlas shows there.
    """

    fixed: WorkingImage
    region: npt.NDArray[np.bool_]
    region_image: sitk.Image
    points_xyz1_mm: npt.NDArray[np.float64]
    values: Array


def working_image(brain: Volume, spacing_mm: float) -> WorkingImage:
    """A skull-stripped scan or atlas (0 outside the brain) shrunk to about `spacing_mm`."""
    small = shrink_to(brain, spacing_mm)
    foreground: npt.NDArray[np.bool_] = small.array != 0
    if foreground.any():
        limit = np.quantile(small.array[foreground], _CLIP_QUANTILE)
        small = small.with_array(np.minimum(small.array, limit).astype(np.float32))
    return WorkingImage(small, foreground, small.to_sitk())


@lru_cache(maxsize=16)
def reference_level(atlas: Atlas, spacing_mm: float, *, mirrored: bool = False) -> ReferenceLevel:
    """The atlas's brain at `spacing_mm`, kept for the scans to come; `mirrored`: its left and right exchanged."""
    from scipy.ndimage import binary_dilation

    brain = atlas.brain
    if mirrored:
        brain = brain.with_array(np.ascontiguousarray(brain.array[:, :, ::-1]))
    fixed = working_image(brain, spacing_mm)
    region = binary_dilation(fixed.foreground, iterations=max(1, round(_MARGIN_MM / spacing_mm)))
    points = fixed.volume.world_xyz_mm(np.argwhere(region))
    return ReferenceLevel(
        fixed, region, fixed.volume.with_array(region).to_sitk(), np.column_stack([points, np.ones(len(points))]),
        fixed.volume.array[region],
    )


def search_spacing_mm(atlas: Atlas) -> float:
    """Voxel width of the coarse search: 8 mm for a brain of natural size, in proportion for another atlas."""
    volume_mm3 = np.count_nonzero(atlas.brain.array) * float(np.prod(atlas.brain.spacing_zyx_mm))
    return max(1.0, float(round(_SEARCH_SPACING_MM * float(np.cbrt(volume_mm3)) / _BRAIN_EDGE_MM)))


def likeness(reference: ReferenceLevel, scan: WorkingImage, to_scan: Array) -> float:
    """Mutual information (nats) under a transform, times the share of the reference region that the scan covers.

    to_scan: (4, 4), world points of the atlas to world points of the scan. The share keeps apart a good fit from a
    sliver of overlap that happens to look alike.
    """
    from scipy.ndimage import map_coordinates

    to_index = (np.linalg.inv(scan.volume.index_to_world) @ to_scan)[2::-1]
    index = to_index @ reference.points_xyz1_mm.T  # (3, n), z y x
    size = np.array(scan.volume.array.shape)[:, None]
    inside = ((index >= -0.5) & (index <= size - 0.5)).all(axis=0)
    share = float(inside.mean())
    if share < _LEAST_COVERED:
        return 0.0
    values = map_coordinates(scan.volume.array, index[:, inside], order=1, mode="nearest")
    return share * mutual_information(reference.values[inside], values)
