"""For scans that are skull-stripped already."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Volume


class NoStripper:
    """The brain is what is not zero."""

    name = "none"
    version = ""

    def brain_mask(self, image: Volume) -> npt.NDArray[np.bool_]:
        """(z, y, x) bool: voxels above zero, holes filled."""
        from scipy.ndimage import binary_fill_holes

        filled: npt.NDArray[np.bool_] = binary_fill_holes(image.array > 0)
        return filled
