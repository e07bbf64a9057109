"""All checks of one lesion mask."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rnnet.core.errors import FileFormatError
from rnnet.core.types import Problem
from rnnet.core.volume import Volume
from rnnet.dataset.head import Head
from rnnet.dataset.lesion_check import check_against_table, check_components, check_values
from rnnet.dataset.lesions import lesion_labels, voxel_counts, whole_labels
from rnnet.dataset.place_check import Points, check_in_head, check_in_image, lesion_points, place_on_image
from rnnet.dataset.problems import error, warning


@dataclass(frozen=True, slots=True, eq=False)
class MaskCheck:
    """What the check of one mask found.

    if_values, if_components: further problems of a pool's mask, if every mask value is a lesion, or if every connected
    component is one; which of the two holds is known when all masks of the pool were seen. n_values: values beside 0.
    points: where the lesions lie, if that can be said.
    """

    problems: list[Problem] = field(default_factory=list)
    if_values: list[Problem] = field(default_factory=list)
    if_components: list[Problem] = field(default_factory=list)
    n_values: int = 0
    points: Points = field(default_factory=dict)


def check_mask(
    path: Path, mask: Volume, image: Volume | None, head: Head | None, values: tuple[int, ...] | None
) -> MaskCheck:
    """All problems of a mask that could be read.

    image, head: of the same scan, as far as they are there. values: the lesions that cases.csv names; None in a pool.
    """
    try:
        labels = whole_labels(mask.array)
    except FileFormatError as failure:
        return MaskCheck([error("mask-values-not-whole", path, failure.problem, failure.fix)])
    counts = voxel_counts(labels)
    if not counts:
        level = error if values is not None else warning
        return MaskCheck([level("empty-mask", path, "The mask has no lesion: all voxels are 0.",
                                "Draw the lesions, or remove the scan.")])
    placed = mask
    problems: list[Problem] = []
    if image is not None:
        placed, problems = place_on_image(path, image, mask)
    lies_elsewhere = any(p.level == "error" for p in problems)
    points = {} if lies_elsewhere else lesion_points(placed, labels)
    if values is not None:
        problems += check_against_table(path, counts, values)
        problems += check_values(path, placed, labels, [v for v in counts if v in values])
        problems += _check_places(path, image, head, {v: p for v, p in points.items() if v in values})
        return MaskCheck(problems, n_values=len(counts), points=points)
    by_value = check_values(path, placed, labels, counts) + _check_places(path, image, head, points)
    by_component: list[Problem] = []
    if len(counts) == 1:
        by_component = check_components(path, placed, labels)
        if not lies_elsewhere:
            numbered = lesion_labels(labels, components=True)
            by_component += _check_places(path, image, head, lesion_points(placed, numbered))
    return MaskCheck(problems, by_value, by_component, len(counts), points)


def _check_places(path: Path, image: Volume | None, head: Head | None, points: Points) -> list[Problem]:
    """Where the lesions lie; one outside the image is not also said to be outside the head."""
    if image is None:
        return []
    outside = check_in_image(path, image, points)
    if outside or head is None:
        return outside
    return check_in_head(path, head, points)
