"""A receive coil's shading, made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def draw_bias_field(
    shape: tuple[int, ...], strength: float, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """A smooth multiplicative field (z, y, x) around 1."""
    import SimpleITK as sitk

    coarse = sitk.GetImageFromArray(rng.normal(0, 0.7 * strength, (5, 5, 5)))

    def enlarged(field: Any, size: tuple[int, ...], kind: int) -> Any:
        extent = [(n - 1) * s for n, s in zip(field.GetSize(), field.GetSpacing(), strict=True)]
        frame = sitk.Image(size, sitk.sitkFloat32)
        frame.SetSpacing([e / max(1, n - 1) for e, n in zip(extent, size, strict=True)])
        return sitk.Resample(field, frame, sitk.Transform(), kind, 0.0, sitk.sitkFloat32)

    smooth = enlarged(coarse, (33, 33, 33), sitk.sitkBSpline)  # splines at full resolution take seconds
    log_field = sitk.GetArrayFromImage(enlarged(smooth, shape[::-1], sitk.sitkLinear))
    field: npt.NDArray[np.float32] = np.exp(log_field)
    return field
