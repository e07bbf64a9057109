"""Random views of a lesion cube for pretraining: flips and a small shift, the same for image and mask."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnet.augmentation.draws import happens


def random_view(batch: Tensor, *, shift_vox: int, generator: torch.Generator) -> Tensor:
    """Copy of a batch (b, c, z, y, x), each sample flipped and shifted for itself, all its channels alike.

    A shift is a whole number of voxels in [-shift_vox, shift_vox] along each axis; what enters is 0, the background.
    """
    samples = batch.shape[0]
    flips = happens(generator, samples * 3, 0.5).view(samples, 3)
    shifts = torch.randint(-shift_vox, shift_vox + 1, (samples, 3), generator=generator)
    flipped = flip_samples(batch, flips)
    view = torch.zeros_like(batch)
    for i, shift in enumerate(shifts.tolist()):
        z, y, x = (_overlap(s, size) for s, size in zip(shift, batch.shape[2:], strict=True))
        from_z, from_y, from_x = (_overlap(-s, size) for s, size in zip(shift, batch.shape[2:], strict=True))
        view[i, :, z, y, x] = flipped[i, :, from_z, from_y, from_x]
    return view


def flip_samples(batch: Tensor, flips: Tensor) -> Tensor:
    """Copy of a batch (b, c, z, y, x) with sample i mirrored along axis a where flips[i, a]; flips is on the CPU."""
    mirrored = [
        sample.flip([1 + axis for axis in range(3) if chosen[axis]])
        for sample, chosen in zip(batch, flips.tolist(), strict=True)
    ]
    return torch.stack(mirrored)


def _overlap(shift: int, size: int) -> slice:
    """Where an axis moved by `shift` voxels still lies on itself."""
    return slice(max(shift, 0), size + min(shift, 0))
