"""Planes through a scan as pictures: grey values and outlines of masks, at one scale in millimetres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Array, Volume
from rnnet.preprocessing.qc_canvas import Colour, Plane

Point = npt.NDArray[np.float64]
Masks = Mapping[Colour, Array]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A volume with LPS array axes, and the part of it that is shown.

    to_atlas: (4, 4) from the volume's world to the atlas's. middle, size: of the part that is shown, and point: where
    the planes cross, (z, y, x) in millimetres along the array axes from the first voxel. window: grey values of
    black and white.
    """

    volume: Volume
    to_atlas: npt.NDArray[np.float64]
    point_zyx_mm: Point
    middle_zyx_mm: Point
    size_zyx_mm: Point
    window: tuple[float, float]


def plane(view: View, axis: int, masks: Masks, atlas_grid: Volume) -> tuple[Plane, dict[Colour, Plane]]:
    """The plane across `axis` (0 axial, 1 coronal, 2 sagittal), one pixel a millimetre, and outlines of the masks.

    masks: on the atlas grid. Superior is up, or anterior in the axial plane.
    """
    points = _points(view, axis, view.middle_zyx_mm, view.size_zyx_mm, 1.0)
    world = view.volume.world_xyz_mm(points / np.array(view.volume.spacing_zyx_mm))
    on_atlas = atlas_grid.index_zyx(world @ view.to_atlas[:3, :3].T + view.to_atlas[:3, 3])
    lines = {colour: _outline(_sample(mask, on_atlas, order=0) > 0) for colour, mask in masks.items()}
    return _grey(view, points), lines


def close_up(view: View, *, edge_mm: float, edge_px: int) -> Plane:
    """An axial square around the view's point, without outlines."""
    edge = np.array([0.0, edge_mm, edge_mm])
    return _grey(view, _points(view, 0, view.point_zyx_mm, edge, edge_mm / edge_px))


def values_inside(view: View, mask: Array, atlas_grid: Volume) -> Array:
    """Voxel values (n,) inside a mask of the atlas grid, in the view's three planes."""
    found = []
    for axis in range(3):
        points = _points(view, axis, view.middle_zyx_mm, view.size_zyx_mm, 2.0)
        index = points / np.array(view.volume.spacing_zyx_mm)
        world = view.volume.world_xyz_mm(index) @ view.to_atlas[:3, :3].T + view.to_atlas[:3, 3]
        inside = _sample(mask, atlas_grid.index_zyx(world), order=0) > 0
        found.append(_sample(view.volume.array, index, order=1)[inside])
    return np.concatenate(found)


def _points(view: View, axis: int, middle_zyx_mm: Point, size_zyx_mm: Point, step_mm: float) -> Point:
    """(rows, columns, 3) positions of the pixels, in millimetres along the array axes."""
    down, across = (a for a in range(3) if a != axis)
    rows, columns = (
        middle_zyx_mm[a] + step_mm * (np.arange(n) - (n - 1) / 2)
        for a, n in ((a, max(1, round(size_zyx_mm[a] / step_mm))) for a in (down, across))
    )
    if axis:
        rows = rows[::-1]  # superior up
    points = np.empty((len(rows), len(columns), 3))
    points[..., axis] = view.point_zyx_mm[axis]
    points[..., down], points[..., across] = rows[:, None], columns[None, :]
    return points


def _grey(view: View, points_zyx_mm: Point) -> Plane:
    values = _sample(view.volume.array, points_zyx_mm / np.array(view.volume.spacing_zyx_mm), order=1)
    black, white = view.window
    grey = np.clip((values - black) / max(white - black, 1e-6), 0, 1)
    # Nothing is known outside the scan and outside the brain: black, whatever the window.
    return np.where(values == 0, 0, grey).astype(np.float32)


def _sample(array: Array, index_zyx: Point, *, order: int) -> Array:
    from scipy import ndimage

    stored = array.view(np.uint8) if array.dtype == bool else array
    kind = np.float32 if order else stored.dtype
    sampled: Array = ndimage.map_coordinates(
        stored, np.moveaxis(index_zyx, -1, 0), output=kind, order=order, mode="constant", cval=0, prefilter=False
    )
    return sampled


def _outline(inside: npt.NDArray[np.bool_]) -> Plane:
    """Strength of a line just outside a mask, so that it hides nothing of what it surrounds."""
    from scipy import ndimage

    if inside.all() or not inside.any():
        return np.zeros(inside.shape, np.float32)
    distance = ndimage.distance_transform_edt(~inside)
    strength: Plane = np.clip(1.6 - np.abs(distance - 1.2) / 0.6, 0, 1).astype(np.float32) * (distance > 0)
    return strength
