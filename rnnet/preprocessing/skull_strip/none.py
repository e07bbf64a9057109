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
        """(z, y, x) bool: voxels that are not zero (a scan may be z-scored already), holes filled."""
        from scipy.ndimage import find_objects, label

        brain: npt.NDArray[np.bool_] = image.array != 0
        box = find_objects(brain.view(np.uint8))
        if not box:
            return brain
        # Whatever of the background is not joined to the corner of the padded box is a hole.
        background, _ = label(np.pad(~brain[box[0]], 1, constant_values=True))
        brain[box[0]] = background[1:-1, 1:-1, 1:-1] != background[0, 0, 0]
        return brain
