"""Random draws on the CPU, so that a seed means the same augmentation on every device."""

from __future__ import annotations

import torch
from torch import Tensor

# Noise of more samples is cut from a strip of this many samples' length: drawing normal numbers on a CPU
# takes longer than everything else that a corruption does.
_NOISE_STRIP_SAMPLES = 4


def uniform(generator: torch.Generator, shape: tuple[int, ...], low: float, high: float) -> Tensor:
    """float32 numbers on the CPU, uniform in [low, high)."""
    return low + (high - low) * torch.rand(shape, generator=generator)


def happens(generator: torch.Generator, samples: int, probability: float) -> Tensor:
    """bool (samples,) on the CPU, True with this probability."""
    return torch.rand(samples, generator=generator) < probability


def normal_noise(generator: torch.Generator, like: Tensor) -> Tensor:
    """Standard normal noise with the shape, device and type of `like` (b, ...).

    Up to four samples are independent; more are windows of one strip at random places.
    """
    samples, voxels = like.shape[0], like[0].numel()
    strip = torch.randn(min(samples, _NOISE_STRIP_SAMPLES) * voxels, generator=generator)
    strip = strip.to(device=like.device, dtype=like.dtype)
    if samples <= _NOISE_STRIP_SAMPLES:
        return strip.view_as(like)
    starts = torch.randint(strip.numel() - voxels + 1, (samples,), generator=generator).tolist()
    return torch.stack([strip[start : start + voxels] for start in starts]).view_as(like)
