"""Small changes of the lesion mask, as another reader would draw it: its rim, and its place."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnet.augmentation.draws import Rows, happens, rows_of

_PROBABILITY = 0.5


def jitter_in_place(
    masks: Tensor, *, radius_vox: int, generator: torch.Generator, rows: Rows | None = None
) -> None:
    """Of masks (b, z, y, x) of 0 and 1, dilate or erode half by 1 to radius_vox voxels.

    A mask that erosion would empty stays as it is. rows: which rows of a global batch `masks` holds; None is all.
    """
    if radius_vox == 0:
        return
    samples, own = rows_of(masks, rows).samples, rows_of(masks, rows).own
    chosen = happens(generator, samples, _PROBABILITY)[own]
    radii = torch.randint(1, radius_vox + 1, (samples,), generator=generator)[own]
    erode = happens(generator, samples, 0.5)[own]
    touched = chosen.nonzero().flatten()
    touched = touched[radii[touched].argsort(descending=True)]
    if len(touched) == 0:
        return
    index = touched.to(masks.device)
    inverted = erode[touched].to(device=masks.device, dtype=torch.uint8)[:, None, None, None]
    # Erosion is the dilation of the background. As bytes, and of the chosen samples alone: many times faster.
    before = masks.index_select(0, index).to(torch.uint8)
    changed = _dilated(before ^ inverted, radii[touched]) ^ inverted
    emptied = changed.amax(dim=(1, 2, 3), keepdim=True) ^ 1
    for row, mask in zip(touched.tolist(), changed | before * emptied, strict=True):
        masks[row] = mask


def shift_in_place(masks: Tensor, *, shift_vox: int, generator: torch.Generator) -> None:
    """Of masks (b, z, y, x), move half by up to shift_vox whole voxels along each axis.

    What enters is 0. A mask that the shift would empty stays as it is.
    """
    if shift_vox == 0:
        return
    samples = masks.shape[0]
    chosen = happens(generator, samples, _PROBABILITY)
    shifts = torch.randint(-shift_vox, shift_vox + 1, (samples, 3), generator=generator)
    for row in chosen.nonzero().flatten().tolist():
        moved = _moved(masks[row], shifts[row].tolist())
        # Asked on the device, without waiting for it.
        masks[row] = torch.where(moved.any(), moved, masks[row])


def _dilated(masks: Tensor, radii_vox: Tensor) -> Tensor:
    """Masks (b, z, y, x) of the bytes 0 and 1, sample i dilated by a box of radii_vox[i] voxels to each side.

    Works on `masks` itself. The radii must not grow from sample to sample: those to dilate further lie together.
    """
    for radius in range(1, int(radii_vox.max()) + 1):
        grown = masks[: int((radii_vox >= radius).sum())]
        for axis in (1, 2, 3):
            size = grown.shape[axis]
            before = grown.clone()
            grown.narrow(axis, 1, size - 1).bitwise_or_(before.narrow(axis, 0, size - 1))
            grown.narrow(axis, 0, size - 1).bitwise_or_(before.narrow(axis, 1, size - 1))
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
