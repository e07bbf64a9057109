"""Two lesion morphologies as functions of space; their parameters overlap on purpose.

Tumour progression: a lobulated mass that enhances as a whole, at times with a small necrotic core. Radiation necrosis:
an irregular enhancing rim around a large dark core, septa inside it, a feathery border ('soap bubble'). The class
patterns follow the description of both on T1CE (Dequesada 2008); the volumes of both classes have one distribution, so
that size says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
RADIUS_MM = (4.5, 10.5)


@dataclass(frozen=True, slots=True, eq=False)
class ImplantedLesion:
    """One lesion in atlas space.

    center_zyx_vox: on the 1 mm atlas grid. core_share: radius of the dark core as a share of the lesion's.
    border_share: width of the border likewise. enhancement and core_drop: change of the local intensity as a factor.
    septa: strength of enhancing septa in the core. waves: (k, 5) lobulation: direction (3), phase, amplitude.
    """

    value: int
    outcome: str
    center_zyx_vox: tuple[float, float, float]
    radius_mm: float
    core_share: float
    border_share: float
    enhancement: float
    core_drop: float
    septa: float
    waves: npt.NDArray[np.float64]

    def shape_radius(self, offset_zyx_mm: FloatArray) -> FloatArray:
        """Distance from the centre as a share of the lesion's radius in that direction; (..., 3) -> (...)."""
        distance = np.sqrt((offset_zyx_mm**2).sum(axis=-1)) + 1e-6
        direction = offset_zyx_mm / distance[..., None]
        lobes = np.zeros(distance.shape, np.float32)
        for *axis, phase, amplitude in self.waves:
            lobes += np.float32(amplitude) * np.cos(direction @ np.asarray(axis, np.float32) + np.float32(phase))
        radius: FloatArray = (distance / (self.radius_mm * (1 + lobes))).astype(np.float32)
        return radius

    def factor(self, radius: FloatArray, offset_zyx_mm: FloatArray) -> FloatArray:
        """Factor on the local intensity, 1 far outside."""
        inside = _step(1.0 - radius, self.border_share)
        core = _step(self.core_share - radius, 0.12) if self.core_share > 0.05 else np.zeros_like(radius)
        texture = np.zeros(radius.shape, np.float32)
        for *axis, phase, _ in self.waves[:4]:
            texture += np.cos(offset_zyx_mm @ np.asarray(axis, np.float32) * 0.35 + np.float32(phase)) / 4
        septa = np.exp(-((texture / 0.18) ** 2)) * self.septa
        core_level = -self.core_drop + septa * (self.enhancement + self.core_drop)
        level = (1 - core) * self.enhancement * (1 + 0.2 * texture) + core * core_level
        factor: FloatArray = (1 + inside * level).astype(np.float32)
        return factor


def draw_lesion(
    rng: np.random.Generator, *, value: int, outcome: str, is_necrosis: bool, center_zyx_vox: tuple[float, ...],
    radius_mm: float,
) -> ImplantedLesion:
    """A lesion of the given morphology at the given place."""
    core, border, septa, lobulation = (
        (rng.uniform(0.35, 0.8), rng.uniform(0.12, 0.4), rng.uniform(0.2, 0.8), rng.uniform(0.06, 0.16))
        if is_necrosis
        else (rng.uniform(0.0, 0.55), rng.uniform(0.06, 0.3), rng.uniform(0.0, 0.4), rng.uniform(0.03, 0.12))
    )
    directions = rng.normal(size=(6, 3))
    directions *= (rng.uniform(1.5, 5.0, size=6) / np.linalg.norm(directions, axis=1))[:, None]
    phases, amplitudes = rng.uniform(0, 2 * np.pi, 6), rng.normal(0, lobulation, 6)
    z, y, x = center_zyx_vox
    return ImplantedLesion(
        value, outcome, (z, y, x), radius_mm, core, border, rng.uniform(0.5, 1.3), rng.uniform(0.15, 0.5), septa,
        np.column_stack([directions, phases, amplitudes]),
    )


def grown(lesion: ImplantedLesion, growth: float) -> ImplantedLesion:
    """The same lesion at a later scan."""
    return replace(lesion, radius_mm=lesion.radius_mm * growth)


def _step(distance: FloatArray, width: float) -> FloatArray:
    """Smooth step from 0 to 1 where `distance` crosses 0."""
    step: FloatArray = (1 / (1 + np.exp(np.clip(-distance / (width / 3), -30, 30)))).astype(np.float32)
    return step
