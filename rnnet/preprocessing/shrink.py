"""Block averages: the cheap, aliasing-free way to a coarse version of a scan."""

from __future__ import annotations

import numpy as np

from rnnet.core.volume import Volume


def shrink_to(volume: Volume, spacing_mm: float, *, minimum_vox: int = 1) -> Volume:
    """The volume (float32) averaged over blocks so that its voxels are about `spacing_mm` wide on every axis.

    An axis is left alone where it is that coarse already, and never gets fewer than `minimum_vox` voxels.
    """
    import SimpleITK as sitk

    factors = [
        max(1, min(round(spacing_mm / s), n // minimum_vox))
        for s, n in zip(volume.spacing_zyx_mm, volume.array.shape, strict=True)
    ]
    if factors == [1, 1, 1]:
        return volume.with_array(volume.array.astype(np.float32, copy=False))
    image = volume.with_array(volume.array.astype(np.float32, copy=False)).to_sitk()
    return Volume.from_sitk(sitk.BinShrink(image, factors[::-1]))
