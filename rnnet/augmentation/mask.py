"""Small changes of the lesion mask, as another reader would draw it: its rim, and its place."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnet.augmentation.draws import Rows, happens, rows_of

_PROBABILITY = 0.5


def jitter_mask(
    masks: Tensor, *, radius_vox: int, generator: torch.Generator, rows: Rows | None = None
) -> Tensor:
    """Copy of masks (b, z, y, x) of 0 and 1: half of them dilated or eroded by 1 to radius_vox voxels.

    A mask that erosion would empty stays as it is. rows: which rows of a global batch `masks` holds; None is all.
    """
    jittered = masks.clone()
    if radius_vox == 0:
        return jittered
    samples, own = rows_of(masks, rows).samples, rows_of(masks, rows).own
    chosen = happens(generator, samples, _PROBABILITY)[own]
    radii = torch.randint(1, radius_vox + 1, (samples,), generator=generator)[own]
    erode = happens(generator, samples, 0.5)[own]
    touched = chosen.nonzero().flatten()
    if len(touched) == 0:
        return jittered
    index = touched.to(masks.device)
    before = masks.index_select(0, index)
    inverted = erode[touched].to(device=masks.device, dtype=torch.uint8)[:, None, None, None]
    # Erosion is the dilation of the background. As bytes, and of the chosen samples alone: many times faster.
    inside = (before > 0.5).view(torch.uint8) ^ inverted
    changed = (_dilated(inside, radii[touched]) ^ inverted).to(masks.dtype)
    emptied = (changed.sum(dim=(1, 2, 3), keepdim=True) == 0).to(masks.dtype)
    return jittered.index_copy_(0, index, changed.addcmul_(emptied, before))


def shift_mask(masks: Tensor, *, shift_vox: int, generator: torch.Generator) -> Tensor:
    """Copy of masks (b, z, y, x): half of them moved by up to shift_vox whole voxels along each axis.

    What enters is 0. A mask that the shift would empty stays as it is.
    """
    shifted = masks.clone()
    if shift_vox == 0:
        return shifted
    samples = masks.shape[0]
    chosen = happens(generator, samples, _PROBABILITY)
    shifts = torch.randint(-shift_vox, shift_vox + 1, (samples, 3), generator=generator)
    for row in chosen.nonzero().flatten().tolist():
        moved = _moved(masks[row], shifts[row].tolist())
        # Asked on the device, without waiting for it.
        shifted[row] = torch.where(moved.any(), moved, masks[row])
    return shifted


def _dilated(masks: Tensor, radii_vox: Tensor) -> Tensor:
    """Masks (b, z, y, x) of the bytes 0 and 1, sample i dilated by a box of radii_vox[i] voxels to each side."""
    for radius in range(1, int(radii_vox.max()) + 1):
        rows = (radii_vox >= radius).nonzero().flatten().to(masks.device)
        grown = masks.index_select(0, rows)
        for axis in (1, 2, 3):
            size = grown.shape[axis]
            before = grown.clone()
            grown.narrow(axis, 1, size - 1).bitwise_or_(before.narrow(axis, 0, size - 1))
            grown.narrow(axis, 0, size - 1).bitwise_or_(before.narrow(axis, 1, size - 1))
        masks = masks.index_copy(0, rows, grown)
    return masks


def _moved(mask: Tensor, shift_zyx_vox: list[int]) -> Tensor:
    """One mask (z, y, x), moved, with 0 where nothing came from."""
    moved = torch.zeros_like(mask)
    z, y, x = (overlap(shift, size) for shift, size in zip(shift_zyx_vox, mask.shape, strict=True))
    from_z, from_y, from_x = (overlap(-shift, size) for shift, size in zip(shift_zyx_vox, mask.shape, strict=True))
    moved[z, y, x] = mask[from_z, from_y, from_x]
    return moved


def overlap(shift: int, size: int) -> slice:
    """Where an axis moved by `shift` voxels still lies on itself; empty where it lies beside itself."""
    return slice(min(max(shift, 0), size), max(size + min(shift, 0), 0))
