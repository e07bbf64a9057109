"""Where the registration starts: a coarse search over positions, nods and turns of the head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Array
from rnnet.preprocessing.registration.reference import ReferenceLevel, WorkingImage, likeness

if TYPE_CHECKING:
    import SimpleITK as sitk

# The neck in the field of view moves the centre of mass down, a cut vertex too.
_SHIFTS_S_MM = (-40.0, -20.0, 0.0, 20.0, 40.0)
# Heads nod more than they turn.
_NODS_DEGREES = (-20.0, 0.0, 20.0)
# Half turns about no axis and about x, y and z.
_HALF_TURNS = ((1.0, 1.0, 1.0), (1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (-1.0, -1.0, 1.0))
_DISTINCT_SHIFT_MM = 15.0
_DISTINCT_DEGREES = 15.0
# A start that turns the head round must be this much more alike than any that does not: heads seldom lie so.
WORTH_A_HALF_TURN = 1.2


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A candidate. to_scan: (4, 4), world points of the atlas to world points of the scan."""

    name: str
    center_xyz_mm: tuple[float, float, float]
    to_scan: npt.NDArray[np.float64]
    score: float

    @property
    def turned_round(self) -> bool:
        """Whether the head is turned by more than a right angle."""
        return turn_degrees(self.to_scan[:3, :3]) > 90

    def transform(self) -> sitk.Euler3DTransform:
        """World points of the atlas to world points of the scan, turning about the atlas's brain."""
        import SimpleITK as sitk

        transform = sitk.Euler3DTransform()
        transform.SetCenter(self.center_xyz_mm)
        transform.SetMatrix(self.to_scan[:3, :3].ravel().tolist(), 1e-6)
        center = np.array(self.center_xyz_mm)
        transform.SetTranslation((self.to_scan[:3, :3] @ center + self.to_scan[:3, 3] - center).tolist())
        return transform


def best_starts(reference: ReferenceLevel, scan: WorkingImage, *, count: int) -> list[Start]:
    """The `count` most promising starts that differ from each other, best first.

    Raises:
        CaseFailedError: the scan has no foreground, or no start brings it onto the atlas.
    """
    starts = scored_starts(reference, scan)
    upright = [s for s in starts if not s.turned_round]
    if upright and starts[0].score < WORTH_A_HALF_TURN * upright[0].score:
        starts = upright
    chosen: list[Start] = []
    for start in starts:
        if len(chosen) < count and all(_differ(start, other) for other in chosen):
            chosen.append(start)
    return chosen


def scored_starts(reference: ReferenceLevel, scan: WorkingImage) -> list[Start]:
    """All starts that bring the scan onto the atlas, the most alike first; heads turned round are among them.

    Raises:
        CaseFailedError: as best_starts.
    """
    if np.count_nonzero(scan.foreground) < 2:
        raise CaseFailedError("The scan has no foreground.", fix="Look at the image: is it empty?")
    center = reference.fixed.center_xyz_mm
    place = (float(center[0]), float(center[1]), float(center[2]))
    starts = [Start(name, place, m, likeness(reference, scan, m)) for name, m in _candidates(reference, scan)]
    starts = sorted((s for s in starts if s.score > 0), key=lambda s: -s.score)
    if not starts:
        raise CaseFailedError("Scan and atlas cannot be brought to overlap.",
                              fix="Look at the image: is it a head, and is its header right?")
    return starts


def _candidates(reference: ReferenceLevel, scan: WorkingImage) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    center = reference.fixed.center_xyz_mm
    by_mass = scan.center_xyz_mm - center
    shifts = {
        "centres of mass": by_mass,
        "centres of the grids": scan.grid_center_xyz_mm - reference.fixed.grid_center_xyz_mm,
        "world coordinates": np.zeros(3),
    }
    upright = np.eye(3)
    turns = [(name, shift, upright) for name, shift in shifts.items()]
    turns += [("half turns", by_mass, np.diag(signs)) for signs in _HALF_TURNS[1:]]
    ours, theirs = scan.principal_axes_xyz, reference.fixed.principal_axes_xyz
    turns += [("principal axes", by_mass, ours @ np.diag(signs) @ theirs.T) for signs in _HALF_TURNS]
    for (name, shift, turn), up, nod in product(turns, _SHIFTS_S_MM, _NODS_DEGREES):
        yield name, _pose(turn, shift, up, nod, center)


def _pose(turn: Array, shift_xyz_mm: Array, up_mm: float, nod_degrees: float, center: Array) -> Array:
    """(4, 4): nod about the brain's centre, then turn, then shift; up is towards the head's vertex as it lies."""
    angle = np.deg2rad(nod_degrees)
    nod = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    pose = np.eye(4)
    pose[:3, :3] = turn @ nod
    pose[:3, 3] = center + shift_xyz_mm + turn @ np.array([0.0, 0.0, up_mm]) - pose[:3, :3] @ center
    return pose


def _differ(a: Start, b: Start) -> bool:
    center = np.array([*a.center_xyz_mm, 1.0])
    shift = np.linalg.norm((a.to_scan @ center - b.to_scan @ center)[:3])
    turn = turn_degrees(a.to_scan[:3, :3].T @ b.to_scan[:3, :3])
    return bool(shift > _DISTINCT_SHIFT_MM or turn > _DISTINCT_DEGREES)


def turn_degrees(rotation: Array) -> float:
    """Angle of a (3, 3) rotation."""
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))


def matrix_of(transform: sitk.Transform) -> npt.NDArray[np.float64]:
    """(4, 4) matrix of a rigid transform."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    for column, axis in enumerate(np.eye(3).tolist()):
        matrix[:3, column] = np.array(transform.TransformPoint(axis)) - origin
    matrix[:3, 3] = origin
    return matrix
