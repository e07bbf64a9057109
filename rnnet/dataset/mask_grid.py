"""A lesion mask and the image that it was drawn on: do their grids fit, and which one is trusted?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rnnet.core.errors import GeometryError
from rnnet.core.volume import Volume

# Of a mask with a grid of its own, this much must lie inside the image; else it is of another scan.
_LEAST_INSIDE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class MaskOnImage:
    """mask: on a grid whose place in the world can be trusted. note: what was done about it; '' for equal grids."""

    mask: Volume
    note: str = ""


def place_mask(image: Volume, mask: Volume) -> MaskOnImage:
    """The mask at its true place in the world of its image.

    Headers that differ by less than half a voxel are rounding: the mask takes the image's grid. A mask with a grid of
    its own whose lesions lie inside the image is kept as it is, for its voxels to be interpolated once, with the
    image's.

    Raises:
        GeometryError: most of the mask lies outside the image.
    """
    if mask.same_grid(image):
        return MaskOnImage(replace(image, array=mask.array, notes=()))
    half_voxel = min(image.spacing_zyx_mm) / 2
    if mask.array.shape == image.array.shape and mask.same_grid(image, tolerance_mm=half_voxel):
        return MaskOnImage(replace(image, array=mask.array, notes=()),
                           "The mask's header is off by under half a voxel: the image's is used.")
    lesion = np.argwhere(mask.array > 0)
    if not len(lesion):
        return MaskOnImage(mask, "The mask has a grid of its own.")
    index = image.index_zyx(mask.world_xyz_mm(lesion))
    inside = ((index >= -0.5) & (index <= np.array(image.array.shape) - 0.5)).all(axis=1)
    share = float(inside.mean())
    if share < _LEAST_INSIDE:
        raise GeometryError(
            f"The mask has another grid than the image, and {1 - share:.0%} of it lies outside the image.",
            fix="Is the mask of this scan? Resample it onto the image's grid (nearest neighbour).",
        )
    note = "The mask has a grid of its own; it is resampled by nearest neighbour from where its header says."
    if share < 1:
        note += f" {1 - share:.0%} of it lies outside the image and is lost."
    return MaskOnImage(mask, note)


def on_image_grid(image: Volume, mask: Volume) -> Volume:
    """The labels (uint16) by nearest neighbour on the image's grid, for measurements that pair their voxels."""
    import SimpleITK as sitk

    if mask.same_grid(image):
        return mask
    source = mask.with_array(mask.array.astype(np.uint16)).to_sitk()
    target = image.with_array(np.zeros(image.array.shape, np.uint8)).to_sitk()
    resampled = sitk.Resample(source, target, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt16)
    return image.with_array(sitk.GetArrayFromImage(resampled))
