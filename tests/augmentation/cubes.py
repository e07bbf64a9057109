"""Small lesion cubes for the tests of this folder."""

from __future__ import annotations

import torch
from torch import Tensor

EDGE = 16


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def cubes(samples: int = 4, *, edge: int = EDGE, lesion_radius: float = 4.0) -> Tensor:
    """(b, 2, edge, edge, edge): z-scored noise in a brain that ends at a third of x, and a sphere in the middle."""
    batch = torch.zeros(samples, 2, edge, edge, edge)
    batch[:, 0] = torch.randn(samples, edge, edge, edge, generator=generator(99))
    batch[:, 0, :, :, : edge // 3] = 0
    along = torch.arange(edge) - (edge - 1) / 2
    radius = (along[:, None, None] ** 2 + along[:, None] ** 2 + along**2).sqrt()
    batch[:, 1] = (radius <= lesion_radius).float()
    return batch
