"""The rigid transform from the atlas to a scan, by Mattes mutual information. Estimates only; nothing is resampled."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError
from rnnet.core.seeding import seed_for
from rnnet.core.volume import Volume
from rnnet.planning.plan import RegistrationPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.masks import foreground_mask
from rnnet.preprocessing.shrink import shrink_to

if TYPE_CHECKING:
    import SimpleITK as sitk

# A head lies in the scanner turned by less than this; nodding varies most.
_START_DEGREES = {"x": (-24, -12, 0, 12, 24), "z": (-15, 0, 15)}
_BRIGHT_QUANTILE = 0.995


def register_rigid(
    scan: Volume, atlas: Atlas, plan: RegistrationPlan, *, stripped: bool, seed: int
) -> npt.NDArray[np.float64]:
    """(4, 4) matrix from world points of the scan (x, y, z, 1) to world points of the atlas, LPS mm.

    Starts from the centres of mass and the best of several rotations, then goes from coarse to fine. A whole head is
    compared with the atlas head first and inside the atlas brain last; a stripped scan with the atlas brain. One
    thread and a fixed seed: the same scan gives the same transform.

    Rigid only: an affine fit would scale the lesion and change its volume.

    Raises:
        CaseFailedError: the scan has no foreground, or its overlap with the atlas is lost.
    """
    import SimpleITK as sitk

    transform: Any = None
    for stage, (spacing, share) in enumerate(zip(plan.working_spacing_mm, plan.sampling_fraction, strict=True)):
        moving = _clipped(shrink_to(scan, spacing), stripped)
        fixed = _clipped(shrink_to(atlas.brain if stripped else atlas.head, spacing), stripped)
        brain_only = stripped or stage > 0
        region = fixed.with_array(
            (shrink_to(atlas.brain, spacing).array > 0) if brain_only else foreground_mask(fixed.array, stripped=False)
        )
        method = _method(plan, region, share, seed=seed_for(seed, "registration", stage), step_mm=spacing)
        images = (fixed.to_sitk(), moving.to_sitk())
        try:
            if transform is None:
                transform = _best_start(method, *images, fixed, moving, stripped)
            method.SetInitialTransform(transform, inPlace=True)
            method.Execute(*images)
        except RuntimeError as error:
            raise CaseFailedError(
                "Registration to the atlas failed: scan and atlas do not overlap well enough.",
                fix="Look at the image: is it a head, and is its header right?",
            ) from error
    return _matrix(sitk.Euler3DTransform(transform).GetInverse())


def _method(
    plan: RegistrationPlan, region: Volume, share: float, *, seed: int, step_mm: float
) -> sitk.ImageRegistrationMethod:
    import SimpleITK as sitk

    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # sums over several threads end in other last digits
    method.SetMetricAsMattesMutualInformation(plan.histogram_bins)
    method.SetMetricFixedMask(region.to_sitk())
    if share < 1:
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(share, seed % 2**31)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=step_mm, minStep=0.01, numberOfIterations=plan.iterations, relaxationFactor=0.6,
        gradientMagnitudeTolerance=1e-8,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    return method


def _best_start(
    method: sitk.ImageRegistrationMethod, fixed_image: sitk.Image, moving_image: sitk.Image, fixed: Volume,
    moving: Volume, stripped: bool,
) -> sitk.Euler3DTransform:
    """Centres of mass on each other, turned by the best of a few angles."""
    import SimpleITK as sitk

    centre_fixed, centre_moving = _centre(fixed, stripped), _centre(moving, stripped)
    best: tuple[float, Any] | None = None
    for about_x, about_z in product(_START_DEGREES["x"], _START_DEGREES["z"]):
        start = sitk.Euler3DTransform(
            centre_fixed.tolist(), float(np.deg2rad(about_x)), 0.0, float(np.deg2rad(about_z)),
            (centre_moving - centre_fixed).tolist(),
        )
        method.SetInitialTransform(start)
        try:
            value = float(method.MetricEvaluate(fixed_image, moving_image))
        except RuntimeError:
            continue  # this start does not overlap; another one may
        if best is None or value < best[0]:
            best = (value, start)
    if best is None:
        raise RuntimeError("no start overlaps")
    return best[1]


def _centre(volume: Volume, stripped: bool) -> npt.NDArray[np.float64]:
    inside = np.argwhere(foreground_mask(volume.array, stripped=stripped))
    if not len(inside):
        raise CaseFailedError("The scan has no foreground.", fix="Look at the image: is it empty?")
    return volume.world_xyz_mm(inside.mean(axis=0))


def _clipped(volume: Volume, stripped: bool) -> Volume:
    """Bright vessels and fat cut off, so that the histogram's bins go to brain tissue."""
    inside = foreground_mask(volume.array, stripped=stripped)
    if not inside.any():
        return volume
    return volume.with_array(np.minimum(volume.array, np.quantile(volume.array[inside], _BRIGHT_QUANTILE)))


def _matrix(transform: sitk.Transform) -> npt.NDArray[np.float64]:
    """The 4 x 4 matrix of a rigid transform."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    columns = [np.array(transform.TransformPoint(tuple(axis))) - origin for axis in np.eye(3)]
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack(columns, axis=1)
    matrix[:3, 3] = origin
    return matrix
