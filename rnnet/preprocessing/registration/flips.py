"""Does a scan lie the wrong way round, or is it mirrored? Judged by how well it fits the atlas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Array, Volume
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
from rnnet.preprocessing.registration.rigid import descend, descent
from rnnet.preprocessing.registration.start import (
    WORTH_A_HALF_TURN,
    Start,
    matrix_of,
    scored_starts,
    turn_degrees,
)

Flip = Literal["left-right", "front-back", "up-down", "front-back and up-down"]
# A mirrored atlas must be this much more alike before a mirror is suspected. The two halves of a brain look nearly
# the same, and people differ: of six true heads, three were up to 4 % more alike to the mirrored atlas.
SUSPECT_MIRROR = 1.15
# A descent makes a start more alike by less than this; starts that are further behind need none.
_DESCENT_GAIN = 1.3


@dataclass(frozen=True, slots=True)
class FlipFinding:
    """A scan that another handedness or a turn of 180 degrees brings clearly closer to the atlas.

    likeness: mutual information with the atlas (nats) times covered share, as the scan lies and as it fits best.
    """

    kind: Flip
    likeness_as_is: float
    likeness_best: float

    @property
    def message(self) -> str:
        """One sentence or two for the user."""
        gain = f"likeness to the atlas {self.likeness_best:.2f} instead of {self.likeness_as_is:.2f}"
        if self.kind == "left-right":
            return f"The scan may be mirrored left-right: {gain}. Compare it with the images of its archive."
        return (f"The scan lies {self.kind} the wrong way round, turned or mirrored: {gain}. Its header is wrong; "
                "a mirror also exchanges left and right. Convert it from DICOM again.")


def suspect_flip(brain: Volume, atlas: Atlas) -> FlipFinding | None:
    """What is wrong with the handedness or the direction of a skull-stripped scan (LPS axes, 0 outside the brain).

    A head turned by less than a right angle is as it should be. One mirrored front-back or up-down equals one turned
    by 180 degrees and mirrored left-right, and the atlas tells left from right poorly: such findings do not say which
    of both it is, and a left-right mirror is suspected of strikingly asymmetric heads only.

    Raises:
        CaseFailedError: the scan is empty or cannot be brought onto the atlas at all.
    """
    spacing = search_spacing_mm(atlas)
    scan = working_image(brain, spacing)
    levels = [reference_level(atlas, spacing, mirrored=mirrored) for mirrored in (False, True)]
    found = [scored_starts(level, scan) for level in levels]
    as_is = max((_refined(levels[0], scan, s)[1] for s in _best(found[0], turned_round=False)), default=0.0)
    others = [
        (level, start) for level, starts, turned in zip((*levels, levels[1]), (*found, found[1]), (True, True, False),
                                                        strict=True)
        for start in _best(starts, turned_round=turned) if start.score > as_is / _DESCENT_GAIN
    ]
    refined = [_refined(level, scan, start) for level, start in others]
    if not refined:
        return None
    pose, best = max(refined, key=lambda r: r[1])
    kind = _kind(pose)
    if best <= as_is * (SUSPECT_MIRROR if kind == "left-right" else WORTH_A_HALF_TURN):
        return None
    return FlipFinding(kind, round(as_is, 4), round(best, 4))


def _best(starts: list[Start], *, turned_round: bool) -> list[Start]:
    """The best start of those that turn the head round, or of those that do not; none if there is none."""
    return [s for s in starts if s.turned_round == turned_round][:1]


def _refined(
    level: ReferenceLevel, scan: WorkingImage, start: Start
) -> tuple[npt.NDArray[np.float64], float]:
    """The pose (4, 4) that a descent from the start ends in, and its likeness; never worse than the start."""
    method = descent(RegistrationPlan(), level, 1.0, seed=0, step_mm=level.fixed.volume.spacing_zyx_mm[0])
    try:
        found = matrix_of(descend(method, level, scan, start.transform()))
    except CaseFailedError:  # the descent left the scan: its start is the best that is known
        return start.to_scan, start.score
    score = likeness(level, scan, found)
    return (found, score) if score > start.score else (start.to_scan, start.score)


def _kind(pose: Array) -> Flip:
    """Which of the axes y and z a pose turns round; left and right if none."""
    if turn_degrees(pose[:3, :3]) <= 90:
        return "left-right"
    turns: dict[Flip, Array] = {
        "front-back": np.diag([-1.0, -1.0, 1.0]), "up-down": np.diag([-1.0, 1.0, -1.0]),
        "front-back and up-down": np.diag([1.0, -1.0, -1.0]),
    }
    return min(turns, key=lambda kind: turn_degrees(pose[:3, :3] @ turns[kind]))
