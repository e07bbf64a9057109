"""The one type that knows geometry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import GeometryError

if TYPE_CHECKING:
    import SimpleITK as sitk

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Volume:
    """A scalar image in world space (LPS, millimetres).

    array: (z, y, x); spacing_zyx_mm goes with it. origin_xyz_mm is the world position of voxel [0, 0, 0].
    direction_xyz: nine numbers, row-major, the columns are the world directions of the x, y and z axes
    (the convention of ITK). notes: what the reader found wrong with the file's header and mended, in sentences.
    """

    array: Array
    spacing_zyx_mm: tuple[float, float, float]
    origin_xyz_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction_xyz: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    notes: tuple[str, ...] = ()

    def with_array(self, array: Array) -> Volume:
        """The same grid with other voxels; the shape must stay."""
        if array.shape != self.array.shape:
            raise GeometryError(f"An array of shape {array.shape} does not fit the grid {self.array.shape}.")
        return replace(self, array=array)

    @property
    def index_to_world(self) -> npt.NDArray[np.float64]:
        """(4, 4) matrix from (x, y, z, 1) voxel index to LPS millimetres."""
        matrix = np.eye(4)
        direction = np.asarray(self.direction_xyz).reshape(3, 3)
        matrix[:3, :3] = direction @ np.diag(self.spacing_zyx_mm[::-1])
        matrix[:3, 3] = self.origin_xyz_mm
        return matrix

    def world_xyz_mm(self, index_zyx: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """World positions (..., 3) of voxel indices (..., 3)."""
        index_xyz = np.asarray(index_zyx, dtype=float)[..., ::-1]
        matrix = self.index_to_world
        world: npt.NDArray[np.float64] = index_xyz @ matrix[:3, :3].T + matrix[:3, 3]
        return world

    def index_zyx(self, world_xyz_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Continuous voxel indices (..., 3) of world positions (..., 3)."""
        inverse = np.linalg.inv(self.index_to_world)
        index_xyz: npt.NDArray[np.float64] = np.asarray(world_xyz_mm, dtype=float) @ inverse[:3, :3].T + inverse[:3, 3]
        return index_xyz[..., ::-1]

    def same_grid(self, other: Volume, *, tolerance_mm: float = 1e-3) -> bool:
        """Whether both have the same shape and every corner voxel within `tolerance_mm`."""
        if self.array.shape != other.array.shape:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.array.shape])).reshape(3, -1).T
        gap = self.world_xyz_mm(corners) - other.world_xyz_mm(corners)
        return bool(np.abs(gap).max() <= tolerance_mm)

    def to_sitk(self) -> sitk.Image:
        """The same volume as a SimpleITK image."""
        import SimpleITK as sitk

        array = self.array.astype(np.uint8) if self.array.dtype == bool else self.array
        image = sitk.GetImageFromArray(array)
        image.SetSpacing([float(s) for s in self.spacing_zyx_mm[::-1]])
        image.SetOrigin([float(o) for o in self.origin_xyz_mm])
        image.SetDirection([float(d) for d in self.direction_xyz])
        return image

    @classmethod
    def from_sitk(cls, image: sitk.Image) -> Volume:
        """The volume of a three-dimensional scalar SimpleITK image."""
        import SimpleITK as sitk

        z, y, x = image.GetSpacing()[::-1]
        ox, oy, oz = image.GetOrigin()
        return cls(sitk.GetArrayFromImage(image), (z, y, x), (ox, oy, oz), tuple(image.GetDirection()))


def nearest_rotation(axes: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], float]:
    """The orthogonal (3, 3) matrix nearest to `axes` with unit columns, and the largest cosine between two columns.

    The cosine is 0 for perpendicular axes; 1 if a column is zero or not finite.
    """
    lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(lengths).all() or not (lengths > 0).all():
        return np.eye(3), 1.0
    unit = axes / lengths
    shear = float(np.abs(unit.T @ unit - np.eye(3)).max())
    u, _, vt = np.linalg.svd(unit)
    # Adding zero turns -0.0 into 0.0.
    return np.asarray(u @ vt) + 0.0, shear
