"""Where a NIfTI header says that the voxels lie: its sform or its qform, whichever can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import FileFormatError
from rnnet.core.geometry import nearest_rotation
from rnnet.core.image_checks import MOST_SHEAR, SPACING_MM, check_spacing

Matrix = npt.NDArray[np.float64]

# NIfTI's world is RAS, ours LPS.
_TO_LPS = np.diag([-1.0, -1.0, 1.0])
_MM_PER_UNIT = {1: 1000.0, 3: 0.001}  # metre and micrometre; everything else is taken as mm
_FROM_DICOM = "Convert the series from DICOM again."
# pixdim and the sform are both rounded to 32 bits; more than this is another voxel size.
_SPACING_RATIO = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class NiftiGrid:
    """Geometry in LPS mm, and what was wrong with the header; axes_xyz: rotation (3, 3), columns are directions."""

    axes_xyz: Matrix
    spacing_xyz_mm: Matrix
    origin_xyz_mm: Matrix
    notes: tuple[str, ...] = ()

    def corners_xyz_mm(self, size_xyz: tuple[int, ...]) -> Matrix:
        """World positions (8, 3) of the corner voxels."""
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in size_xyz])).reshape(3, -1).T
        return np.asarray((corners * self.spacing_xyz_mm) @ self.axes_xyz.T + self.origin_xyz_mm)


def read_grid(header: Any, size_xyz: tuple[int, ...], path: Path) -> NiftiGrid:
    """The grid of a nibabel NIfTI header: by the sform, or else the qform; a broken one is passed over with a note.

    The axes of a valid sform are perpendicular but for rounding and are snapped to the nearest rotation. A header
    whose two codes are 0 does not say which side is left. Programs guess differently then (nibabel: LAS, ITK: LPS),
    and no later check can tell a mirrored head from a true one, so such a file is refused.

    Raises:
        FileFormatError: voxel size outside of SPACING_MM, or neither form can be used.
    """
    scale = _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    pixdim = np.asarray(header["pixdim"][1:4], float) * scale
    check_spacing([float(s) for s in pixdim], path)
    codes = {"sform": int(header["sform_code"]), "qform": int(header["qform_code"])}
    found = {
        name: read(header, pixdim, scale) for name, read in (("sform", _sform), ("qform", _qform)) if codes[name] > 0
    }
    grids = {name: grid for name, grid in found.items() if isinstance(grid, NiftiGrid)}
    broken = {name: reason for name, reason in found.items() if isinstance(reason, str)}
    if not found:
        raise FileFormatError(
            "The header does not say which side is left: sform_code and qform_code are 0.", where=path,
            fix="Convert the series from DICOM again, or set the sform once you have checked the sides in a viewer.",
        )
    if not grids:
        reasons = ", ".join(f"{name}: {reason}" for name, reason in broken.items())
        raise FileFormatError(f"The header does not say where the voxels lie ({reasons}).", where=path, fix=_FROM_DICOM)
    used = next(iter(grids))
    notes = [f"The {name} is broken ({reason}); the {used} is used." for name, reason in broken.items()]
    if len(grids) == 2:
        notes += _disagreement(grids["sform"], grids["qform"], size_xyz)
    elif used == "sform":
        notes += _other_spacing(grids["sform"], pixdim)
    grid = grids[used]
    return NiftiGrid(grid.axes_xyz, grid.spacing_xyz_mm, grid.origin_xyz_mm, tuple(notes))


def _sform(header: Any, _pixdim: Matrix, scale: float) -> NiftiGrid | str:
    rows = np.array([header["srow_x"], header["srow_y"], header["srow_z"]], float) * scale
    if not np.isfinite(rows).all():
        return "it has numbers that are not finite"
    spacing = np.linalg.norm(rows[:, :3], axis=0)
    if spacing.min() < SPACING_MM[0] or spacing.max() > SPACING_MM[1]:
        return f"its voxel size is {' x '.join(f'{s:g}' for s in spacing)} mm"
    axes, shear = nearest_rotation(_TO_LPS @ rows[:, :3])
    if shear > MOST_SHEAR:
        return "its axes are not perpendicular"
    return NiftiGrid(axes, spacing, _TO_LPS @ rows[:, 3] + 0.0)


def _qform(header: Any, pixdim: Matrix, scale: float) -> NiftiGrid | str:
    from nibabel.quaternions import quat2mat

    b, c, d = (float(header[f"quatern_{name}"]) for name in "bcd")
    offset = np.array([float(header[f"qoffset_{axis}"]) for axis in "xyz"]) * scale
    length = b * b + c * c + d * d
    if not np.isfinite(length) or length > 1.01:
        return "its quaternion is no rotation"
    if not np.isfinite(offset).all():
        return "its offset is not finite"
    # As in NIfTI's own nifti1_io.c: a sum of about 1 is a turn by 180 degrees; its first element is 0 but for rounding.
    first = np.sqrt(1 - length) if 1 - length > 1e-7 else 0.0
    rotation = quat2mat([first, b, c, d])
    rotation[:, 2] *= -1 if float(header["pixdim"][0]) < 0 else 1
    axes, _ = nearest_rotation(_TO_LPS @ rotation)
    return NiftiGrid(axes, pixdim, _TO_LPS @ offset + 0.0)


def _disagreement(sform: NiftiGrid, qform: NiftiGrid, size_xyz: tuple[int, ...]) -> list[str]:
    """A note if the corners of the two grids lie more than half a voxel apart."""
    gaps = sform.corners_xyz_mm(size_xyz) - qform.corners_xyz_mm(size_xyz)
    gap_mm = float(np.linalg.norm(gaps, axis=1).max())
    if gap_mm <= sform.spacing_xyz_mm.min() / 2:
        return []
    mirrored = np.linalg.det(sform.axes_xyz) * np.linalg.det(qform.axes_xyz) < 0
    beware = " One of them is a mirror image: check left and right." if mirrored else ""
    return [f"The header's qform and sform disagree by {gap_mm:.1f} mm; the sform is used.{beware}"]


def _other_spacing(sform: NiftiGrid, pixdim: Matrix) -> list[str]:
    """A note if the sform's voxel size is not that of the header's pixdim."""
    if np.allclose(sform.spacing_xyz_mm, pixdim, rtol=_SPACING_RATIO):
        return []
    told, used = (" x ".join(f"{s:g}" for s in v) for v in (pixdim, sform.spacing_xyz_mm))
    return [f"The header's voxel size is {told} mm, that of its sform {used} mm; the sform is used."]
