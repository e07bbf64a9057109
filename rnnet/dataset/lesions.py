"""Which voxels of a mask belong to which lesion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import FileFormatError

# Smaller specks of a binary mask are noise of the segmentation; radiomics needs ten voxels as well.
MINIMUM_LESION_VOX = 10
Labels = npt.NDArray[np.uint16]


def whole_labels(mask: npt.NDArray[np.generic]) -> Labels:
    """The mask (z, y, x) as uint16.

    Raises:
        FileFormatError: a value is not a whole number from 0 to 65535.
    """
    with np.errstate(invalid="ignore"):  # a cast that does not fit is found by the comparison
        labels = mask.astype(np.uint16)
    if mask.dtype not in (np.uint8, np.uint16, np.bool_) and not np.array_equal(labels, mask):
        wrong = mask[labels != mask].ravel()[:3]
        raise FileFormatError(
            f"The mask has values that are not whole numbers from 0 to 65535, for example "
            f"{', '.join(str(v) for v in wrong.tolist())}.",
            fix="Save the mask with whole numbers; resample masks by nearest neighbour only.",
        )
    return labels


def lesion_labels(mask: npt.NDArray[np.generic], *, components: bool) -> Labels:
    """Lesion numbers (z, y, x), uint16, 0 outside.

    components=False: the mask's own values. components=True: every 26-connected component of the voxels above 0
    is a lesion; components under 10 voxels are dropped, the others are numbered from 1 in scan order.

    Raises:
        FileFormatError: the mask has values that are not whole numbers.
    """
    labels = whole_labels(mask)
    if not components:
        return labels
    from scipy import ndimage

    numbered = np.zeros_like(labels)
    box = ndimage.find_objects((labels > 0).view(np.uint8))
    if not box:
        return numbered
    # Lesions fill a small part of a head; labelling their bounding box alone is many times faster.
    found, count = ndimage.label(labels[box[0]] > 0, structure=np.ones((3, 3, 3)))
    sizes = np.bincount(found.ravel(), minlength=count + 1)
    kept = np.flatnonzero(sizes[1:] >= MINIMUM_LESION_VOX) + 1
    number = np.zeros(count + 1, np.uint16)
    number[kept] = np.arange(1, len(kept) + 1)
    numbered[box[0]] = number[found]
    return numbered


def voxel_counts(labels: Labels) -> dict[int, int]:
    """Voxels of every lesion value that occurs, in ascending order."""
    inside = labels[labels > 0]
    counts = np.bincount(inside) if inside.size else np.zeros(0, int)
    return {int(v): int(counts[v]) for v in np.flatnonzero(counts)}
