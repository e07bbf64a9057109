"""The rigid transform from a scan to the atlas, by Mattes mutual information. Estimates only; nothing is resampled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError
from rnnet.core.seeding import seed_for
from rnnet.core.volume import Volume
from rnnet.planning.plan import RegistrationPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.registration.reference import (
    ReferenceLevel,
    WorkingImage,
    likeness,
    reference_level,
    search_spacing_mm,
    working_image,
)
from rnnet.preprocessing.registration.start import Start, best_starts, matrix_of, turn_degrees

if TYPE_CHECKING:
    import SimpleITK as sitk

_STARTS = 3
# One radian moves the brain's surface by about this much: turns and shifts get steps of the same length. Without it
# the descent stops one to two millimetres short, elsewhere from every start.
_ROTATION_RADIUS_MM = 60.0
_RELAXATION = 0.8
_SMALLEST_STEP_MM = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class RigidEstimate:
    """to_atlas: (4, 4), world points of the scan (x, y, z, 1) to world points of the atlas, LPS mm.

    likeness: mutual information (nats) times covered share, at the start and at the end.
    """

    to_atlas: npt.NDArray[np.float64]
    start: str
    likeness_before: float
    likeness_after: float

    @property
    def angle_degrees(self) -> float:
        """How far the head was turned."""
        return turn_degrees(self.to_atlas[:3, :3])


def register_rigid(scan: Volume, atlas: Atlas, plan: RegistrationPlan, *, seed: int) -> RigidEstimate:
    """The transform that brings a skull-stripped scan (0 outside the brain) onto the atlas's brain.

    A coarse search over positions, nods and turns gives a few starts; the best of their refinements goes on to finer
    stages. One thread and a fixed seed: the same scan gives the same transform.

    Rigid only: an affine fit would scale the lesion and change its volume.

    Raises:
        CaseFailedError: the scan is empty, or its overlap with the atlas is lost.
    """
    search_mm = search_spacing_mm(atlas)
    starts = best_starts(reference_level(atlas, search_mm), working_image(scan, search_mm), count=_STARTS)
    candidates = [(start, start.transform()) for start in starts]
    for number, (spacing, share) in enumerate(zip(plan.working_spacing_mm, plan.sampling_fraction, strict=True)):
        level, moving = reference_level(atlas, spacing), working_image(scan, spacing)
        method = descent(plan, level, share, seed=seed_for(seed, "registration", number),
                         step_mm=spacing if number == 0 else 1.0)
        refined = list(_descended(method, level, moving, candidates))
        scores = [likeness(level, moving, matrix_of(transform)) for _, transform in refined]
        candidates = [refined[int(np.argmax(scores))]]
    start, transform = candidates[0]
    return RigidEstimate(
        matrix_of(transform.GetInverse()), start.name, likeness(level, moving, start.to_scan), max(scores)
    )


def _descended(
    method: sitk.ImageRegistrationMethod, level: ReferenceLevel, moving: WorkingImage,
    candidates: list[tuple[Start, sitk.Euler3DTransform]],
) -> Iterator[tuple[Start, sitk.Euler3DTransform]]:
    """Each candidate after its descent; one that loses the overlap drops out, unless all do."""
    failures = []
    for start, transform in candidates:
        try:
            yield start, descend(method, level, moving, transform)
        except CaseFailedError as error:
            failures.append(error)
    if len(failures) == len(candidates):
        raise failures[0]


def descent(
    plan: RegistrationPlan, level: ReferenceLevel, share: float, *, seed: int, step_mm: float
) -> sitk.ImageRegistrationMethod:
    """The optimiser of one stage. share: of the region's voxels that the metric looks at; step_mm: the first step."""
    import SimpleITK as sitk

    method = sitk.ImageRegistrationMethod()
    # Sums over several threads or work units end in other last digits, and in others again on more cores.
    method.SetNumberOfThreads(1)
    method.SetNumberOfWorkUnits(1)
    method.SetMetricAsMattesMutualInformation(plan.histogram_bins)
    method.SetMetricFixedMask(level.region_image)
    if share < 1:
        # Random points: regular ones repeat with the rows of the image and see few of its columns.
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(share, 1 + seed % (2**31 - 1))  # 0 would mean the clock
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=step_mm, minStep=_SMALLEST_STEP_MM, numberOfIterations=plan.iterations,
        relaxationFactor=_RELAXATION, gradientMagnitudeTolerance=1e-8,
    )
    method.SetOptimizerScales([_ROTATION_RADIUS_MM**2] * 3 + [1.0] * 3)
    return method


def descend(
    method: sitk.ImageRegistrationMethod, level: ReferenceLevel, moving: WorkingImage, start: sitk.Euler3DTransform
) -> sitk.Euler3DTransform:
    """The transform (atlas to scan) that a descent from `start` ends in.

    Raises:
        CaseFailedError: scan and atlas lost their overlap.
    """
    import SimpleITK as sitk

    transform = sitk.Euler3DTransform(start)
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(level.fixed.image, moving.image)
    except RuntimeError as error:
        raise CaseFailedError(
            "Registration to the atlas failed: scan and atlas do not overlap well enough.",
            fix="Look at the image: is it a head, and is its header right?",
        ) from error
    return transform
