"""Changes of intensity that scanners make: bias field, contrast, gamma, thick slices, blur, noise.

Images are z-scored in the brain and exactly 0 outside it; outside stays 0 through every step.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rnnet.augmentation.axes import apply_along_axes, gaussian_operator, low_resolution_operator
from rnnet.augmentation.draws import Rows, happens, noise_windows, rows_of, uniform

_BIAS_DEGREE = 3
_BIAS_COEFFICIENT = 0.15
_CONTRAST = (0.75, 1.25)
_BRIGHTNESS = (-0.3, 0.3)
_GAMMA = (0.7, 1.5)
_IN_PLANE_FACTOR = (1.0, 1.5)
_SLICE_FACTOR = (1.0, 4.0)
_BLUR_SIGMA_VOX = (0.4, 1.2)
_NOISE_STD = (0.0, 0.2)

_SEEDS = 2**62
_Step = Callable[[Tensor, torch.Generator, Rows], Tensor]


def augment_in_place(images: Tensor, generator: torch.Generator, *, rows: Rows | None = None) -> None:
    """Change images (b, z, y, x); each step runs on the samples drawn for it.

    rows: which rows of a global batch `images` holds; None is all of them. They come out as the whole batch's do.
    """
    rows = rows_of(images, rows)
    seeds = torch.randint(_SEEDS, (len(_STEPS),), generator=generator).tolist()
    for seed, (step, probability) in zip(seeds, _STEPS, strict=True):
        own = torch.Generator().manual_seed(seed)
        chosen, part = _chosen(happens(own, rows.samples, probability), rows)
        if not len(chosen):
            continue
        changed = step(images.index_select(0, chosen.to(images.device)), own, part)
        # Masked after each step: a blur must not pull a changed background into the brain. One image after the other,
        # as floats and where it lies: many times faster than with bool, and each stays in the cache of a CPU.
        for row, image in zip(chosen.tolist(), changed, strict=True):
            _inside_(images[row]).mul_(image)


def _chosen(happening: Tensor, rows: Rows) -> tuple[Tensor, Rows]:
    """Which of the own rows a step runs on, and which rows these are among all that it runs on."""
    number = happening.cumsum(0) - 1
    chosen = happening[rows.own].nonzero().flatten()
    return chosen, Rows(number[rows.own[chosen]], int(happening.sum()))


def _inside_(image: Tensor) -> Tensor:
    """The same memory, 1 in the brain and 0 outside."""
    return image.sign_().square_()


# Each step may change `images`, which are its own copy.


def _bias_field(images: Tensor, generator: torch.Generator, rows: Rows | None = None) -> Tensor:
    """Times the exponential of a smooth polynomial, about the darkest voxel: a field scales raw intensity."""
    rows, terms = rows_of(images, rows), _BIAS_DEGREE + 1
    drawn = uniform(generator, (rows.samples, terms, terms, terms), -_BIAS_COEFFICIENT, _BIAS_COEFFICIENT)
    powers = torch.arange(terms)
    degree = powers[:, None, None] + powers[:, None] + powers
    coefficients = drawn[rows.own] * ((degree > 0) & (degree <= _BIAS_DEGREE))
    field = coefficients.to(device=images.device, dtype=images.dtype)  # (b, i, j, k)
    z, y, x = (_powers(size, terms, images) for size in images.shape[1:])
    field = torch.einsum("bijk,zi->bzjk", field, z)
    field = torch.einsum("bzjk,yj->bzyk", field, y)
    field = (field.flatten(1, 2) @ x.T).view_as(images).exp_()
    darkest = images.amin(dim=(1, 2, 3), keepdim=True)
    return images.sub_(darkest).mul_(field).add_(darkest)


def _powers(size: int, terms: int, like: Tensor) -> Tensor:
    """1, t, t^2, ... along an axis from -1 to 1: (size, terms)."""
    along = torch.linspace(-1, 1, size, device=like.device, dtype=like.dtype)
    return along[:, None] ** torch.arange(terms, device=like.device)


def _contrast(images: Tensor, generator: torch.Generator, rows: Rows | None = None) -> Tensor:
    """Contrast about the mean in the brain, and brightness in units of the brain's standard deviation."""
    factor = _per_sample(generator, images, _CONTRAST, rows)
    offset = _per_sample(generator, images, _BRIGHTNESS, rows)
    count = _inside_(images.clone()).sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)
    mean = images.sum(dim=(1, 2, 3), keepdim=True) / count
    return images.mul_(factor).add_(mean * (1 - factor) + offset)


def _gamma(images: Tensor, generator: torch.Generator, rows: Rows | None = None) -> Tensor:
    """Power of the intensity between the sample's minimum and maximum, which stay."""
    low = images.amin(dim=(1, 2, 3), keepdim=True)
    span = (images.amax(dim=(1, 2, 3), keepdim=True) - low).clamp(min=1e-6)
    power = _per_sample(generator, images, _GAMMA, rows)
    # As exp(power x log): three times as fast as a power; the minimum's logarithm, minus infinity, becomes 0 again.
    return images.sub_(low).div_(span).log_().mul_(power).exp_().mul_(span).add_(low)


def _low_resolution(images: Tensor, generator: torch.Generator, rows: Rows | None = None) -> Tensor:
    """Coarser voxels, with thick slices along one axis, read back on the old grid."""
    rows = rows_of(images, rows)
    factors = uniform(generator, (rows.samples, 3), *_IN_PLANE_FACTOR)
    slice_axis = torch.randint(3, (rows.samples, 1), generator=generator)
    factors.scatter_(1, slice_axis, uniform(generator, (rows.samples, 1), *_SLICE_FACTOR))
    factors = factors[rows.own]
    z, y, x = (low_resolution_operator(images.shape[1 + axis], factors[:, axis]) for axis in range(3))
    return apply_along_axes(images, (z, y, x))


def _blur(images: Tensor, generator: torch.Generator, rows: Rows | None = None) -> Tensor:
    """Gaussian blur, the same along the three axes."""
    rows = rows_of(images, rows)
    sigmas = uniform(generator, (rows.samples,), *_BLUR_SIGMA_VOX)[rows.own]
    z, y, x = (gaussian_operator(size, sigmas) for size in images.shape[1:])
    return apply_along_axes(images, (z, y, x))


def _noise(images: Tensor, generator: torch.Generator, rows: Rows | None = None) -> Tensor:
    """Plus normal noise."""
    strength = _per_sample(generator, images, _NOISE_STD, rows)
    for image, factor, noise in zip(images, strength, noise_windows(generator, images, rows=rows), strict=True):
        image.addcmul_(factor, noise)
    return images


def _per_sample(
    generator: torch.Generator, images: Tensor, limits: tuple[float, float], rows: Rows | None
) -> Tensor:
    """One number for each image, (b, 1, 1, 1) on its device."""
    rows = rows_of(images, rows)
    drawn = uniform(generator, (rows.samples, 1, 1, 1), *limits)[rows.own]
    return drawn.to(device=images.device, dtype=images.dtype)


# In the order in which a scanner makes them, with the share of samples that each touches.
_STEPS: tuple[tuple[_Step, float], ...] = (
    (_bias_field, 0.3),
    (_contrast, 0.3),
    (_gamma, 0.3),
    (_low_resolution, 0.25),
    (_blur, 0.2),
    (_noise, 0.2),
)
