"""A small atlas grid, a turn of the head, and balls whose true place on the grid is known."""

from __future__ import annotations

import numpy as np

from rnnet.core.volume import Volume
from tests.factories import mapped, rigid_matrix

GRID = Volume(np.zeros((36, 40, 38), np.float32), (1.0, 1.0, 1.0), (-30.0, 5.0, 12.0))
MIDDLE = GRID.world_xyz_mm((17.3, 20.4, 18.2))
TURNED = rigid_matrix((12, -8, 15), (7, -20, 4), MIDDLE)
Triple = tuple[float, float, float]


def native_grid(to_atlas: np.ndarray, spacing_zyx_mm: Triple = (1.2, 0.9, 1.0), *, edge_mm: float = 30.0) -> Volume:
    """A scan's own grid whose middle comes to lie near the middle of GRID."""
    shape = tuple(round(edge_mm / s) for s in spacing_zyx_mm)
    middle = mapped(MIDDLE, np.linalg.inv(to_atlas))
    x, y, z = middle - [n * s / 2 for n, s in zip(shape[::-1], spacing_zyx_mm[::-1], strict=True)]
    return Volume(np.zeros(shape, np.float32), spacing_zyx_mm, (x, y, z))


def distance_mm(volume: Volume, point_xyz_mm: np.ndarray) -> np.ndarray:
    """(z, y, x): distance of every voxel's centre from a world point."""
    index = np.moveaxis(np.indices(volume.array.shape), 0, -1)
    return np.asarray(np.linalg.norm(volume.world_xyz_mm(index) - point_xyz_mm, axis=-1))


def center_mm(weights: np.ndarray) -> np.ndarray:
    """Centre of mass on GRID in world space."""
    index = np.indices(weights.shape).reshape(3, -1)
    return GRID.world_xyz_mm((index * weights.ravel()).sum(axis=1) / weights.sum())


def with_ball(native: Volume, to_atlas: np.ndarray, radius_mm: float, value: int = 1) -> Volume:
    """Labels of a ball whose centre comes to lie at MIDDLE."""
    distance = distance_mm(native, mapped(MIDDLE, np.linalg.inv(to_atlas)))
    return native.with_array(np.where(distance <= radius_mm, value, 0).astype(np.uint16))
