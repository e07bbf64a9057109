"""Small changes of the lesion mask's rim, as another reader would draw it."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnet.augmentation.axes import apply_along_axes, box_operator
from rnnet.augmentation.draws import happens

_PROBABILITY = 0.5


def jitter_mask(masks: Tensor, *, radius_vox: int, generator: torch.Generator) -> Tensor:
    """Copy of masks (b, z, y, x) of 0 and 1: half of them dilated or eroded by 1 to radius_vox voxels.

    A mask that erosion would empty stays as it is.
    """
    if radius_vox == 0:
        return masks.clone()
    samples = masks.shape[0]
    chosen = happens(generator, samples, _PROBABILITY)
    radii = torch.randint(1, radius_vox + 1, (samples,), generator=generator) * chosen
    erode = happens(generator, samples, 0.5).to(masks.device)[:, None, None, None]
    # Erosion is the dilation of the background.
    grown = torch.where(erode, 1 - masks, masks)
    z, y, x = (box_operator(size, radii) for size in masks.shape[1:])
    grown = (apply_along_axes(grown, (z, y, x)) > 0.5).to(masks.dtype)
    jittered = torch.where(erode, 1 - grown, grown)
    emptied = jittered.amax(dim=(1, 2, 3), keepdim=True) == 0
    return torch.where(emptied, masks, jittered)
