"""Small networks for the tests of this folder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnet.networks.initialize import seeded_torch
from rnnet.networks.vit3d import Vit3d


def small_vit(**changes: Any) -> Vit3d:
    settings: dict[str, Any] = {
        "in_channels": 2, "edge_vox": 16, "token_edge_vox": 8, "width": 24, "depth": 2, "heads": 4, **changes,
    }
    with seeded_torch(0):
        return Vit3d(**settings)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
