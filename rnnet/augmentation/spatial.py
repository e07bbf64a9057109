"""Flips, rotation, scaling and shift of image and mask together, by one interpolation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from rnnet.augmentation.draws import happens, uniform
from rnnet.augmentation.views import flip_samples
from rnnet.planning.plan import FinetunePlan

# Half of the samples are only flipped, which is exact: interpolation smooths, and test images are not smoothed.
_MOVED_PROBABILITY = 0.5


def augment_spatially(
    batch: Tensor, plan: FinetunePlan, generator: torch.Generator, *, mask_channel: int | None
) -> Tensor:
    """Copy of a batch of cubes (b, c, n, n, n), flipped and, with probability one half, moved.

    What enters from outside is 0; the mask channel stays binary.
    """
    samples, edge = batch.shape[0], batch.shape[-1]
    batch = flip_samples(batch, happens(generator, samples * 3, 0.5).view(samples, 3))
    moved = happens(generator, samples, _MOVED_PROBABILITY).nonzero().flatten()
    if len(moved) == 0:
        return batch
    grid = _sampling_grid(_affine(plan, len(moved), edge, generator).to(batch.device), edge)
    index = moved.to(batch.device)
    images = functional.grid_sample(batch[index], grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    if mask_channel is not None:
        images[:, mask_channel] = _binary(images[:, mask_channel])
    batch[index] = images
    return batch


def _affine(plan: FinetunePlan, samples: int, edge: int, generator: torch.Generator) -> Tensor:
    """(b, 3, 4) from output to input coordinates (x, y, z) in [-1, 1], rotation about the cube's centre."""
    angles = torch.deg2rad(uniform(generator, (samples, 3), -plan.rotation_degrees, plan.rotation_degrees))
    matrix = torch.eye(3).expand(samples, 3, 3)
    for axis in range(3):
        first, second = (a for a in range(3) if a != axis)
        cosine, sine = angles[:, axis].cos(), angles[:, axis].sin()
        turn = torch.eye(3).repeat(samples, 1, 1)
        turn[:, first, first] = cosine
        turn[:, first, second] = -sine
        turn[:, second, first] = sine
        turn[:, second, second] = cosine
        matrix = matrix @ turn
    zoom = uniform(generator, (samples, 1, 1), 1 - plan.scaling, 1 + plan.scaling)
    shift = uniform(generator, (samples, 3, 1), -plan.shift_vox, plan.shift_vox) * (2 / edge)
    return torch.cat((matrix / zoom, shift), dim=2)


def _sampling_grid(affine: Tensor, edge: int) -> Tensor:
    """(b, n, n, n, 3) for grid_sample; broadcasting makes it several times faster than affine_grid."""
    along = (torch.arange(edge, device=affine.device) * 2 + 1) / edge - 1  # voxel centres
    x = along[:, None] * affine[:, None, :, 0]  # (b, n, 3)
    y = along[:, None] * affine[:, None, :, 1]
    z = along[:, None] * affine[:, None, :, 2] + affine[:, None, :, 3]
    return z[:, :, None, None] + (y[:, :, None] + x[:, None])[:, None]


def _binary(masks: Tensor) -> Tensor:
    """Interpolated masks (b, z, y, x) as 0 and 1.

    The threshold is one half, or half the peak where a lesion of a voxel or two has none above: it must not vanish.
    """
    peak = masks.amax(dim=(1, 2, 3), keepdim=True)
    return ((masks >= (peak / 2).clamp(max=0.5)) & (masks > 0)).to(masks.dtype)
