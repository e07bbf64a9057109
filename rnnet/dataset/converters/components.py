"""Which voxels of a segmentation by tissue belong to which lesion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import FileFormatError
from rnnet.core.volume import Volume
from rnnet.dataset.lesions import Labels, whole_labels

# A sum of voxel volumes that should be the least volume exactly may miss it by rounding.
_ROUNDING_MM3 = 1e-6


@dataclass(frozen=True, slots=True)
class LesionInstances:
    """A rule (see source.LabelRule) from a mask whose values are tissues to one whose values are lesions.

    Lesion voxels are those with a value of `lesion_values`. With `dilate` they are first grown by one voxel over faces
    and edges, so that parts with up to two voxels between them count as one lesion. Each 26-connected component is a
    lesion; its number is put on the voxels of the mask as they are, not as they were grown. Lesions under
    `minimum_mm3` are left out; the others are numbered from 1 in scan order. Both are the definitions by which the
    BraTS-METS 2023 challenge counts lesions (Moawad et al. 2023, arXiv:2306.00838, and its published metrics).

    known_values: what else may stand in the mask; a value outside both is another labelling than was expected.
    """

    lesion_values: tuple[int, ...]
    known_values: tuple[int, ...] = (0,)
    dilate: bool = True
    minimum_mm3: float = 2.0

    def __call__(self, parts: Sequence[Volume]) -> Volume:
        """The mask of lesion numbers (uint16) on the grid of the first part.

        Raises:
            FileFormatError: a value is not a whole number, or is none of the expected ones.
        """
        labels = whole_labels(parts[0].array)
        self._check(labels)
        numbered = self._numbered(np.isin(labels, self.lesion_values), parts[0].spacing_zyx_mm)
        return parts[0].with_array(numbered)

    def _check(self, labels: Labels) -> None:
        expected = sorted({0, *self.lesion_values, *self.known_values})
        strange = sorted(set(np.flatnonzero(np.bincount(labels.ravel())).tolist()) - set(expected))
        if strange:
            raise FileFormatError(
                f"The mask has the value {strange[0]}; expected are {', '.join(map(str, expected))}.",
                fix="Its labels may follow another convention: renumber them.",
            )

    def _numbered(self, lesion: npt.NDArray[np.bool_], spacing_zyx_mm: tuple[float, float, float]) -> Labels:
        from scipy import ndimage

        numbered = np.zeros(lesion.shape, np.uint16)
        found = ndimage.find_objects(lesion.view(np.uint8))
        if not found:
            return numbered
        # Lesions fill a small part of a head; a margin of one voxel leaves room to grow.
        box = tuple(slice(max(0, edge.start - 1), edge.stop + 1) for edge in found[0])
        inside = lesion[box]
        grown = ndimage.binary_dilation(inside, ndimage.generate_binary_structure(3, 2)) if self.dilate else inside
        components, count = ndimage.label(grown, structure=np.ones((3, 3, 3)))
        components[~inside] = 0
        volumes_mm3 = np.bincount(components.ravel(), minlength=count + 1)[1:] * float(np.prod(spacing_zyx_mm))
        kept = np.flatnonzero(volumes_mm3 >= self.minimum_mm3 - _ROUNDING_MM3) + 1
        number = np.zeros(count + 1, np.uint16)
        number[kept] = np.arange(1, len(kept) + 1)
        numbered[box] = number[components]
        return numbered
