"""How weights start: truncated normal of 0.02 (Dosovitskiy 2021), drawn without touching the caller's random state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def seeded_torch(seed: int) -> Iterator[None]:
    """Inside, torch's CPU draws (weights, dropout, drop-path) follow `seed`; afterwards the old state is back."""
    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed would also reseed every accelerator, which fork_rng(devices=[]) does not restore.
        torch.default_generator.manual_seed(seed)
        yield


def initialize_transformer(module: nn.Module, *, std: float = 0.02) -> None:
    """Weights of linear and convolution layers from a truncated normal, biases 0, norms 1 and 0; in place."""
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Conv3d)):
            nn.init.trunc_normal_(part.weight, std=std)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, (nn.LayerNorm, nn.GroupNorm)):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)
