"""Fixed 3-D position codes and the resampling of learned ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def sinusoidal_positions(grid: int, width: int) -> Tensor:
    """Codes (1, grid**3, width) float32: sines and cosines of z, y and x (Vaswani 2017, for each axis a third).

    Coordinates count tokens from the centre of the crop, where the lesion lies, so a code keeps its meaning when the
    crop grows.
    """
    pairs = width // 6  # frequencies per axis; what does not divide by six stays zero
    frequencies = 10_000.0 ** (-torch.arange(pairs, dtype=torch.float64) / max(pairs, 1))
    along = torch.arange(grid, dtype=torch.float64) - (grid - 1) / 2
    angles = along[:, None] * frequencies  # (grid, pairs)
    axis = torch.cat((angles.sin(), angles.cos()), dim=1)  # (grid, 2 * pairs)
    codes = torch.zeros(grid, grid, grid, width, dtype=torch.float64)
    codes[..., : 2 * pairs] = axis[:, None, None]
    codes[..., 2 * pairs : 4 * pairs] = axis[None, :, None]
    codes[..., 4 * pairs : 6 * pairs] = axis[None, None, :]
    return codes.float().reshape(1, grid**3, width)


def resample_positions(positions: Tensor, grid: int) -> Tensor:
    """Learned codes (1, n, d) of a cubic token grid, trilinear, on another one: (1, grid**3, d)."""
    n, d = positions.shape[1:]
    edge = round(n ** (1 / 3))
    volume = positions.reshape(1, edge, edge, edge, d).permute(0, 4, 1, 2, 3)  # (1, d, z, y, x)
    volume = functional.interpolate(volume, size=(grid, grid, grid), mode="trilinear", align_corners=False)
    return volume.flatten(2).transpose(1, 2)  # (1, n, d)
