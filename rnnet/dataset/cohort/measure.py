"""Lesions measured from the mask of a scan: diameters, and which others lie in the cube around each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import GeometryError, RnnetError
from rnnet.core.types import Scan
from rnnet.core.volume import read_volume
from rnnet.dataset.diameters import axial_axis, axial_diameter, feret_diameter
from rnnet.dataset.lesions import whole_labels
from rnnet.dataset.mask_grid import place_mask

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MeasureJob:
    """A scan and the lesions to measure in it. diameter: None to find the neighbours only."""

    scan: Scan
    lesion_values: tuple[int, ...]
    diameter: Literal["axial", "feret"] | None
    cube_edge_mm: float


@dataclass(frozen=True, slots=True)
class MeasuredLesion:
    """diameter_mm: NaN where none was asked for. neighbours: values of other lesions with a voxel in the cube."""

    value: int
    diameter_mm: float
    neighbours: tuple[int, ...]


def measure_lesions(job: MeasureJob) -> tuple[MeasuredLesion, ...]:
    """The lesions of the job that the scan's mask has.

    Sizes are taken where the lesion was drawn, on the mask's grid. The cube stands on the world's axes around the
    middle of the lesion's bounding box; preprocessing turns the head a little further, onto the atlas.

    Raises:
        FileFormatError: image or mask cannot be read.
        GeometryError: most of the mask lies outside the image.
    """
    from scipy import ndimage

    if job.scan.mask_path is None:
        raise RnnetError("The scan has no mask.", where=job.scan.scan_id)
    try:
        mask = place_mask(read_volume(job.scan.image_path), read_volume(job.scan.mask_path)).mask
    except GeometryError as failure:
        raise GeometryError(failure.problem, where=job.scan.mask_path, fix=failure.fix) from failure
    mask = replace(mask, array=whole_labels(mask.array))
    axis = axial_axis(mask)
    boxes = ndimage.find_objects(mask.array)
    points: dict[int, Points] = {}
    diameters: dict[int, float] = {}
    for value in job.lesion_values:
        box = boxes[value - 1] if value <= len(boxes) else None
        if box is None:
            continue
        lesion = mask.array[box] == value
        points[value] = mask.world_xyz_mm(np.argwhere(lesion) + [s.start for s in box])
        diameters[value] = float("nan")
        if job.diameter == "axial":
            diameters[value] = axial_diameter(lesion, mask.spacing_zyx_mm, axial_axis=axis)
        elif job.diameter == "feret":
            diameters[value] = feret_diameter(lesion, mask.spacing_zyx_mm)
    return tuple(
        MeasuredLesion(value, diameters[value], _neighbours(value, points, job.cube_edge_mm)) for value in points
    )


def _neighbours(value: int, points_xyz_mm: dict[int, Points], edge_mm: float) -> tuple[int, ...]:
    """Lesions other than `value` of which the middle of a voxel lies in the cube around it."""
    own = points_xyz_mm[value]
    middle = (own.min(axis=0) + own.max(axis=0)) / 2
    return tuple(
        other for other, points in points_xyz_mm.items()
        if other != value and bool((np.abs(points - middle) <= edge_mm / 2).all(axis=1).any())
    )
