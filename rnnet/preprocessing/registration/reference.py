"""Scan and atlas as the registration sees them: brains alone, shrunken, bright outliers cut off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Volume
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.shrink import shrink_to

if TYPE_CHECKING:
    import SimpleITK as sitk

# Around the atlas's brain: the outline of the brain lies in this margin and carries most of the information.
_MARGIN_MM = 8.0
# Enhancing vessels above this quantile of the brain would take most of the histogram's bins.
_CLIP_QUANTILE = 0.995


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


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceLevel:
    """The atlas at one working resolution. region: (z, y, x) bool, where the metric is computed."""

    fixed: WorkingImage
    region: npt.NDArray[np.bool_]
    region_image: sitk.Image


def working_image(brain: Volume, spacing_mm: float) -> WorkingImage:
    """A skull-stripped scan or atlas (0 outside the brain) shrunk to about `spacing_mm`."""
    small = shrink_to(brain, spacing_mm)
    foreground: npt.NDArray[np.bool_] = small.array != 0
    if foreground.any():
        limit = np.quantile(small.array[foreground], _CLIP_QUANTILE)
        small = small.with_array(np.minimum(small.array, limit).astype(np.float32))
    return WorkingImage(small, foreground, small.to_sitk())


@lru_cache(maxsize=16)
def reference_level(atlas: Atlas, spacing_mm: float) -> ReferenceLevel:
    """The atlas's brain at `spacing_mm`, kept for the scans to come."""
    from scipy.ndimage import binary_dilation

    fixed = working_image(atlas.brain, spacing_mm)
    region = binary_dilation(fixed.foreground, iterations=max(1, round(_MARGIN_MM / spacing_mm)))
    return ReferenceLevel(fixed, region, fixed.volume.with_array(region).to_sitk())
