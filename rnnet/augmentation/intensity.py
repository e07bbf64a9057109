"""Changes of intensity that scanners make: bias field, contrast, gamma, thick slices, blur, noise.

Images are z-scored in the brain and exactly 0 outside it; outside stays 0 through every step.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rnnet.augmentation.axes import apply_along_axes, gaussian_operator, low_resolution_operator
from rnnet.augmentation.draws import happens, normal_noise, uniform

_BIAS_DEGREE = 3
_BIAS_COEFFICIENT = 0.15
_CONTRAST = (0.75, 1.25)
_BRIGHTNESS = (-0.3, 0.3)
_GAMMA = (0.7, 1.5)
_IN_PLANE_FACTOR = (1.0, 1.5)
_SLICE_FACTOR = (1.0, 4.0)
_BLUR_SIGMA_VOX = (0.4, 1.2)
_NOISE_STD = (0.0, 0.2)


def augment_intensity(images: Tensor, generator: torch.Generator) -> Tensor:
    """Changed copy of images (b, z, y, x); each step runs on the samples drawn for it."""
    images = images.clone()
    brain = images != 0
    for step, probability in _STEPS:
        chosen = happens(generator, images.shape[0], probability).nonzero().flatten().to(images.device)
        if len(chosen):
            inside = brain[chosen]
            # Masked after each step: a blur must not pull a changed background into the brain.
            images[chosen] = step(images[chosen], inside, generator) * inside
    return images


def _bias_field(images: Tensor, _: Tensor, generator: torch.Generator) -> Tensor:
    """Times the exponential of a smooth polynomial, about the darkest voxel: a field scales raw intensity."""
    terms = _BIAS_DEGREE + 1
    coefficients = uniform(generator, (images.shape[0], terms, terms, terms), -_BIAS_COEFFICIENT, _BIAS_COEFFICIENT)
    powers = torch.arange(terms)
    degree = powers[:, None, None] + powers[:, None] + powers
    coefficients = coefficients * ((degree > 0) & (degree <= _BIAS_DEGREE))
    field = coefficients.to(device=images.device, dtype=images.dtype)  # (b, i, j, k)
    for size in images.shape[1:]:
        along = torch.linspace(-1, 1, size, device=images.device, dtype=images.dtype)
        basis = along[:, None] ** powers.to(images.device)  # (size, terms)
        field = (field.movedim(1, -1) @ basis.T)  # the axis that was first becomes the last, in voxels
    darkest = images.amin(dim=(1, 2, 3), keepdim=True)
    return (images - darkest) * field.exp() + darkest


def _contrast(images: Tensor, inside: Tensor, generator: torch.Generator) -> Tensor:
    """Contrast about the mean in the brain, and brightness in units of the brain's standard deviation."""
    factor = _per_sample(generator, images, _CONTRAST)
    offset = _per_sample(generator, images, _BRIGHTNESS)
    count = inside.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)
    mean = images.sum(dim=(1, 2, 3), keepdim=True) / count
    return (images - mean) * factor + mean + offset


def _gamma(images: Tensor, _: Tensor, generator: torch.Generator) -> Tensor:
    """Power of the intensity between the sample's minimum and maximum, which stay."""
    low = images.amin(dim=(1, 2, 3), keepdim=True)
    span = (images.amax(dim=(1, 2, 3), keepdim=True) - low).clamp(min=1e-6)
    return ((images - low) / span) ** _per_sample(generator, images, _GAMMA) * span + low


def _low_resolution(images: Tensor, _: Tensor, generator: torch.Generator) -> Tensor:
    """Coarser voxels, with thick slices along one axis, read back on the old grid."""
    samples = images.shape[0]
    factors = uniform(generator, (samples, 3), *_IN_PLANE_FACTOR)
    slice_axis = torch.randint(3, (samples, 1), generator=generator)
    factors.scatter_(1, slice_axis, uniform(generator, (samples, 1), *_SLICE_FACTOR))
    z, y, x = (low_resolution_operator(images.shape[1 + axis], factors[:, axis]) for axis in range(3))
    return apply_along_axes(images, (z, y, x))


def _blur(images: Tensor, _: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian blur, the same along the three axes."""
    sigmas = uniform(generator, (images.shape[0],), *_BLUR_SIGMA_VOX)
    z, y, x = (gaussian_operator(size, sigmas) for size in images.shape[1:])
    return apply_along_axes(images, (z, y, x))


def _noise(images: Tensor, _: Tensor, generator: torch.Generator) -> Tensor:
    """Plus normal noise."""
    return images + _per_sample(generator, images, _NOISE_STD) * normal_noise(generator, images)


def _per_sample(generator: torch.Generator, images: Tensor, limits: tuple[float, float]) -> Tensor:
    """One number for each image, (b, 1, 1, 1) on its device."""
    return uniform(generator, (images.shape[0], 1, 1, 1), *limits).to(device=images.device, dtype=images.dtype)


# In the order in which a scanner makes them, with the share of samples that each touches.
_STEPS: tuple[tuple[Callable[[Tensor, Tensor, torch.Generator], Tensor], float], ...] = (
    (_bias_field, 0.3),
    (_contrast, 0.3),
    (_gamma, 0.3),
    (_low_resolution, 0.25),
    (_blur, 0.2),
    (_noise, 0.2),
)
