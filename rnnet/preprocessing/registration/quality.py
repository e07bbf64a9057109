"""How well a scan lies on the atlas."""

from __future__ import annotations

import numpy as np

from rnnet.core.volume import Array


def overlap(brain: Array, atlas_brain: Array, field_of_view: Array) -> float:
    """Dice of two brain masks (z, y, x) inside the scan's field of view; 0 where both are empty.

    A scan whose vertex was cut off is judged by what it shows.
    """
    ours, theirs = (brain > 0) & (field_of_view > 0), (atlas_brain > 0) & (field_of_view > 0)
    total = int(ours.sum() + theirs.sum())
    return 2.0 * int((ours & theirs).sum()) / total if total else 0.0


def correlation(image: Array, atlas_image: Array, region: Array) -> float:
    """Pearson correlation of two images inside a region; 0 where one of them is constant."""
    a, b = image[region > 0].astype(np.float64), atlas_image[region > 0].astype(np.float64)
    if a.size < 2 or a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
