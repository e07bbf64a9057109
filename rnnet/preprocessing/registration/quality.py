"""How well a scan lies on the atlas, and how far two transforms to it differ."""

from __future__ import annotations

import numpy as np

from rnnet.core.volume import Array
from rnnet.preprocessing.atlas import Atlas

_LANDMARK_STEP_VOX = 16


def overlap(brain: Array, atlas_brain: Array, field_of_view: Array) -> float:
    """Dice of two brain masks (z, y, x) inside the scan's field of view; 0 where both are empty.

    A scan whose vertex was cut off is judged by what it shows.
    """
    seen = np.asarray(field_of_view, bool)
    ours, theirs = np.asarray(brain, bool) & seen, np.asarray(atlas_brain, bool) & seen
    total = int(ours.sum() + theirs.sum())
    return 2.0 * int((ours & theirs).sum()) / total if total else 0.0


def correlation(image: Array, atlas_image: Array, region: Array) -> float:
    """Pearson correlation of two images inside a region; 0 where one of them is constant."""
    inside = np.asarray(region, bool)
    a, b = image[inside].astype(np.float64), atlas_image[inside].astype(np.float64)
    if a.size < 2 or a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def mutual_information(a: Array, b: Array, *, bins: int = 32) -> float:
    """Mutual information in nats of paired samples, from their joint histogram; 0 for a constant or no sample."""
    if a.size == 0 or a.min() == a.max() or b.min() == b.max():
        return 0.0
    index = _bin(a, bins) * bins + _bin(b, bins)
    joint = np.bincount(index, minlength=bins * bins).reshape(bins, bins) / a.size
    expected = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / expected[seen])).sum())


def _bin(values: Array, bins: int) -> Array:
    low, high = float(values.min()), float(values.max())
    scaled: Array = ((values - low) * (bins / (high - low))).astype(np.int64)
    return np.minimum(scaled, bins - 1)


def landmark_distance_mm(atlas: Atlas, one: Array, other: Array) -> float:
    """Mean distance between where two (4, 4) scan-to-atlas transforms put the points of the atlas's brain.

    The points are every 16th voxel of the brain along each axis; where `other` puts them is their true place.
    """
    step = _LANDMARK_STEP_VOX
    points = atlas.brain.world_xyz_mm(np.argwhere(atlas.brain.array[::step, ::step, ::step] > 0) * step)
    change = one @ np.linalg.inv(other)
    moved = points @ change[:3, :3].T + change[:3, 3]
    return float(np.linalg.norm(moved - points, axis=1).mean())
