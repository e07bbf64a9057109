"""What preprocessing hands on: a scan on the atlas grid, and the crop around one of its lesions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Volume

# World position of the first voxel of SRI24 on the BraTS grid; its spacing is 1 mm, its axes are LPS.
SRI24_ORIGIN_XYZ_MM = (0.0, -239.0, 0.0)


@dataclass(frozen=True, slots=True)
class NativeGrid:
    """Geometry of the raw file as stored, the way back from the atlas grid."""

    shape_zyx: tuple[int, int, int]
    spacing_zyx_mm: tuple[float, float, float]
    origin_xyz_mm: tuple[float, float, float]
    direction_xyz: tuple[float, ...]

    @classmethod
    def of(cls, volume: Volume) -> NativeGrid:
        """The grid of a volume."""
        z, y, x = volume.array.shape
        return cls((z, y, x), volume.spacing_zyx_mm, volume.origin_xyz_mm, volume.direction_xyz)

    def volume(self, array: npt.NDArray[Any]) -> Volume:
        """`array` (z, y, x) on this grid."""
        return Volume(array, self.spacing_zyx_mm, self.origin_xyz_mm, self.direction_xyz)


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of preprocessing: what was chosen and what was measured, in plain types."""

    step: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PreprocessedScan:
    """One scan on the atlas grid (1 mm, LPS axes).

    image: (z, y, x) float32, z-scored inside the brain, 0 outside. brain: (z, y, x) bool.
    lesions: (z, y, x) uint16, the value is the lesion's number in the raw mask, 0 is none.
    native: grid of the raw file. to_atlas: (4, 4) float64, maps world points (x, y, z, 1) of the raw file to
    world points of the atlas, both LPS in millimetres.
    """

    scan_id: str
    image: npt.NDArray[np.float32]
    brain: npt.NDArray[np.bool_]
    lesions: npt.NDArray[np.uint16]
    native: NativeGrid
    to_atlas: npt.NDArray[np.float64]
    history: tuple[StepRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    atlas_origin_xyz_mm: tuple[float, float, float] = SRI24_ORIGIN_XYZ_MM

    def on_atlas_grid(self, array: npt.NDArray[Any]) -> Volume:
        """`array` (z, y, x) of the atlas grid as a volume in world space."""
        return Volume(array, (1.0, 1.0, 1.0), self.atlas_origin_xyz_mm)

    def step(self, name: str) -> StepRecord | None:
        """The record of the step called `name`, None if it did not run."""
        return next((record for record in self.history if record.step == name), None)


@dataclass(frozen=True, slots=True)
class PreprocessedCase:
    """The cube around one lesion.

    array: (2, z, y, x) float32: T1CE (z-scored in brain, 0 outside the atlas) and this lesion's mask (0 or 1).
    start_zyx_vox: first voxel of the cube on the atlas grid; negative where the cube sticks out.
    """

    case_id: str
    array: npt.NDArray[np.float32]
    start_zyx_vox: tuple[int, int, int]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LesionBox:
    """Where a lesion lies on the atlas grid: low inclusive, high exclusive."""

    low_zyx_vox: tuple[int, int, int]
    high_zyx_vox: tuple[int, int, int]
    center_of_mass_zyx_vox: tuple[float, float, float]
    n_voxels: int
