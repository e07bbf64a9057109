"""Linear operators that work along one axis at a time: blur, thick slices, dilation by a box."""

from __future__ import annotations

import torch
from torch import Tensor

Operators = tuple[Tensor, Tensor, Tensor]


def apply_along_axes(volumes: Tensor, operators: Operators) -> Tensor:
    """Volumes (b, z, y, x) times one matrix (b, size, size) along each axis.

    Three batched matrix products, whatever the operator: faster than 3-D convolution or pooling on every device.
    """
    along_z, along_y, along_x = (matrix.to(device=volumes.device, dtype=volumes.dtype) for matrix in operators)
    out = (along_z @ volumes.flatten(2)).view_as(volumes)
    out = along_y[:, None] @ out
    return out @ along_x[:, None].transpose(-2, -1)


def distances(size: int) -> Tensor:
    """|i - j| as float32 (size, size)."""
    places = torch.arange(size, dtype=torch.float32)
    return (places[:, None] - places).abs()


def gaussian_operator(size: int, sigmas_vox: Tensor) -> Tensor:
    """Gaussian blur (b, size, size) with a standard deviation for each sample; every row sums to 1."""
    ratio = distances(size) / sigmas_vox[:, None, None]
    # Cut at four standard deviations: farther out are denormal numbers, with which a product takes ten times longer.
    weights = torch.exp(-0.5 * ratio**2) * (ratio <= 4)
    return weights / weights.sum(dim=-1, keepdim=True)


def box_operator(size: int, radii_vox: Tensor) -> Tensor:
    """Sum over the voxels within a radius, (b, size, size), for each sample."""
    return (distances(size) <= radii_vox[:, None, None]).float()


def low_resolution_operator(size: int, factors: Tensor) -> Tensor:
    """Slices `factor` voxels thick, read back by linear interpolation: (b, size, size), every row sums to 1."""
    return torch.stack([_thick_slices(size, factor) for factor in factors.tolist()])


def _thick_slices(size: int, factor: float) -> Tensor:
    slices = max(2, round(size / factor))
    step = size / slices
    voxels = torch.arange(size, dtype=torch.float32)
    centers = (torch.arange(slices, dtype=torch.float32) + 0.5) * step - 0.5
    # Overlap of each voxel with each slice, then the mean over the slice.
    overlap = (0.5 + step / 2 - (centers[:, None] - voxels).abs()).clamp(0, min(1.0, step))  # (slices, size)
    down = overlap / overlap.sum(dim=1, keepdim=True)
    position = ((voxels + 0.5) / step - 0.5).clamp(0, slices - 1)
    up = (1 - (position[:, None] - torch.arange(slices)).abs()).clamp(min=0)  # (size, slices)
    return up @ down
