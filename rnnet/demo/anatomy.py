"""Patients made from one atlas head: a smooth deformation, and lesions at places where a metastasis may grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import RnnetError
from rnnet.demo.lesion import RADIUS_MM, ImplantedLesion, draw_lesion
from rnnet.preprocessing.atlas import Atlas

MINIMUM_DISTANCE_MM = 30.0
_CONTROL_POINTS = 6
_DEFORMATION_MM = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What all patients share: intensities with the brain's median at 100, the brain mask, its depth in mm."""

    intensity: npt.NDArray[np.float32]
    brain: npt.NDArray[np.bool_]
    depth_mm: npt.NDArray[np.float32]

    @classmethod
    def of(cls, atlas: Atlas) -> Head:
        """From the atlas."""
        from scipy.ndimage import binary_fill_holes, distance_transform_edt

        brain = binary_fill_holes(atlas.brain.array > 0)
        median = float(np.median(atlas.head.array[brain]))
        intensity = (atlas.head.array * (100.0 / median)).astype(np.float32)
        return cls(intensity, brain, distance_transform_edt(brain).astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Patient:
    """One patient's anatomy. deformation_mm: (3, k, k, k) displacement at control points over the atlas grid."""

    patient_id: str
    deformation_mm: npt.NDArray[np.float32]
    lesions: tuple[ImplantedLesion, ...]


def draw_patient(
    head: Head, patient_id: str, outcomes: Sequence[tuple[str, bool]], rng: np.random.Generator
) -> Patient:
    """A patient with one lesion per (outcome, is it necrosis), at least 30 mm apart."""
    shape = (3, _CONTROL_POINTS, _CONTROL_POINTS, _CONTROL_POINTS)
    deformation = rng.normal(0, _DEFORMATION_MM, shape).astype(np.float32)
    lesions: list[ImplantedLesion] = []
    for value, (outcome, is_necrosis) in enumerate(outcomes, start=1):
        # Uniform in volume, the same for both outcomes.
        radius = float(rng.uniform(RADIUS_MM[0] ** 3, RADIUS_MM[1] ** 3) ** (1 / 3))
        center = _place(head, radius, [lesion.center_zyx_vox for lesion in lesions], rng)
        lesions.append(
            draw_lesion(
                rng, value=value, outcome=outcome, is_necrosis=is_necrosis, center_zyx_vox=center, radius_mm=radius
            )
        )
    return Patient(patient_id, deformation, tuple(lesions))


def _place(
    head: Head, radius_mm: float, taken: Sequence[tuple[float, float, float]], rng: np.random.Generator
) -> tuple[float, float, float]:
    """A voxel deep enough in grey or white matter and far enough from the other lesions."""
    candidates = np.argwhere((head.depth_mm > radius_mm + 2) & (head.intensity > 70))
    for _ in range(200):
        z, y, x = (float(v) for v in candidates[rng.integers(len(candidates))])
        if all(np.linalg.norm(np.subtract((z, y, x), other)) >= MINIMUM_DISTANCE_MM for other in taken):
            return z, y, x
    raise RnnetError("The head has no room for another lesion.", fix="Use fewer lesions or a larger atlas.")
