"""Checks of where a scan's masks lie: on the image, in the head, in the brain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import GeometryError
from rnnet.core.types import Problem
from rnnet.core.volume import Volume
from rnnet.dataset.head import Head, share_outside
from rnnet.dataset.lesion_check import lesion_boxes
from rnnet.dataset.lesions import Labels
from rnnet.dataset.mask_grid import place_mask
from rnnet.dataset.problems import error, warning

MOST_OUTSIDE_HEAD = 0.2
MOST_OUTSIDE_BRAIN = 0.5
Points = dict[int, npt.NDArray[np.float64]]


def place_on_image(path: Path, image: Volume, mask: Volume, *, brain: bool = False) -> tuple[Volume, list[Problem]]:
    """The mask where it is taken to be, and a problem if its grid is not the image's. brain: it is a brain mask."""
    other_grid, elsewhere = ("brain-mask-other-grid", "brain-mask-elsewhere") if brain else (
        "mask-other-grid", "mask-elsewhere")
    try:
        placed = place_mask(image, mask)
    except GeometryError as failure:
        return mask, [error(elsewhere, path, failure.problem, failure.fix)]
    if not placed.note:
        return placed.mask, []
    if placed.mask.same_grid(image):
        return placed.mask, [warning("geometry-slightly-off", path, placed.note, "Nothing need be done.")]
    if mask.array.shape == image.array.shape:
        fix = "It has as many voxels as the image: if it was drawn on it, its header is wrong; copy the image's."
    else:
        fix = "Nothing need be done if its header is right; look whether it lies on the lesion."
    return placed.mask, [warning(other_grid, path, placed.note, fix)]


def lesion_points(mask: Volume, labels: Labels) -> Points:
    """World positions (n, 3) in mm of the voxels of every lesion value."""
    points = {}
    for value, box in lesion_boxes(labels).items():
        inside = np.argwhere(labels[box] == value) + [edge.start for edge in box]
        points[value] = mask.world_xyz_mm(inside)
    return points


def check_in_image(path: Path, image: Volume, points: Points) -> list[Problem]:
    """Lesions of which nothing lies inside the image's box."""
    box = image.with_array(np.broadcast_to(np.True_, image.array.shape))
    return [
        error("lesion-outside-image", path, f"The lesion {value} lies outside the image.",
              "Correct the mask's header, or remove the lesion and its row.")
        for value, world in points.items() if share_outside(box, world) == 1
    ]


def check_in_head(path: Path, head: Head, points: Points) -> list[Problem]:
    """Lesions that lie in the air, or in the zeroed background of a stripped scan."""
    shares = {value: share_outside(head.region, world) for value, world in points.items()}
    return [
        warning("lesion-outside-head", path, f"{share:.0%} of the lesion {value} lies outside the head.",
                "Look at image and mask together: the mask may be of another scan, flipped or shifted.")
        for value, share in shares.items() if share > MOST_OUTSIDE_HEAD
    ]


def check_in_brain(path: Path, brain: Volume, points: Points) -> list[Problem]:
    """Lesions that lie outside the user's brain mask."""
    shares = {value: share_outside(brain, world) for value, world in points.items()}
    return [
        warning("lesion-outside-brain", path, f"{share:.0%} of the lesion {value} lies outside the brain mask.",
                "Look at both: correct the brain mask, or remove it so that the skull-stripper finds the brain.")
        for value, share in shares.items() if share > MOST_OUTSIDE_BRAIN
    ]
