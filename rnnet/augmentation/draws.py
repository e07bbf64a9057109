"""Random draws on the CPU: a seed means the same augmentation on every device, for any number of processes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

# Drawing normal numbers on a CPU takes longer than everything else that a view does, so they are drawn once: a table
# of this many samples' length.
_NOISE_TABLE_SAMPLES = 4


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Which rows of a global batch a tensor holds; draws are made for all of them, so splitting changes nothing.

    own: (b,) integers on the CPU, in the tensor's order. samples: rows of the global batch.
    """

    own: Tensor
    samples: int


def rows_of(batch: Tensor, rows: Rows | None) -> Rows:
    """`rows`, or all of a batch (b, ...) that is the global batch itself."""
    return Rows(torch.arange(len(batch)), len(batch)) if rows is None else rows


def uniform(generator: torch.Generator, shape: tuple[int, ...], low: float, high: float) -> Tensor:
    """float32 numbers on the CPU, uniform in [low, high)."""
    return low + (high - low) * torch.rand(shape, generator=generator)


def happens(generator: torch.Generator, samples: int, probability: float) -> Tensor:
    """bool (samples,) on the CPU, True with this probability."""
    return torch.rand(samples, generator=generator) < probability


def noise_windows(generator: torch.Generator, like: Tensor, *, rows: Rows | None = None) -> list[Tensor]:
    """Standard normal noise for each sample of `like` (b, ...), the rows `rows` of a global batch.

    Windows at random places of one table, each as it is or with the other sign; they may overlap. They are the table's
    own memory: never write into them.
    """
    rows, voxels = rows_of(like, rows), like[0].numel()
    table = _noise_table(voxels, like.device, like.dtype)
    starts = torch.randint(table.shape[1] - voxels + 1, (rows.samples,), generator=generator)[rows.own]
    signs = torch.randint(2, (rows.samples,), generator=generator)[rows.own]
    draws = zip(signs.tolist(), starts.tolist(), strict=True)
    return [table[sign, start : start + voxels].view(like.shape[1:]) for sign, start in draws]


@lru_cache(maxsize=1)
def _noise_table(voxels: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Standard normal numbers and the same with the other sign (2, n), the same ones on every device."""
    drawn = torch.randn(_NOISE_TABLE_SAMPLES * voxels, generator=torch.Generator().manual_seed(0))
    return torch.stack((drawn, -drawn)).to(device=device, dtype=dtype)
