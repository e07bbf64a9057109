"""N4 bias-field correction (Tustison 2010): estimated on a shrunken scan, applied at full resolution."""

from __future__ import annotations

import numpy as np

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Volume
from rnnet.planning.plan import BiasFieldPlan
from rnnet.preprocessing.shrink import shrink_to
from rnnet.preprocessing.state import StepRecord

# With more of the brain at or below zero the scan is z-scored already, and logarithms say nothing.
LARGEST_SHARE_NOT_POSITIVE = 0.25


def correct_bias_field(volume: Volume, brain: Volume, plan: BiasFieldPlan) -> tuple[Volume, StepRecord]:
    """The scan (float32) divided by its bias field, and what was done. The field is estimated inside the brain.

    The field is smooth by construction, so it is evaluated on the shrunken grid and interpolated linearly. A scan
    whose brain is not above zero for the most part comes back as it is, and the record says so.

    Raises:
        CaseFailedError: the brain is empty.
    """
    import SimpleITK as sitk

    small = shrink_to(volume, plan.shrink_factor, minimum_vox=16)
    mask = shrink_to(brain, plan.shrink_factor, minimum_vox=16).array >= 0.5
    if not mask.any():
        raise CaseFailedError("The scan has no brain to estimate a bias field from.", fix="Look at the image.")
    # N4 works on logarithms: what is not above zero cannot take part.
    usable = mask & (small.array > 0)
    not_positive = 1 - float(usable.sum() / mask.sum())
    if not_positive > LARGEST_SHARE_NOT_POSITIVE:
        return volume, StepRecord("bias_field", {
            "method": "none", "reason": f"{not_positive:.0%} of the brain is not above zero",
        })
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    # One thread: several would add up in another order each time, and the last digits would differ.
    n4.SetNumberOfThreads(1)
    n4.SetNumberOfWorkUnits(1)
    n4.SetMaximumNumberOfIterations(list(plan.iterations))
    n4.SetConvergenceThreshold(plan.convergence_threshold)
    n4.SetBiasFieldFullWidthAtHalfMaximum(plan.full_width_half_maximum)
    small_image = small.with_array(small.array.astype(np.float32)).to_sitk()
    n4.Execute(small_image, small.with_array(usable).to_sitk())
    log_field = sitk.Resample(
        n4.GetLogBiasFieldAsImage(small_image), volume.to_sitk(), sitk.Transform(), sitk.sitkLinear, 0.0,
        sitk.sitkFloat32, True,
    )
    field = sitk.GetArrayFromImage(log_field)
    np.exp(field, out=field)
    corrected = (volume.array / field).astype(np.float32, copy=False)
    record = StepRecord("bias_field", {
        "method": "N4", "working_spacing_zyx_mm": [round(s, 3) for s in small.spacing_zyx_mm],
        "field_range": [round(float(field.min()), 3), round(float(field.max()), 3)],
    })
    return volume.with_array(corrected), record
