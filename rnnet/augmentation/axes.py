"""Linear operators that work along one axis at a time: blur, thick slices, zoom and shift."""

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
    return (out.flatten(1, 2) @ along_x.transpose(-2, -1)).view_as(volumes)


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


def low_resolution_operator(size: int, factors: Tensor) -> Tensor:
    """Slices `factor` voxels thick, read back by linear interpolation: (b, size, size), every row sums to 1."""
    slices = (size / factors).round().clamp(2, size)[:, None, None]  # (b, 1, 1)
    step = size / slices
    voxels = torch.arange(size, dtype=torch.float32)
    number = torch.arange(int(slices.max()), dtype=torch.float32)  # of a slice; samples with fewer leave rows empty
    centers = (number[:, None] + 0.5) * step - 0.5
    # Overlap of each voxel with each slice, then the mean over the slice.
    overlap = (0.5 + step / 2 - (centers - voxels).abs()).clamp(min=0).minimum(step.clamp(max=1))  # (b, slices, size)
    overlap = overlap * (number[:, None] < slices)
    down = overlap / overlap.sum(dim=2, keepdim=True).clamp(min=1e-6)
    position = ((voxels[:, None] + 0.5) / step - 0.5).clamp(min=0).minimum(slices - 1)  # (b, size, 1)
    up = (1 - (position - number).abs()).clamp(min=0)  # (b, size, slices)
    return up @ down


def resampling_operator(size: int, zooms: Tensor, shifts_vox: Tensor) -> Tensor:
    """Zoom about the centre, then shift, by linear interpolation: (b, size, size); what lies outside counts as 0."""
    places = torch.arange(size, dtype=torch.float32)
    center = (size - 1) / 2
    source = (places - center - shifts_vox[:, None]) / zooms[:, None] + center  # (b, size)
    return (1 - (source[:, :, None] - places).abs()).clamp(min=0)
