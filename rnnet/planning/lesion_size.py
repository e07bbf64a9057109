"""How large a lesion is: bounding box, volume, longest axial diameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.dataset.diameters import axial_diameter


@dataclass(frozen=True, slots=True)
class LesionSize:
    """extent_zyx_mm: edges of the bounding box along the stored axes. axial_diameter_mm: see axial_diameter."""

    extent_zyx_mm: tuple[float, float, float]
    volume_mm3: float
    axial_diameter_mm: float


def lesion_size(
    lesion: npt.NDArray[np.bool_], spacing_zyx_mm: tuple[float, float, float], *, axial_axis: int
) -> LesionSize:
    """Size of a lesion cut out to its bounding box: `lesion` is bool (z, y, x), not empty."""
    z, y, x = (float(n * s) for n, s in zip(lesion.shape, spacing_zyx_mm, strict=True))
    volume_mm3 = float(np.count_nonzero(lesion) * np.prod(spacing_zyx_mm))
    return LesionSize((z, y, x), volume_mm3, axial_diameter(lesion, spacing_zyx_mm, axial_axis=axial_axis))
