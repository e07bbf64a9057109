"""N4 bias-field correction (Tustison 2010): estimated on a shrunken scan, applied at full resolution."""

from __future__ import annotations

import numpy as np

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Volume
from rnnet.planning.plan import BiasFieldPlan
from rnnet.preprocessing.shrink import shrink_to
from rnnet.preprocessing.state import StepRecord


def correct_bias_field(volume: Volume, brain: Volume, plan: BiasFieldPlan) -> tuple[Volume, StepRecord]:
    """The scan (float32) divided by its bias field, and what was done. The field is estimated inside the brain.

    The field is smooth by construction, so it is evaluated on the shrunken grid and interpolated linearly.

    Raises:
        CaseFailedError: the brain is empty.
    """
    import SimpleITK as sitk

    small = shrink_to(volume, plan.shrink_factor, minimum_vox=16)
    mask = shrink_to(brain, plan.shrink_factor, minimum_vox=16).array >= 0.5
    if not mask.any():
        raise CaseFailedError("The scan has no brain to estimate a bias field from.", fix="Look at the image.")
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    # One thread: several would add up in another order each time, and the last digits would differ.
    n4.SetNumberOfThreads(1)
    n4.SetNumberOfWorkUnits(1)
    n4.SetMaximumNumberOfIterations(list(plan.iterations))
    n4.SetConvergenceThreshold(plan.convergence_threshold)
    n4.SetBiasFieldFullWidthAtHalfMaximum(plan.full_width_half_maximum)
    # N4 works on logarithms: what is not above zero cannot take part.
    usable = mask & (small.array > 0)
    small_image = small.with_array(small.array.astype(np.float32)).to_sitk()
    n4.Execute(small_image, small.with_array(usable).to_sitk())
    log_field = sitk.Resample(
        n4.GetLogBiasFieldAsImage(small_image), volume.to_sitk(), sitk.Transform(), sitk.sitkLinear, 0.0,
        sitk.sitkFloat32, True,
    )
    field = np.exp(sitk.GetArrayFromImage(log_field))
    corrected = (volume.array / field).astype(np.float32)
    record = StepRecord("bias_field", {
        "method": "N4", "working_spacing_zyx_mm": [round(s, 3) for s in small.spacing_zyx_mm],
        "field_range": [round(float(field.min()), 3), round(float(field.max()), 3)],
    })
    return volume.with_array(corrected), record
