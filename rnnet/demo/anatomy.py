"""Patients made from one atlas head: its own proportions, and lesions at places where a metastasis may grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import RnnetError
from rnnet.demo.lesion import RADIUS_MM, ImplantedLesion, draw_lesion
from rnnet.preprocessing.atlas import Atlas

MINIMUM_DISTANCE_MM = 30.0
_SCALE_SD = 0.03
_SHEAR_SD = 0.015


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What all patients share: intensities with the brain's median at 100, the brain mask, places for lesions.

    places_zyx_vox: (n, 3) voxels of grey and white matter; place_depth_mm: (n,) their distance from the brain's border.
    """

    intensity: npt.NDArray[np.float32]
    brain: npt.NDArray[np.bool_]
    places_zyx_vox: npt.NDArray[np.int64]
    place_depth_mm: npt.NDArray[np.float32]

    @classmethod
    def of(cls, atlas: Atlas) -> Head:
        """From the atlas."""
        from scipy.ndimage import binary_fill_holes, distance_transform_edt

        brain = binary_fill_holes(atlas.brain.array > 0)
        median = float(np.median(atlas.head.array[brain]))
        intensity = (atlas.head.array * (100.0 / median)).astype(np.float32)
        step = 3  # every third voxel is choice enough
        coarse = np.zeros(brain.shape, bool)
        coarse[::step, ::step, ::step] = True
        depth = distance_transform_edt(brain)
        places = np.argwhere(coarse & (intensity > 70) & (depth > RADIUS_MM[0]))
        return cls(intensity, brain, places, depth[tuple(places.T)].astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Patient:
    """One patient's anatomy. shape: (3, 3) scales and shears (x, y, z) that make the head differ from the atlas's."""

    patient_id: str
    shape: npt.NDArray[np.float64]
    lesions: tuple[ImplantedLesion, ...]


def draw_patient(
    head: Head, patient_id: str, outcomes: Sequence[tuple[str, bool]], rng: np.random.Generator
) -> Patient:
    """A patient with one lesion per (outcome, is it necrosis), at least 30 mm apart."""
    shape = np.diag(rng.normal(1, _SCALE_SD, 3)) + rng.normal(0, _SHEAR_SD, (3, 3)) * (1 - np.eye(3))
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
    return Patient(patient_id, shape, tuple(lesions))


def _place(
    head: Head, radius_mm: float, taken: Sequence[tuple[float, float, float]], rng: np.random.Generator
) -> tuple[float, float, float]:
    """A voxel deep enough in grey or white matter and far enough from the other lesions."""
    candidates = head.places_zyx_vox[head.place_depth_mm > radius_mm + 2]
    # A head smaller than a human's has less room.
    apart = min(MINIMUM_DISTANCE_MM, 0.45 * np.cbrt(head.brain.sum()))
    for _ in range(200):
        z, y, x = (float(v) for v in candidates[rng.integers(len(candidates))])
        if all(np.linalg.norm(np.subtract((z, y, x), other)) >= apart for other in taken):
            return z, y, x
    raise RnnetError("The head has no room for another lesion.", fix="Use fewer lesions or a larger atlas.")
