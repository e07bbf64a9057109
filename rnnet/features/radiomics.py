"""Radiomics of one lesion through pyradiomics, and of many lesions on all cores."""

from __future__ import annotations

import logging
import math
import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError, GeometryError, RnnetError
from rnnet.core.log import get_logger
from rnnet.core.parallel import map_cases
from rnnet.core.types import LesionCase
from rnnet.core.volume import Volume
from rnnet.features.table import FeatureTable, FloatArray
from rnnet.planning.plan import FeaturesPlan

log = get_logger(__name__)

TEXTURE_CLASSES = ("firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
# Texture matrices grow with the square of the number of grey levels, the eigenvalues of MCC with its cube. A lesion
# that spans more levels than this (25 SD of the brain at the default settings) is a mistake in its intensities.
MAXIMUM_LEVELS = 500
# coif1, the wavelet, reaches 6 voxels; a Gaussian of sigma mm has faded after 4 sigma (the crop is at 1 mm).
_WAVELET_REACH_VOX = 6
_GAUSSIAN_REACH_SIGMAS = 4


@dataclass(frozen=True, slots=True, eq=False)
class RadiomicsInput:
    """Image and lesion mask of one case on the same grid; image z-scored in the brain, 0 outside."""

    image: Volume
    mask: Volume

    @classmethod
    def of_crop(cls, array: npt.NDArray[Any]) -> RadiomicsInput:
        """From the preprocessed crop (2, z, y, x): T1CE and lesion mask at 1 mm."""
        spacing = (1.0, 1.0, 1.0)
        return cls(Volume(array[0], spacing), Volume(array[1] > 0, spacing))

    @property
    def crc32(self) -> int:
        """Checksum of the voxels of image and mask."""
        mask = np.ascontiguousarray(self.mask.array > 0)
        return zlib.crc32(mask.tobytes(), zlib.crc32(np.ascontiguousarray(self.image.array).tobytes()))


CropReader = Callable[[LesionCase], RadiomicsInput]


@dataclass(frozen=True, slots=True)
class RadiomicsExtractor:
    """pyradiomics with the plan's settings.

    Image types: original, with plan.wavelet the 8 level-1 coif1 decompositions, and one Laplacian of Gaussian for
    each plan.log_sigma_mm. Classes: first order, GLCM, GLRLM, GLSZM, GLDM and NGTDM of every image (93 features) and
    3-D shape once (14): 12 x 93 + 14 = 1,130 with the default plan. `diagnostics_*` entries are not features.

    Intensities: pyradiomics' own `normalize` takes mean and SD over the whole image that it is given. Here that is a
    crop whose share of zero background depends on where the lesion lies, so the same tissue would get different
    grey levels near the skull and deep in the brain. The crop is z-scored inside the brain already, so `normalize`
    stays off and the z-score is multiplied by plan.normalize_scale: the same unit (SD of the brain x scale) in which
    plan.bin_width is given. plan.voxel_array_shift goes to pyradiomics, which adds it in the energy-like features.

    The image is cropped to the lesion plus the reach of the widest filter, so that filter responses inside the lesion
    hardly depend on the size of the crop.
    """

    plan: FeaturesPlan

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, <image type>_<class>_<feature> in pyradiomics' spelling, in the order of a row."""
        from radiomics import getFeatureClasses

        images = ["original"]
        if self.plan.wavelet:
            images += [f"wavelet-{a}{b}{c}" for a in "LH" for b in "LH" for c in "LH"]
        images += [f"log-sigma-{str(float(s)).replace('.', '-')}-mm-3D" for s in self.plan.log_sigma_mm]
        classes = getFeatureClasses()
        pairs = [("original", "shape"), *((image, texture) for image in images for texture in TEXTURE_CLASSES)]
        return tuple(
            f"{image}_{kind}_{name}" for image, kind in pairs
            for name, deprecated in sorted(classes[kind].getFeatureNames().items()) if not deprecated
        )

    def extract(self, image: Volume, mask: Volume) -> dict[str, float]:
        """All features of the voxels where mask > 0; NaN for one that is not defined on this lesion.

        image: (z, y, x), z-scored in the brain; mask: the same grid.

        Raises:
            CaseFailedError: the lesion is too small, lies in one slice, has non-finite or implausible intensities,
                or pyradiomics refuses it.
            GeometryError: image and mask do not lie on the same grid.
        """
        if not image.same_grid(mask):
            raise GeometryError("Image and lesion mask do not lie on the same grid.")
        lesion = mask.array > 0
        _check_lesion(image.array, lesion, self.plan)
        scaled = image.with_array(image.array.astype(np.float64) * self.plan.normalize_scale)
        backend = self._backend()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = backend.execute(scaled.to_sitk(), image.with_array(lesion).to_sitk())
        except Exception as error:  # whatever a filter trips over, the case stays and gets an empty row
            raise CaseFailedError(f"pyradiomics refuses the lesion ({error}).") from error
        row = {name: float(found.get(name, math.nan)) for name in self.names}
        return {name: value if math.isfinite(value) else math.nan for name, value in row.items()}

    def _backend(self) -> Any:
        from radiomics.featureextractor import RadiomicsFeatureExtractor

        # They log every step at INFO and remarks such as "GLCM is symmetrical" at WARNING, for every image type.
        for noisy in ("radiomics", "pykwalify"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        reach_vox = max(_WAVELET_REACH_VOX, *(math.ceil(_GAUSSIAN_REACH_SIGMAS * s) for s in self.plan.log_sigma_mm), 0)
        image_types: dict[str, Any] = {"Original": {}}
        if self.plan.wavelet:
            image_types["Wavelet"] = {"wavelet": "coif1", "level": 1}
        if self.plan.log_sigma_mm:
            image_types["LoG"] = {"sigma": [float(s) for s in self.plan.log_sigma_mm]}
        # As a dictionary the settings pass pyradiomics' schema; only the shift, there an int, goes around it.
        return RadiomicsFeatureExtractor({
            "setting": {
                "binWidth": self.plan.bin_width, "normalize": False, "preCrop": True, "padDistance": reach_vox,
                "minimumROIDimensions": 3, "additionalInfo": False, "label": 1,
            },
            "imageType": image_types,
            "featureClass": {kind: [] for kind in ("shape", *TEXTURE_CLASSES)},
        }, voxelArrayShift=self.plan.voxel_array_shift)


def _check_lesion(image: npt.NDArray[Any], lesion: npt.NDArray[np.bool_], plan: FeaturesPlan) -> None:
    count = int(lesion.sum())
    if count < plan.minimum_roi_voxels:
        raise CaseFailedError(
            f"The lesion has {count} voxel(s), radiomics needs {plan.minimum_roi_voxels}.",
            fix="Leave it so (the model takes typical values), or lower features.minimum_roi_voxels.",
        )
    extent = [int(np.ptp(indices)) + 1 for indices in np.nonzero(lesion)]
    if min(extent) < 2:
        raise CaseFailedError(f"The lesion is flat: its box is {extent} voxels (z, y, x).", fix="Check its mask.")
    if not np.isfinite(image).all():
        raise CaseFailedError("The image has voxels that are not finite numbers.", fix="Preprocess the scan again.")
    levels = float(np.ptp(image[lesion])) * plan.normalize_scale / plan.bin_width
    if levels > MAXIMUM_LEVELS:
        raise CaseFailedError(
            f"The lesion spans {levels:.0f} grey levels of width {plan.bin_width:g}, more than {MAXIMUM_LEVELS}.",
            fix="Check the scan's intensities (skull left, metal), or raise features.bin_width.",
        )


@dataclass(frozen=True, slots=True, eq=False)
class RadiomicsRow:
    """Features (f,) of one case; all NaN, with the reason in `warning`, where there are none.

    crc32: of the crop that they were made from; 0 where it could not be read.
    """

    case_id: str
    values: FloatArray
    crc32: int
    warning: str = ""


def extract_rows(
    cases: Sequence[LesionCase], read_scan_crop: CropReader, plan: FeaturesPlan, *, n_processes: int,
    on_row: Callable[[RadiomicsRow], None] | None = None,
) -> list[RadiomicsRow]:
    """One row a case, in the order of `cases`; a case without radiomics has a row of NaN and a warning.

    on_row is called in the worker for every row without a warning, as soon as it is done; it and `read_scan_crop`
    must be picklable.
    """
    job = partial(_extract_row, read_scan_crop=read_scan_crop, plan=plan, on_row=on_row)
    results = map_cases(job, cases, n_processes=n_processes, title="radiomics")
    empty = np.full(len(RadiomicsExtractor(plan).names), math.nan) if cases else np.empty(0)
    return [
        RadiomicsRow(case.case_id, empty, 0, str(result)) if isinstance(result, RnnetError) else result
        for case, result in zip(cases, results, strict=True)
    ]


def extract_radiomics(
    cases: Sequence[LesionCase], read_scan_crop: CropReader, plan: FeaturesPlan, *, n_processes: int,
) -> FeatureTable:
    """Radiomics (n, f) of the cases, in their order; see RadiomicsExtractor for the features.

    A lesion that is too small or flat, or whose crop cannot be read, keeps its row: all NaN, with a logged warning.
    """
    return to_table(extract_rows(cases, read_scan_crop, plan, n_processes=n_processes), plan)


def to_table(rows: Sequence[RadiomicsRow], plan: FeaturesPlan) -> FeatureTable:
    """The rows as a table; logs the warnings."""
    for row in rows:
        if row.warning:
            log.warning("%s has no radiomics: %s", row.case_id, row.warning)
    names = RadiomicsExtractor(plan).names
    values = np.stack([row.values for row in rows]) if rows else np.empty((0, len(names)))
    return FeatureTable(tuple(row.case_id for row in rows), names, values)


def _extract_row(
    case: LesionCase, *, read_scan_crop: CropReader, plan: FeaturesPlan,
    on_row: Callable[[RadiomicsRow], None] | None,
) -> RadiomicsRow:
    crop = read_scan_crop(case)
    extractor = RadiomicsExtractor(plan)
    try:
        features = extractor.extract(crop.image, crop.mask)
    except CaseFailedError as error:
        return RadiomicsRow(case.case_id, np.full(len(extractor.names), math.nan), crop.crc32, str(error))
    row = RadiomicsRow(case.case_id, np.array(list(features.values())), crop.crc32)
    if on_row is not None:
        on_row(row)
    return row
