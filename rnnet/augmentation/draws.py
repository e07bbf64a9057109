"""Random draws on the CPU: a seed means the same augmentation on every device, for any number of processes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Noise of more samples is cut from a strip of this many samples' length: drawing normal numbers on a CPU
# takes longer than everything else that a corruption does.
_NOISE_STRIP_SAMPLES = 2


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


def normal_noise(generator: torch.Generator, like: Tensor, *, rows: Rows | None = None) -> Tensor:
    """Standard normal noise with the shape, device and type of `like` (b, ...); see `noise_windows`."""
    return torch.stack(noise_windows(generator, like, rows=rows))


def noise_windows(generator: torch.Generator, like: Tensor, *, rows: Rows | None = None) -> list[Tensor]:
    """Standard normal noise for each sample of `like` (b, ...), the rows `rows` of a global batch; none is copied.

    Up to two samples of a global batch are independent; more are windows of one strip at random places.
    """
    rows, voxels = rows_of(like, rows), like[0].numel()
    strip = torch.randn(min(rows.samples, _NOISE_STRIP_SAMPLES) * voxels, generator=generator)
    if rows.samples <= _NOISE_STRIP_SAMPLES:
        starts = torch.arange(rows.samples) * voxels
    else:
        starts = torch.randint(strip.numel() - voxels + 1, (rows.samples,), generator=generator)
    strip = strip.to(device=like.device, dtype=like.dtype)
    return [strip[start : start + voxels].view(like.shape[1:]) for start in starts[rows.own].tolist()]
