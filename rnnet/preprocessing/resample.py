"""Onto the atlas grid in one interpolation, and the lesions checked afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Array, Volume

if TYPE_CHECKING:
    import SimpleITK as sitk

# Nearest neighbour may move a small lesion's border; more than this and the lesion is drawn again.
MAXIMUM_SHIFT_MM = 1.0
VOLUME_RATIO = (0.7, 1.4)


def resample_image(volume: Volume, grid: Volume, to_atlas: Array, *, interpolation: str) -> npt.NDArray[np.float32]:
    """The scan (z, y, x) float32 on the atlas grid, 0 outside its field of view. `interpolation`: linear or bspline."""
    import SimpleITK as sitk

    kind = sitk.sitkBSpline if interpolation == "bspline" else sitk.sitkLinear
    image = volume.with_array(volume.array.astype(np.float32, copy=False)).to_sitk()
    resampled = sitk.Resample(image, grid.to_sitk(), _from_atlas(to_atlas), kind, 0.0, sitk.sitkFloat32)
    array: npt.NDArray[np.float32] = sitk.GetArrayFromImage(resampled)
    return array


def resample_mask(volume: Volume, grid: Volume, to_atlas: Array) -> npt.NDArray[np.uint16]:
    """Labels (z, y, x) uint16 on the atlas grid by nearest neighbour."""
    import SimpleITK as sitk

    image = volume.with_array(volume.array.astype(np.uint16)).to_sitk()
    nearest = sitk.sitkNearestNeighbor
    resampled = sitk.Resample(image, grid.to_sitk(), _from_atlas(to_atlas), nearest, 0, sitk.sitkUInt16)
    array: npt.NDArray[np.uint16] = sitk.GetArrayFromImage(resampled)
    return array


def resample_lesions(
    labels: Volume, grid: Volume, to_atlas: Array
) -> tuple[npt.NDArray[np.uint16], tuple[str, ...]]:
    """Lesion labels on the atlas grid, each lesion's volume and centre verified, and what had to be mended.

    Raises:
        CaseFailedError: most of a lesion lies outside the atlas grid.
    """
    found = resample_mask(labels, grid, to_atlas)
    warnings: list[str] = []
    for value in np.unique(labels.array[labels.array > 0]).tolist():
        native = labels.array == value
        index = grid.index_zyx(_mapped(labels.world_xyz_mm(np.argwhere(native)), to_atlas))
        inside = ((index >= -0.5) & (index <= np.array(grid.array.shape) - 0.5)).all(axis=1)
        if inside.mean() < 0.5:
            raise CaseFailedError(
                f"Lesion {value} lies outside the atlas after registration.",
                fix="Look at the scan's picture in the folder qc; is the mask of this scan?",
            )
        if not inside.all():
            warnings.append(f"Lesion {value} is cut at the edge of the atlas: {1 - inside.mean():.0%} of it is lost.")
            if (found == value).any():
                continue
        target = index[inside].mean(axis=0)
        volume_mm3 = float(inside.sum() * np.prod(labels.spacing_zyx_mm))
        if _fits(found == value, target, volume_mm3):
            continue
        found[found == value] = 0
        redrawn = resample_image(labels.with_array(native), grid, to_atlas, interpolation="linear") >= 0.5
        if not _fits(redrawn, target, volume_mm3):
            redrawn = _ball(grid.array.shape, target, volume_mm3)
        free = redrawn & (found == 0)
        # Inside another lesion nothing is free: the small one would be lost, the large one can spare the place.
        found[free if free.any() else redrawn] = value
        warnings.append(f"Lesion {value} is small for its voxels; its mask was redrawn on the atlas grid.")
    return found, tuple(warnings)


def field_of_view(volume: Volume, grid: Volume, to_atlas: Array) -> npt.NDArray[np.bool_]:
    """(z, y, x) bool: atlas voxels that the scan covers."""
    covered = resample_mask(volume.with_array(np.ones(volume.array.shape, np.uint8)), grid, to_atlas)
    return covered > 0


def _from_atlas(to_atlas: Array) -> sitk.AffineTransform:
    """SimpleITK wants the way from the output grid to the input."""
    import SimpleITK as sitk

    inverse = np.linalg.inv(to_atlas)
    return sitk.AffineTransform(inverse[:3, :3].ravel().tolist(), inverse[:3, 3].tolist())


def _mapped(points_xyz_mm: Array, to_atlas: Array) -> npt.NDArray[np.float64]:
    mapped: npt.NDArray[np.float64] = points_xyz_mm @ to_atlas[:3, :3].T + to_atlas[:3, 3]
    return mapped


def _fits(mask: Array, target_zyx_vox: Array, volume_mm3: float) -> bool:
    if not mask.any():
        return False
    shift = np.linalg.norm(np.argwhere(mask).mean(axis=0) - target_zyx_vox)
    ratio = float(mask.sum()) / volume_mm3
    return bool(shift <= MAXIMUM_SHIFT_MM and VOLUME_RATIO[0] <= ratio <= VOLUME_RATIO[1])


def _ball(shape: tuple[int, ...], centre_zyx_vox: Array, volume_mm3: float) -> npt.NDArray[np.bool_]:
    """A ball of the lesion's volume at its centre, at least one voxel."""
    radius = max(0.9, (3 * volume_mm3 / (4 * np.pi)) ** (1 / 3))
    index = np.indices(shape, dtype=np.float32)
    distance = np.sqrt(sum((index[i] - centre_zyx_vox[i]) ** 2 for i in range(3)))
    ball: npt.NDArray[np.bool_] = distance <= radius
    return ball
