"""Onto the atlas grid in one interpolation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Array, Volume


def resample_image(volume: Volume, grid: Volume, to_atlas: Array, *, interpolation: str) -> npt.NDArray[np.float32]:
    """The scan (z, y, x) float32 on the atlas grid, 0 outside its field of view. `interpolation`: linear or bspline."""
    import SimpleITK as sitk

    kind = sitk.sitkBSpline if interpolation == "bspline" else sitk.sitkLinear
    return _resampled(volume.with_array(volume.array.astype(np.float32, copy=False)), grid, to_atlas, kind)


def resample_mask(volume: Volume, grid: Volume, to_atlas: Array) -> npt.NDArray[np.uint16]:
    """Labels (z, y, x) uint16 on the atlas grid by nearest neighbour."""
    import SimpleITK as sitk

    labels = volume.with_array(volume.array.astype(np.uint16, copy=False))
    return _resampled(labels, grid, to_atlas, sitk.sitkNearestNeighbor)


def field_of_view(volume: Volume, grid: Volume, to_atlas: Array) -> npt.NDArray[np.bool_]:
    """(z, y, x) bool: atlas voxels that the scan covers, so nearest to one of its voxels.

    The scan is a box in the atlas's world: in every row of atlas voxels it covers one run.
    """
    to_index = np.linalg.inv(volume.index_to_world) @ np.linalg.inv(to_atlas) @ grid.index_to_world
    z, y = np.meshgrid(*[np.arange(n, dtype=float) for n in grid.array.shape[:2]], indexing="ij", sparse=True)
    n_x = grid.array.shape[2]
    first, last = np.zeros((2, *grid.array.shape[:2]))
    last += n_x - 1
    for (step, along_y, along_z, start), size in zip(to_index[:3], volume.array.shape[::-1], strict=True):
        at_zero = start + along_y * y + along_z * z  # index of the row's first voxel on this axis of the scan
        if abs(step) * n_x < 1e-6:
            last = np.where((at_zero >= -0.5) & (at_zero < size - 0.5), last, -1)
            continue
        enters, leaves = (-0.5 - at_zero) / step, (size - 0.5 - at_zero) / step
        if step > 0:
            first, last = np.maximum(first, np.ceil(enters)), np.minimum(last, np.ceil(leaves) - 1)
        else:
            first, last = np.maximum(first, np.floor(leaves) + 1), np.minimum(last, np.floor(enters))
    x = np.arange(n_x, dtype=np.int16)
    low, high = (np.clip(edge, -1, n_x).astype(np.int16)[..., None] for edge in (first, last))
    covered: npt.NDArray[np.bool_] = (x >= low) & (x <= high)
    return covered


def _resampled(volume: Volume, grid: Volume, to_atlas: Array, interpolator: int) -> Array:
    import SimpleITK as sitk

    image = volume.to_sitk()
    # SimpleITK wants the way from the output grid to the input.
    inverse = np.linalg.inv(to_atlas)
    transform = sitk.AffineTransform(inverse[:3, :3].ravel().tolist(), inverse[:3, 3].tolist())
    found = sitk.Resample(
        image, [int(n) for n in grid.array.shape[::-1]], transform, interpolator,
        [float(o) for o in grid.origin_xyz_mm], [float(s) for s in grid.spacing_zyx_mm[::-1]],
        [float(d) for d in grid.direction_xyz], 0.0, image.GetPixelID(),
    )
    array: Array = sitk.GetArrayFromImage(found)
    return array
