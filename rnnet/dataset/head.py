"""Where the head is, roughly and fast: to tell lesions in the air, and to measure intensities without the air."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Array, Volume

_OTSU_STEP = 2
_COARSE_MM = 3.0
_LEAST_SAMPLES = 16
# Tissue begins at this share of Otsu's threshold: dark grey matter and fluid lie below the threshold itself.
_TISSUE_SHARE = 0.5
_BRIGHTEST_PERCENT = 99.5
_CLOSING_STEPS = 3
_MOST_FILLED = 0.99
# Less of the tissue in one piece is noise, or no head.
_LEAST_IN_ONE = 0.5
# A head or brain with zeroed air fills less of its box, and is not speckled as noise is.
_MOST_STRIPPED = 0.5
_LEAST_SOLID = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """region: bool, the head or the brain of a stripped scan with all its cavities, on a coarse grid in the world.

    intensity_p1, intensity_p99: percentiles of the image inside it.
    """

    region: Volume
    intensity_p1: float
    intensity_p99: float

    def on_image(self, image: Volume) -> npt.NDArray[np.bool_]:
        """The region (z, y, x) on the grid of the image that it was found in."""
        fine = self.region.array
        for axis, (coarse_mm, mm) in enumerate(zip(self.region.spacing_zyx_mm, image.spacing_zyx_mm, strict=True)):
            fine = np.repeat(fine, round(coarse_mm / mm), axis=axis)
        z, y, x = image.array.shape
        return np.asarray(fine[:z, :y, :x])


def find_head(image: Volume) -> Head | None:
    """The head in an image with any intensities (zeroed, noisy or negative air); None where no head stands out.

    The air is what the corners of the box show. What differs from it, in noisy air by half of Otsu's threshold (1979),
    is closed by about 10 mm and its cavities are filled, slice by slice as well, since a head may be cut by the field
    of view: necrosis, dark lesions and sinuses inside the head belong to it.
    """
    from scipy import ndimage

    steps = [
        max(1, min(round(_COARSE_MM / mm), n // _LEAST_SAMPLES))
        for mm, n in zip(image.spacing_zyx_mm, image.array.shape, strict=True)
    ]
    z, y, x = (slice(None, None, step) for step in steps)
    coarse = np.nan_to_num(image.array[z, y, x].astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    tissue = _tissue(coarse)
    found, count = ndimage.label(ndimage.binary_opening(tissue))
    if count == 0:
        return None
    largest = found == 1 + int(np.argmax(np.bincount(found.ravel())[1:]))
    region = _filled(largest)
    if largest.sum() < _LEAST_IN_ONE * tissue.sum() or region.mean() > _MOST_FILLED:
        return None
    p1, p99 = np.percentile(coarse[largest], (1, 99))
    sz, sy, sx = (mm * step for mm, step in zip(image.spacing_zyx_mm, steps, strict=True))
    grid = Volume(ndimage.binary_dilation(region), (sz, sy, sx), image.origin_xyz_mm, image.direction_xyz)
    return Head(grid, float(p1), float(p99))


def share_outside(region: Volume, world_xyz_mm: npt.NDArray[np.float64]) -> float:
    """Share of world points (n, 3) whose nearest voxel of `region` is 0 or that lie outside its box."""
    index = np.rint(region.index_zyx(world_xyz_mm)).astype(int)
    inside = ((index >= 0) & (index < region.array.shape)).all(axis=1)
    z, y, x = index[inside].T
    return 1 - int(np.count_nonzero(region.array[z, y, x])) / len(index)


def otsu_threshold(array: npt.NDArray[np.float32]) -> float:
    """Otsu's threshold (1979), from every second voxel along each axis; the smallest value of a constant image."""
    import SimpleITK as sitk

    thinned = np.ascontiguousarray(array[::_OTSU_STEP, ::_OTSU_STEP, ::_OTSU_STEP])
    if thinned.min() == thinned.max():
        return float(array.min()) - 1.0
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.SetNumberOfHistogramBins(256)
    otsu.Execute(sitk.GetImageFromArray(thinned))
    return min(float(otsu.GetThreshold()), float(np.nextafter(array.max(), -np.inf)))


def _tissue(image: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """What is not air, with holes."""
    from scipy import ndimage

    from_air = np.abs(image - _corner_value(image))
    differs = from_air > 0
    if differs.mean() < _MOST_STRIPPED and ndimage.binary_opening(differs).sum() >= _LEAST_SOLID * differs.sum():
        return np.asarray(differs)  # air of one value around something solid: z-scored brains have no darker end
    brightest = np.percentile(from_air, _BRIGHTEST_PERCENT)
    return np.asarray(from_air > _TISSUE_SHARE * otsu_threshold(np.minimum(from_air, brightest)))


def _corner_value(array: Array) -> float:
    """Median over the eight corners of the box."""
    edges = [max(1, n // 10) for n in array.shape]
    z, y, x = (np.r_[0:e, n - e : n] for e, n in zip(edges, array.shape, strict=True))
    return float(np.median(array[np.ix_(z, y, x)]))


def _filled(head: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    from scipy import ndimage

    padded = np.pad(head, _CLOSING_STEPS)
    closed = ndimage.binary_fill_holes(ndimage.binary_closing(padded, iterations=_CLOSING_STEPS))
    cross = ndimage.generate_binary_structure(3, 1)
    for axis in range(3):
        in_plane = cross.copy()
        in_plane[tuple(slice(None) if a != axis else (0, 2) for a in range(3))] = False
        closed = ndimage.binary_fill_holes(closed, structure=in_plane)
    inner = slice(_CLOSING_STEPS, -_CLOSING_STEPS)
    return np.asarray(closed[inner, inner, inner], bool)
