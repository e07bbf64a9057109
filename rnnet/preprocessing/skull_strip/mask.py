"""For scans that come with a brain mask of their own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Volume


class GivenMaskStripper:
    """The brain is what the user's mask says."""

    name = "mask"
    version = ""

    def __init__(self, mask: Volume) -> None:
        self.mask = mask

    def brain_mask(self, image: Volume) -> npt.NDArray[np.bool_]:
        """(z, y, x) bool: the given mask on the image's grid, nearest neighbour in world space.

        Raises:
            CaseFailedError: the mask does not touch the image.
        """
        import SimpleITK as sitk

        given = self.mask.with_array((self.mask.array > 0).astype(np.uint8)).to_sitk()
        target = image.with_array(np.zeros(image.array.shape, np.uint8)).to_sitk()
        resampled = sitk.Resample(given, target, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
        found: npt.NDArray[np.bool_] = sitk.GetArrayFromImage(resampled) > 0
        if not found.any():
            raise CaseFailedError("The brain mask is empty or does not touch the scan.",
                                  fix="Is the mask of this scan? Compare the headers of both files.")
        return found
