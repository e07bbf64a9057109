"""Masks whose values say where lesions are, but not which lesion is where; and scans with a mask for each lesion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnet.core.errors import FileFormatError
from rnnet.core.volume import Volume
from rnnet.dataset.converters.components import LesionInstances
from rnnet.dataset.lesions import whole_labels
from rnnet.dataset.mask_grid import on_image_grid


def above_half(parts: Sequence[Volume]) -> Volume:
    """1 where the mask is above half of its largest value, else 0 (uint8).

    For masks of 0 and 1, of 0 and 255, and for masks that were interpolated and have values between.

    Raises:
        FileFormatError: a value is negative or not finite.
    """
    array = parts[0].array
    largest = float(array.max(initial=0))
    if not np.isfinite(largest) or array.min(initial=0) < 0:
        raise FileFormatError("The mask has values below zero or values that are not finite.",
                              fix="Save the mask with 0 outside and one positive value inside.")
    return parts[0].with_array((array > largest / 2).astype(np.uint8))


def binary_lesions(parts: Sequence[Volume]) -> Volume:
    """A number for each lesion of a mask that only says where lesions are (uint16): see above_half.

    Lesions are the 26-connected components of at least 2 mm3.

    Raises:
        FileFormatError: a value is negative or not finite.
    """
    return LesionInstances(lesion_values=(1,), dilate=False)([above_half(parts)])


def one_lesion_each(parts: Sequence[Volume], *, values: Sequence[int]) -> Volume:
    """The value values[k] where part k is above zero (uint16), on the grid of the first part.

    Where lesions overlap, the smaller one keeps the voxels: written in the other order it could vanish in the larger.
    The number of such voxels stands in the volume's notes. A part on another grid is resampled, nearest neighbour.

    Raises:
        FileFormatError: a part has values that are not whole numbers.
    """
    lesions = [on_image_grid(parts[0], p.with_array(whole_labels(p.array))).array > 0 for p in parts]
    labels = np.zeros(parts[0].array.shape, np.uint16)
    taken = np.zeros(labels.shape, bool)
    shared = 0
    for index in sorted(range(len(lesions)), key=lambda i: (-np.count_nonzero(lesions[i]), i)):
        shared += int(np.count_nonzero(taken & lesions[index]))
        labels[lesions[index]] = values[index]
        taken |= lesions[index]
    note = f"Lesions overlap in {shared} voxels, which the smaller lesion keeps."
    return Volume(labels, parts[0].spacing_zyx_mm, parts[0].origin_xyz_mm, parts[0].direction_xyz,
                  (note,) if shared else ())
