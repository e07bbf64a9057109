"""Lesions on the atlas grid, each one's volume and centre verified afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Array, Volume
from rnnet.preprocessing.boxes import Box, box_around, box_on_grid, cut, grown
from rnnet.preprocessing.resample import resample_image, resample_mask

# Nearest neighbour may move a small lesion's border; more than this and the lesion is drawn again.
MAXIMUM_SHIFT_MM = 1.0
VOLUME_RATIO = (0.7, 1.4)
# A lesion of which less lies on the atlas is left out.
LEAST_ON_ATLAS = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class LesionsOnAtlas:
    """labels: (z, y, x) uint16 on the atlas grid. lost: values of lesions that lie outside it and were left out."""

    labels: npt.NDArray[np.uint16]
    lost: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Lesion:
    """One lesion: its voxels on the mask's grid, and the part of the atlas grid (box) that it comes to lie in.

    index_zyx: (n, 3) its voxels' centres as voxels of the atlas.
    """

    value: int
    native: Volume
    index_zyx: npt.NDArray[np.float64]
    inside: npt.NDArray[np.bool_]
    box: Box | None

    @property
    def volume_mm3(self) -> float:
        """What of it lies on the atlas."""
        return float(self.inside.sum() * np.prod(self.native.spacing_zyx_mm))


def resample_lesions(labels: Volume, grid: Volume, to_atlas: Array) -> LesionsOnAtlas:
    """A label map by nearest neighbour on the atlas grid.

    A lesion whose volume or centre did not survive is drawn again, by linear interpolation or as a ball. One that
    lies mostly outside the atlas is left out and named.
    """
    found = np.zeros(grid.array.shape, np.uint16)
    lesions = _lesions(labels, grid, to_atlas)
    for lesion in lesions:
        if lesion.box is not None:
            nearest = resample_mask(lesion.native, cut(grid, lesion.box), to_atlas)
            found[lesion.box][nearest > 0] = lesion.value
    lost, warnings = [], []
    for lesion in lesions:
        share = float(lesion.inside.mean())
        mine = np.zeros(0, bool) if lesion.box is None else found[lesion.box] == lesion.value
        if share < LEAST_ON_ATLAS:
            if lesion.box is not None:
                found[lesion.box][mine] = 0
            lost.append(lesion.value)
            warnings.append(f"Lesion {lesion.value} lies outside the atlas after registration ({1 - share:.0%} of it) "
                            "and was left out. Is the mask of this scan? Look at the scan's picture.")
            continue
        if share < 1:
            warnings.append(f"Lesion {lesion.value} is cut at the edge of the atlas: {1 - share:.0%} of it is lost.")
            if mine.any():
                continue
        if _redrawn(lesion, found, grid, to_atlas):
            warnings.append(f"Lesion {lesion.value} is small for its voxels; its mask was redrawn on the atlas grid.")
    return LesionsOnAtlas(found, tuple(lost), tuple(warnings))


def _lesions(labels: Volume, grid: Volume, to_atlas: Array) -> list[_Lesion]:
    """The lesions by ascending value."""
    from scipy.ndimage import find_objects

    whole = box_around(labels.array > 0)
    if whole is None:
        return []
    part = cut(labels, grown(whole, labels.array.shape))
    values = part.with_array(np.where(part.array > 0, part.array, 0).astype(np.uint16))
    lesions = []
    for value, box in enumerate(find_objects(values.array), start=1):
        if box is None:
            continue
        room = grown(box, values.array.shape)
        native = cut(values, room)
        native = native.with_array((native.array == value).astype(np.uint16))
        world = native.world_xyz_mm(np.argwhere(native.array)) @ to_atlas[:3, :3].T + to_atlas[:3, 3]
        index = grid.index_zyx(world)
        inside: npt.NDArray[np.bool_] = np.all(
            (index >= -0.5) & (index <= np.array(grid.array.shape) - 0.5), axis=1
        )
        # A ball of the same volume may be wider than the lesion.
        margin = _radius_mm(len(index) * float(np.prod(native.spacing_zyx_mm))) + 1
        lesions.append(_Lesion(value, native, index, inside,
                               box_on_grid(values, box, grid, to_atlas, margin_mm=margin)))
    return lesions


def _redrawn(lesion: _Lesion, found: npt.NDArray[np.uint16], grid: Volume, to_atlas: Array) -> bool:
    """Whether the lesion in `found` had to be drawn again, which is done there."""
    if lesion.box is None:
        return False
    part = found[lesion.box]
    target = lesion.index_zyx[lesion.inside].mean(axis=0) - [s.start for s in lesion.box]
    if _fits(part == lesion.value, target, lesion.volume_mm3):
        return False
    part[part == lesion.value] = 0
    redrawn = resample_image(lesion.native, cut(grid, lesion.box), to_atlas, interpolation="linear") >= 0.5
    if not _fits(redrawn, target, lesion.volume_mm3):
        redrawn = _ball(part.shape, target, lesion.volume_mm3)
    free = redrawn & (part == 0)
    # Inside another lesion nothing is free: the small one would be lost, the large one can spare the place.
    part[free if free.any() else redrawn] = lesion.value
    return True


def _fits(mask: Array, target_zyx_vox: Array, volume_mm3: float) -> bool:
    if not mask.any():
        return False
    shift = np.linalg.norm(np.argwhere(mask).mean(axis=0) - target_zyx_vox)
    ratio = float(mask.sum()) / volume_mm3
    return bool(shift <= MAXIMUM_SHIFT_MM and VOLUME_RATIO[0] <= ratio <= VOLUME_RATIO[1])


def _radius_mm(volume_mm3: float) -> float:
    """Of the ball of this volume; at least one voxel's."""
    return max(0.9, float(np.cbrt(3 * volume_mm3 / (4 * np.pi))))


def _ball(shape: tuple[int, ...], centre_zyx_vox: Array, volume_mm3: float) -> npt.NDArray[np.bool_]:
    """A ball of the lesion's volume at its centre, at least one voxel."""
    index = np.indices(shape, dtype=np.float32)
    distance = np.sqrt(sum((index[i] - centre_zyx_vox[i]) ** 2 for i in range(3)))
    ball: npt.NDArray[np.bool_] = distance <= _radius_mm(volume_mm3)
    return ball
