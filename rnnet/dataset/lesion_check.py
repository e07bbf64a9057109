"""Checks of the lesions that a mask holds: are they those of cases.csv, and do they look like lesions?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.types import Problem
from rnnet.core.volume import Volume
from rnnet.dataset.lesions import MINIMUM_LESION_VOX, Labels, lesion_labels, voxel_counts
from rnnet.dataset.problems import error, warning

# Parts of one lesion, for example a ring that the segmentation broke, lie nearer to each other than this.
APART_MM = 5.0
_MOST_PARTS = 50
_AXES = "zyx"
Box = tuple[slice, slice, slice]


def lesion_boxes(labels: Labels) -> dict[int, Box]:
    """Bounding box of every lesion value that occurs, in ascending order."""
    from scipy import ndimage

    found = ndimage.find_objects(labels)
    return {value: box for value, box in enumerate(found, start=1) if box is not None}


def check_against_table(path: Path, counts: Mapping[int, int], values: tuple[int, ...]) -> list[Problem]:
    """The values of the mask against those of cases.csv. counts: voxels of every value."""
    present = ", ".join(map(str, counts))
    problems = [
        error("lesion-value-absent", path, f"The lesion value {v} does not occur; the mask has {present}.",
              "Correct lesion_value in cases.csv, or the mask.")
        for v in values if v not in counts
    ]
    return problems + [
        warning("mask-without-case", path, f"The mask value {v} ({n} voxels) has no row in cases.csv.",
                "Add a row (the outcome may stay empty), or leave that lesion unused.")
        for v, n in counts.items() if v not in values
    ]


def check_values(path: Path, mask: Volume, labels: Labels, used: Iterable[int]) -> list[Problem]:
    """The lesions `used` of a mask in which every value is one lesion."""
    counts, boxes = voxel_counts(labels), lesion_boxes(labels)
    problems = []
    for value in used:
        if value not in counts:
            continue
        if counts[value] < MINIMUM_LESION_VOX:
            problems.append(_small(path, value, counts[value]))
            continue
        problems += _flat(path, mask, value, boxes[value])
        problems += _shared(path, mask, value, labels[boxes[value]] == value)
    return problems


def check_components(path: Path, mask: Volume, labels: Labels) -> list[Problem]:
    """The lesions of a binary mask in which every connected component is one lesion."""
    numbered = lesion_labels(labels, components=True)
    ignored = int(np.count_nonzero(labels)) - int(np.count_nonzero(numbered))
    problems = [p for value, box in lesion_boxes(numbered).items() for p in _flat(path, mask, value, box)]
    if ignored:
        problems.append(warning(
            "ignored-specks", path, f"{ignored} voxels lie in components of fewer than {MINIMUM_LESION_VOX} voxels, "
            "which a binary mask's lesions do not count.", "Remove them if they are noise."))
    return problems


def _small(path: Path, value: int, count: int) -> Problem:
    return warning("small-lesion", path, f"The lesion {value} has only {count} voxels.",
                   f"Check it; under {MINIMUM_LESION_VOX} voxels it gets no radiomics.")


def _flat(path: Path, mask: Volume, value: int, box: Box) -> list[Problem]:
    thin = [
        f"{name} (voxels of {mm:.3g} mm)"
        for name, edge, mm in zip(_AXES, box, mask.spacing_zyx_mm, strict=True) if edge.stop - edge.start == 1
    ]
    if not thin:
        return []
    return [warning("flat-lesion", path, f"The lesion {value} is one voxel thick along {' and '.join(thin)}.",
                    "Check whether its neighbouring slices were forgotten; in thick slices it may be right.")]


def _shared(path: Path, mask: Volume, value: int, lesion: npt.NDArray[np.bool_]) -> list[Problem]:
    """A finding if the voxels of one value lie in several places."""
    spacing = np.array(mask.spacing_zyx_mm)
    # Two parts with one empty slice between them are one lesion, however thick the slices are.
    apart_mm = max(APART_MM, 2 * float(spacing.max())) + 1e-3
    gaps = [gap for gap in part_gaps_mm(lesion, spacing) if gap > apart_mm]
    if not gaps:
        return []
    least, most = min(gaps), max(gaps)
    distance = f"{least:.0f} mm" if round(least) == round(most) else f"{least:.0f} to {most:.0f} mm"
    return [warning("shared-label", path, f"The value {value} marks {len(gaps) + 1} separate places, {distance} apart.",
                    "Give every lesion a value and a row of its own; leave it if the parts are one lesion.")]


def part_gaps_mm(lesion: npt.NDArray[np.bool_], spacing_zyx_mm: npt.NDArray[np.float64]) -> list[float]:
    """Distances (mm, between voxel centres) that must be bridged to join the parts of a lesion: one less than parts.

    A part is a 26-connected component of at least 10 voxels; of more than 50 the largest 50 count. The distances are
    the edges of the minimum spanning tree.
    """
    from scipy import ndimage, sparse
    from scipy.spatial import KDTree

    found, count = ndimage.label(lesion, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(found.ravel(), minlength=count + 1)[1:]
    parts = [i for i in np.argsort(-sizes, kind="stable")[:_MOST_PARTS] if sizes[i] >= MINIMUM_LESION_VOX]
    if len(parts) < 2:
        return []
    boxes = ndimage.find_objects(found)
    points = [_surface(found[boxes[i]] == i + 1, boxes[i]) * spacing_zyx_mm for i in parts]
    trees = [KDTree(p) for p in points]
    gaps = np.zeros((len(parts), len(parts)))
    for i, tree in enumerate(trees):
        for j in range(i + 1, len(parts)):
            few, other = (points[j], tree) if len(points[j]) < len(points[i]) else (points[i], trees[j])
            gaps[i, j] = other.query(few)[0].min()
    tree_edges: Any = sparse.csgraph.minimum_spanning_tree(gaps)
    return [float(gap) for gap in tree_edges.data]


def _surface(part: npt.NDArray[np.bool_], box: Box) -> npt.NDArray[np.float64]:
    """Indices (n, 3) of a part's voxels that have a neighbour outside it."""
    from scipy import ndimage

    first = [edge.start for edge in box]
    return np.asarray(np.argwhere(part & ~ndimage.binary_erosion(part)) + first, float)
