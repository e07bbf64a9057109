"""Axis order: every scan is worked on with its array axes along L, P and S."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Volume


def reorient_to_lps(volume: Volume, *, where: object = "") -> Volume:
    """The same voxels at the same world positions, axes permuted and flipped to x = L, y = P, z = S.

    An oblique scan keeps its small rotation: nothing is interpolated.

    Raises:
        CaseFailedError: the direction matrix is singular or not a rotation.
    """
    import SimpleITK as sitk

    direction = np.asarray(volume.direction_xyz).reshape(3, 3)
    if not np.allclose(direction @ direction.T, np.eye(3), atol=1e-3):
        raise CaseFailedError(
            "The direction matrix of the image is not a rotation.", where=where,
            fix="Correct the header (sform/qform), or convert the series from DICOM again.",
        )
    away = np.abs(direction - np.diag(np.diag(direction))).max()
    if np.diag(direction).min() > away:
        return volume  # three copies of the voxels are saved
    oriented = sitk.DICOMOrient(volume.to_sitk(), "LPS")
    return replace(Volume.from_sitk(oriented), notes=volume.notes)
