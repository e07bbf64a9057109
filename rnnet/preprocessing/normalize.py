"""z-score inside the brain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Array
from rnnet.planning.plan import NormalizePlan
from rnnet.preprocessing.state import StepRecord


def zscore_in_brain(image: Array, brain: Array, plan: NormalizePlan) -> tuple[npt.NDArray[np.float32], StepRecord]:
    """The image (z, y, x) float32 with mean 0 and SD 1 inside the brain mask and 0 outside it.

    Raises:
        CaseFailedError: the brain is empty or constant, or holds values that are not finite numbers.
    """
    inside = image[brain].astype(np.float64)
    if inside.size == 0:
        raise CaseFailedError("The brain mask is empty.", fix="Look at the image; try another skull-stripper.")
    n_wrong = inside.size - int(np.isfinite(inside).sum())
    if n_wrong:
        raise not_finite(n_wrong)
    clipped = inside
    if (plan.lower_quantile, plan.upper_quantile) != (0.0, 1.0):
        low, high = np.quantile(inside, [plan.lower_quantile, plan.upper_quantile])
        clipped = inside.clip(low, high)
    mean, std = float(clipped.mean()), float(clipped.std())
    if std <= 1e-6 * max(1.0, abs(mean)):
        raise CaseFailedError("The image is constant inside the brain.", fix="Export the image again.")
    normalized = np.zeros(image.shape, np.float32)
    normalized[brain] = (clipped - mean) / std
    return normalized, StepRecord("normalize", {"mean": round(mean, 4), "std": round(std, 4)})


def not_finite(n_voxels: int) -> CaseFailedError:
    """The error for a brain with holes."""
    return CaseFailedError(f"{n_voxels} voxels inside the brain are not finite numbers (NaN or infinite).",
                           fix="Export the image again, without resampling it.")
