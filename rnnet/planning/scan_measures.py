"""What the fingerprint takes from one scan: geometry, intensities, lesion sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import GeometryError
from rnnet.core.types import Scan
from rnnet.core.volume import Volume, read_volume
from rnnet.dataset.diameters import axial_axis
from rnnet.dataset.head import otsu_threshold
from rnnet.dataset.lesions import lesion_labels
from rnnet.dataset.mask_grid import on_image_grid, place_mask
from rnnet.planning.lesion_size import LesionSize, lesion_size

# SRI24 as the BraTS data sets use it (Rohlfing 2010, Human Brain Mapping).
SRI24_SHAPE_ZYX = (155, 240, 240)
SRI24_SPACING_MM = 1.0


@dataclass(frozen=True, slots=True)
class ScanMeasureJob:
    """A scan and the lesions to measure in it."""

    scan: Scan
    lesion_values: tuple[int, ...]
    components: bool


@dataclass(frozen=True, slots=True)
class LesionMeasures:
    """Size of one lesion, and its intensities in units of the standard deviation of the scan's foreground.

    contrast_sd: mean of the lesion minus mean of the foreground. range_sd: largest minus smallest intensity. Both are
    NaN for a lesion that has no voxel of the image.
    """

    size: LesionSize
    contrast_sd: float
    range_sd: float


@dataclass(frozen=True, slots=True)
class ScanMeasures:
    """One scan in a few numbers. absent: lesion values that the mask does not have."""

    scan_id: str
    shape_zyx_vox: tuple[int, int, int]
    spacing_zyx_mm: tuple[float, float, float]
    orientation: str
    zero_share: float
    has_sri24_shape: bool
    foreground_mean: float
    foreground_sd: float
    lesions: tuple[LesionMeasures, ...]
    absent: tuple[int, ...]


def measure_scan(job: ScanMeasureJob) -> ScanMeasures:
    """Measure one scan.

    The foreground are the voxels above the Otsu threshold: the bright part of the head, or of the brain in a
    skull-stripped scan. It stands for the brain, which is not known before preprocessing.

    Raises:
        FileFormatError: image or mask cannot be read.
        GeometryError: most of the mask lies outside the image.
    """
    image = read_volume(job.scan.image_path)
    array = np.nan_to_num(image.array.astype(np.float32, copy=False), nan=0.0, posinf=0.0, neginf=0.0)
    foreground = array[array > otsu_threshold(array)]
    mean, sd = float(foreground.mean()), max(float(foreground.std()), 1e-6)
    measured, absent = _measure_lesions(job, image, array, mean, sd)
    z, y, x = image.array.shape
    on_grid = (z, y, x) == SRI24_SHAPE_ZYX and np.allclose(image.spacing_zyx_mm, SRI24_SPACING_MM, atol=1e-3)
    return ScanMeasures(
        job.scan.scan_id, (z, y, x), image.spacing_zyx_mm, orientation_of(image),
        float(np.count_nonzero(array == 0) / array.size), bool(on_grid), mean, sd, tuple(measured), tuple(absent),
    )


def _measure_lesions(
    job: ScanMeasureJob, image: Volume, array: npt.NDArray[np.float32], mean: float, sd: float
) -> tuple[list[LesionMeasures], list[int]]:
    from scipy import ndimage

    if job.scan.mask_path is None or not job.lesion_values:
        return [], []
    try:
        mask = place_mask(image, read_volume(job.scan.mask_path)).mask
    except GeometryError as failure:
        raise GeometryError(failure.problem, where=job.scan.mask_path, fix=failure.fix) from failure
    labels = lesion_labels(mask.array, components=job.components)
    boxes = ndimage.find_objects(labels)
    # Sizes are taken where the lesion was drawn, intensities where the image has voxels.
    on_image = on_image_grid(image, mask.with_array(labels)).array
    boxes_on_image = dict(enumerate(ndimage.find_objects(on_image), start=1))
    axis = axial_axis(mask)
    measured, absent = [], []
    for value in job.lesion_values:
        box = boxes[value - 1] if value <= len(boxes) else None
        if box is None:
            absent.append(value)
            continue
        size = lesion_size(labels[box] == value, mask.spacing_zyx_mm, axial_axis=axis)
        seen = boxes_on_image.get(value)
        inside = array[seen][on_image[seen] == value] if seen is not None else np.full(1, np.nan)
        contrast, spread = (inside.mean() - mean) / sd, (inside.max() - inside.min()) / sd
        measured.append(LesionMeasures(size, float(contrast), float(spread)))
    return measured, absent


def orientation_of(volume: Volume) -> str:
    """Letters of the world directions of the x, y and z axes, for example 'LPS' (the convention of ITK)."""
    import SimpleITK as sitk

    code: str = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(volume.direction_xyz)
    return code
