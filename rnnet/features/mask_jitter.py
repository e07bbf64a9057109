"""Lesion masks as another reader might have drawn them: one voxel wider, narrower, or moved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from rnnet.core.seeding import rng_for
from rnnet.core.types import LesionCase
from rnnet.features.radiomics import RadiomicsInput
from rnnet.features.radiomics_rows import ReadInput

Jitter = Literal["dilate", "erode", "shift"]
JITTERS: tuple[Jitter, ...] = ("dilate", "erode", "shift")
Mask = npt.NDArray[np.bool_]


def jitter_mask(mask: Mask, jitter: Jitter, rng: np.random.Generator) -> Mask:
    """The mask (z, y, x) after one change of one voxel (1 mm); voxels that leave the grid are lost.

    dilate, erode: by the six neighbours that share a face. shift: one step along a random axis.
    """
    from scipy.ndimage import binary_dilation, binary_erosion

    if jitter == "dilate":
        return np.asarray(binary_dilation(mask))
    if jitter == "erode":
        # What lies beyond the grid counts as lesion: the edge of the grid is no rim of the lesion.
        return np.asarray(binary_erosion(mask, border_value=1))
    axis, step = int(rng.integers(3)), int(rng.choice((-1, 1)))
    moved = np.roll(mask, step, axis)
    entered: list[slice | int] = [slice(None)] * 3
    entered[axis] = 0 if step > 0 else -1
    moved[tuple(entered)] = False
    return moved


@dataclass(frozen=True, slots=True)
class JitteredReader:
    """Reads a lesion with a jittered mask. Picklable; the draw depends on the seed and the case alone."""

    read: ReadInput
    jitter: Jitter
    seed: int

    def __call__(self, case: LesionCase) -> RadiomicsInput:
        """As `read`, with another mask."""
        given = self.read(case)
        rng = rng_for(self.seed, "mask jitter", self.jitter, case.case_id)
        mask = jitter_mask(given.mask.array > 0, self.jitter, rng)
        return replace(given, mask=given.mask.with_array(mask))
