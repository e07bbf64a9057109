"""From the atlas grid back to the scan that the user gave."""

from __future__ import annotations

import numpy as np

from rnnet.core.volume import Array, Volume
from rnnet.preprocessing.state import PreprocessedScan


def to_native_grid(array: Array, scan: PreprocessedScan, *, nearest: bool) -> Volume:
    """`array` (z, y, x) of the atlas grid on the scan's own grid; `nearest` for labels, else linear."""
    import SimpleITK as sitk

    kind = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
    to_atlas = scan.to_atlas
    transform = sitk.AffineTransform(to_atlas[:3, :3].ravel().tolist(), to_atlas[:3, 3].tolist())
    source = scan.on_atlas_grid(array if not nearest else array.astype(np.uint16)).to_sitk()
    target = scan.native.volume(np.zeros(scan.native.shape_zyx, np.uint8)).to_sitk()
    return Volume.from_sitk(sitk.Resample(source, target, transform, kind, 0.0))
