"""Radiomics of one lesion through pyradiomics."""

from __future__ import annotations

import math
import warnings
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError, GeometryError
from rnnet.core.volume import Volume
from rnnet.features.radiomics_backend import fast_extractor, feature_names
from rnnet.features.radiomics_settings import filter_reach_vox
from rnnet.features.table import FloatArray
from rnnet.planning.plan import FeaturesPlan
from rnnet.preprocessing.boxes import box_around, cut, grown

# Texture matrices grow with the square of the number of grey levels, the eigenvalues of MCC with its cube. A lesion
# that spans more levels than this (25 SD of the brain at the default settings) is a mistake in its intensities.
MAXIMUM_LEVELS = 500
# What pyradiomics says of the run beside the features; its own settings stand in the parameter file.
_DIAGNOSTICS = ("diagnostics_Versions", "diagnostics_Image", "diagnostics_Mask")


@dataclass(frozen=True, slots=True, eq=False)
class RadiomicsInput:
    """Image and lesion mask of one case on the same grid: a preprocessed scan, or the part of it around the lesion.

    image: z-scored in the brain, 0 outside. mean, sd: of all voxels of the scan, where the plan normalises by them;
    else 0 and 1. start_zyx_vox: where the part begins on the scan's grid.
    """

    image: Volume
    mask: Volume
    mean: float = 0.0
    sd: float = 1.0
    start_zyx_vox: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def of_crop(cls, array: npt.NDArray[Any]) -> RadiomicsInput:
        """From a preprocessed crop (2, z, y, x): T1CE and lesion mask at 1 mm."""
        spacing = (1.0, 1.0, 1.0)
        return cls(Volume(array[0], spacing), Volume(array[1] > 0, spacing))

    @property
    def crc32(self) -> int:
        """Checksum of the voxels of image and mask, and of what normalises them."""
        found = zlib.crc32(np.array([self.mean, self.sd]).tobytes())
        for array in (self.image.array, self.mask.array > 0):
            found = zlib.crc32(np.ascontiguousarray(array).tobytes(), found)
        return found

    def grey_values(self, scale: float) -> Volume:
        """The image as pyradiomics gets it, or as its own normalisation makes it: float64, times the plan's scale."""
        # Shift, factor and scale one after the other, as ITK computes them: the last bit is the same.
        values = (self.image.array.astype(np.float64) - self.mean) * (1.0 / self.sd) * scale
        return self.image.with_array(values)

    def cut_to_lesion(self, margin_vox: int) -> RadiomicsInput:
        """The part with the lesion's box and a margin, which ends at the edge of the grid."""
        box = box_around(self.mask.array > 0)
        if box is None:
            return self
        box = grown(box, self.mask.array.shape, margin_vox)
        z, y, x = (old + s.start for old, s in zip(self.start_zyx_vox, box, strict=True))
        return replace(self, image=cut(self.image, box), mask=cut(self.mask, box), start_zyx_vox=(z, y, x))


@dataclass(frozen=True, slots=True, eq=False)
class Extraction:
    """values: (f,) features, NaN for one that is not defined on this lesion. diagnostics: pyradiomics' own, as texts.

    Diagnostics describe the part of the scan around the lesion, which is what the filters saw; window_start_zyx_vox
    says where it begins.
    """

    values: FloatArray
    diagnostics: dict[str, str]


@dataclass(frozen=True, slots=True)
class RadiomicsExtractor:
    """pyradiomics with the plan's settings, see rnnet.features.radiomics_settings.

    Image types: original, with plan.wavelet the 8 level-1 coif1 decompositions, and one Laplacian of Gaussian for
    each plan.log_sigma_mm. Classes: first order, GLCM, GLRLM, GLSZM, GLDM and NGTDM of every image (93 features) and
    3-D shape once (14): 12 x 93 + 14 = 1,130 with the default plan. `diagnostics_*` entries are not features.

    Intensities: pyradiomics' own `normalize` takes mean and SD over the whole image, most of which is empty after
    skull-stripping, and how much depends on the size of the head. The scan is z-scored inside the brain already, so
    by default `normalize` stays off and the z-score is multiplied by plan.normalize_scale: the same unit (SD of the
    brain x scale) in which plan.bin_width is given. plan.normalize 'image' takes pyradiomics' own way.

    Only the lesion and the reach of the widest filter around it are filtered. That is what pyradiomics' `preCrop`
    with the same `padDistance` leaves of a whole scan, so the values are those of the whole scan.
    """

    plan: FeaturesPlan

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, <image type>_<class>_<feature> in pyradiomics' spelling, in the order of a row."""
        return feature_names(self.plan)

    def extract(self, given: RadiomicsInput) -> Extraction:
        """All features of the voxels where the mask is above 0.

        Raises:
            CaseFailedError: the lesion is too small, lies in one slice, has non-finite or implausible intensities,
                or pyradiomics refuses it.
            GeometryError: image and mask do not lie on the same grid.
        """
        if not given.image.same_grid(given.mask):
            raise GeometryError("Image and lesion mask do not lie on the same grid.")
        part = given.cut_to_lesion(filter_reach_vox(self.plan))
        grey = part.grey_values(self.plan.normalize_scale)
        lesion = part.mask.array > 0
        _check_lesion(grey.array, lesion, self.plan)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = fast_extractor(self.plan).execute(grey.to_sitk(), part.mask.with_array(lesion).to_sitk())
        except Exception as error:  # whatever a filter trips over, the case stays and gets an empty row
            raise CaseFailedError(f"pyradiomics refuses the lesion ({error}).") from error
        values = np.array([float(found.get(name, math.nan)) for name in self.names])
        diagnostics = {name: str(value) for name, value in found.items() if name.startswith(_DIAGNOSTICS)}
        diagnostics["window_start_zyx_vox"] = str(part.start_zyx_vox)
        return Extraction(np.where(np.isfinite(values), values, math.nan), diagnostics)


def _check_lesion(grey: FloatArray, lesion: npt.NDArray[np.bool_], plan: FeaturesPlan) -> None:
    count = int(lesion.sum())
    if count < plan.minimum_roi_voxels:
        raise CaseFailedError(
            f"The lesion has {count} voxel(s), radiomics needs {plan.minimum_roi_voxels}.",
            fix="Leave it so (the model without radiomics takes its place), or lower features.minimum_roi_voxels.",
        )
    extent = [int(np.ptp(indices)) + 1 for indices in np.nonzero(lesion)]
    if min(extent) < 2:
        raise CaseFailedError(f"The lesion is flat: its box is {extent} voxels (z, y, x).", fix="Check its mask.")
    if not np.isfinite(grey).all():
        raise CaseFailedError("The image has voxels that are not finite numbers.", fix="Preprocess the scan again.")
    levels = float(np.ptp(grey[lesion])) / plan.bin_width
    if not plan.bin_count and levels > MAXIMUM_LEVELS:
        raise CaseFailedError(
            f"The lesion spans {levels:.0f} grey levels of width {plan.bin_width:g}, more than {MAXIMUM_LEVELS}.",
            fix="Check the scan's intensities (skull left, metal), or raise features.bin_width.",
        )
