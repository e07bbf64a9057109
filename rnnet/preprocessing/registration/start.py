"""Where the registration starts: a coarse search over positions and nods of the head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError
from rnnet.preprocessing.registration.quality import mutual_information
from rnnet.preprocessing.registration.reference import ReferenceLevel, WorkingImage

if TYPE_CHECKING:
    import SimpleITK as sitk

# The neck in the field of view moves the centre of mass down, a cut vertex too.
_SHIFTS_S_MM = (-40.0, -20.0, 0.0, 20.0, 40.0)
# Heads nod more than they turn.
_NODS_DEGREES = (-20.0, 0.0, 20.0)
_DISTINCT_SHIFT_MM = 15.0
_DISTINCT_DEGREES = 15.0
# Scans that cover less of the reference region than this cannot be judged.
_LEAST_COVERED = 0.2


@dataclass(frozen=True, slots=True)
class Start:
    """A candidate: atlas points turned about `center_xyz_mm` and then shifted lie on the scan."""

    name: str
    center_xyz_mm: tuple[float, float, float]
    shift_xyz_mm: tuple[float, float, float]
    nod_degrees: float
    score: float = 0.0

    def transform(self) -> sitk.Euler3DTransform:
        """World points of the atlas to world points of the scan."""
        import SimpleITK as sitk

        return sitk.Euler3DTransform(self.center_xyz_mm, float(np.deg2rad(self.nod_degrees)), 0.0, 0.0,
                                     self.shift_xyz_mm)


def best_starts(reference: ReferenceLevel, scan: WorkingImage, *, count: int) -> list[Start]:
    """The `count` most promising starts that differ from each other, best first.

    Raises:
        CaseFailedError: the scan has no foreground, or no start brings it onto the atlas.
    """
    if not scan.foreground.any():
        raise CaseFailedError("The scan has no foreground.", fix="Look at the image: is it empty?")
    scored = []
    for start in _candidates(reference, scan):
        score = likeness(reference, scan, start.transform())
        if score > 0:
            scored.append(Start(start.name, start.center_xyz_mm, start.shift_xyz_mm, start.nod_degrees, score))
    if not scored:
        raise CaseFailedError("Scan and atlas cannot be brought to overlap.",
                              fix="Look at the image: is it a head, and is its header right?")
    chosen: list[Start] = []
    for start in sorted(scored, key=lambda s: -s.score):
        if len(chosen) < count and all(_differ(start, other) for other in chosen):
            chosen.append(start)
    return chosen


def likeness(reference: ReferenceLevel, scan: WorkingImage, transform: sitk.Transform) -> float:
    """Mutual information (nats) under a transform, times the share of the reference region that the scan covers.

    The share keeps apart a good fit from a sliver of overlap that happens to look alike.
    """
    from scipy.ndimage import map_coordinates

    points = reference.fixed.volume.world_xyz_mm(np.argwhere(reference.region))
    index = scan.volume.index_zyx(_moved(transform, points))
    inside = ((index >= -0.5) & (index <= np.array(scan.volume.array.shape) - 0.5)).all(axis=1)
    share = float(inside.mean())
    if share < _LEAST_COVERED:
        return 0.0
    values = map_coordinates(scan.volume.array, index[inside].T, order=1, mode="nearest")
    return share * mutual_information(reference.fixed.volume.array[reference.region][inside], values)


def _candidates(reference: ReferenceLevel, scan: WorkingImage) -> Iterator[Start]:
    center = reference.fixed.center_xyz_mm
    middle = [v.world_xyz_mm((np.array(v.array.shape) - 1) / 2) for v in (reference.fixed.volume, scan.volume)]
    shifts = {
        "centres of mass": scan.center_xyz_mm - center,
        "centres of the grids": middle[1] - middle[0],
        "world coordinates": np.zeros(3),
    }
    for (name, shift), up, nod in product(shifts.items(), _SHIFTS_S_MM, _NODS_DEGREES):
        yield Start(name, _triple(center), _triple(shift + np.array([0.0, 0.0, up])), nod)


def _triple(point: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(c) for c in point)
    return x, y, z


def _differ(a: Start, b: Start) -> bool:
    shift = np.linalg.norm(np.subtract(a.shift_xyz_mm, b.shift_xyz_mm))
    return bool(shift > _DISTINCT_SHIFT_MM or abs(a.nod_degrees - b.nod_degrees) > _DISTINCT_DEGREES)


def _moved(transform: sitk.Transform, points_xyz_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    matrix = matrix_of(transform)
    moved: npt.NDArray[np.float64] = points_xyz_mm @ matrix[:3, :3].T + matrix[:3, 3]
    return moved


def matrix_of(transform: sitk.Transform) -> npt.NDArray[np.float64]:
    """(4, 4) matrix of a rigid transform."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    for column, axis in enumerate(np.eye(3).tolist()):
        matrix[:3, column] = np.array(transform.TransformPoint(axis)) - origin
    matrix[:3, 3] = origin
    return matrix
