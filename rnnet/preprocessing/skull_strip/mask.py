"""For scans that come with a brain mask of their own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError
from rnnet.core.types import Scan
from rnnet.core.volume import Volume, read_volume
from rnnet.planning.plan import SkullStripPlan

# A mask may reach beyond the scan, but not with most of its volume.
_LEAST_INSIDE = 0.5


class GivenMaskStripper:
    """The brain is what the user's mask says. None: the scan has no mask."""

    name = "mask"
    version = ""

    def __init__(self, mask: Volume | None = None) -> None:
        self.mask = mask

    def brain_mask(self, image: Volume) -> npt.NDArray[np.bool_]:
        """(z, y, x) bool: the given mask (0.5 or more) on the image's grid, nearest neighbour in world space.

        Raises:
            CaseFailedError: there is no mask, or most of it lies outside the image.
        """
        import SimpleITK as sitk

        if self.mask is None:
            raise CaseFailedError("The scan has no brain mask of its own, and the plan wants one.", fix=_CURE)
        brain = self.mask.array >= 0.5
        given = self.mask.with_array(brain.astype(np.uint8)).to_sitk()
        target = image.with_array(np.zeros(image.array.shape, np.uint8)).to_sitk()
        resampled = sitk.Resample(given, target, sitk.Transform(), sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
        found: npt.NDArray[np.bool_] = sitk.GetArrayFromImage(resampled) > 0
        if found.sum() * np.prod(image.spacing_zyx_mm) < _LEAST_INSIDE * brain.sum() * np.prod(
            self.mask.spacing_zyx_mm
        ) or not found.any():
            raise CaseFailedError("The brain mask is empty or does not lie on the scan.",
                                  fix="Is the mask of this scan? Compare the headers of both files.")
        return found


def read_brain_mask(scan: Scan, plan: SkullStripPlan) -> Volume | None:
    """The user's brain mask of a scan where the plan takes one: for 'mask', and for 'auto' if there is one.

    Raises:
        CaseFailedError: the plan's stripper is 'mask', and the scan has none; the message names the file.
        FileFormatError: the file cannot be read.
    """
    if plan.stripper not in ("auto", "mask"):
        return None
    if scan.brain_path is not None:
        return read_volume(scan.brain_path)
    if plan.stripper == "mask":
        folder = "brainsTr" if scan.split == "train" else "brainsTs"
        raise CaseFailedError(f"The brain mask {folder}/{scan.scan_id} is not there, and the plan wants one.",
                              fix=_CURE)
    return None


_CURE = (
    "Put it into brainsTr or brainsTs under the scan's name (for new scans into the folder of --brain_masks), "
    "or plan with --set preprocessing.skull_strip.stripper=auto."
)
