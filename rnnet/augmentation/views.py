"""Random views of a lesion cube for pretraining: what two looks at one lesion may differ in.

Every draw is made for the whole global batch: a view does not depend on which other samples are worked on beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from rnnet.augmentation.axes import apply_along_axes, resampling_operator
from rnnet.augmentation.draws import Rows, happens, rows_of, uniform
from rnnet.augmentation.intensity import augment_intensity
from rnnet.augmentation.mask import jitter_mask, overlap
from rnnet.planning.plan import ViewPlan

_ORDERS = torch.tensor([(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])


def make_view(batch: Tensor, plan: ViewPlan, generator: torch.Generator, *, rows: Rows | None = None) -> Tensor:
    """Changed copy of cubes (b, 2, n, n, n), T1CE (z-scored, 0 outside the brain) and mask of 0 and 1.

    Image and mask move alike; intensities change in the image alone, the rim in the mask alone.

    Args:
        batch: the process's own rows of the global batch.
        plan: what may change, and how far.
        generator: a CPU generator; the same seed draws the same views on every device.
        rows: which rows of the global batch `batch` holds; None: all of them.
    """
    rows = rows_of(batch, rows)
    motion = _draw_motion(plan, generator, rows)
    view = _moved(batch, motion) if plan.scaling == 0 else _zoomed(batch, motion)
    if plan.intensity_augmentation:
        view[:, 0] = augment_intensity(view[:, 0], generator, rows=rows)
    if plan.mask_jitter_vox:
        view[:, 1] = jitter_mask(view[:, 1], radius_vox=plan.mask_jitter_vox, generator=generator, rows=rows)
    dropped = happens(generator, rows.samples, plan.mask_drop_probability)[rows.own].nonzero().flatten()
    if len(dropped):
        view[dropped.to(batch.device), 1] = 0
    return view


def flip_samples(batch: Tensor, flips: Tensor) -> Tensor:
    """Copy of a batch (b, c, z, y, x) with sample i mirrored along axis a where flips[i, a]; flips is on the CPU."""
    mirrored = [
        sample.flip([1 + axis for axis in range(3) if chosen[axis]])
        for sample, chosen in zip(batch, flips.tolist(), strict=True)
    ]
    return torch.stack(mirrored)


@dataclass(frozen=True, slots=True, eq=False)
class _Motion:
    """How each of b cubes moves along its axes, and the order of these axes afterwards.

    mirrored: bool (b, 3). shift_vox, zoom: (b, 3). order: b permutations of (0, 1, 2).
    """

    mirrored: Tensor
    shift_vox: Tensor
    zoom: Tensor
    order: list[list[int]]


def _draw_motion(plan: ViewPlan, generator: torch.Generator, rows: Rows) -> _Motion:
    n, own = rows.samples, rows.own
    mirrored = happens(generator, 3 * n, 0.5).view(n, 3)
    order = _ORDERS[torch.randint(len(_ORDERS), (n,), generator=generator)]
    shift = torch.randint(-plan.shift_vox, plan.shift_vox + 1, (n, 3), generator=generator)
    zoom = uniform(generator, (n, 3), 1 - plan.scaling, 1 + plan.scaling)
    order = order if plan.axis_swaps else _ORDERS[:1].expand_as(order)
    return _Motion(mirrored[own], shift[own], zoom[own], order[own].tolist())


def _moved(batch: Tensor, motion: _Motion) -> Tensor:
    """Mirrored, shifted and turned copy of cubes (b, c, n, n, n): exact, no interpolation; what enters is 0."""
    moved, size = torch.zeros_like(batch, memory_format=torch.contiguous_format), batch.shape[-1]
    draws = zip(motion.mirrored.tolist(), motion.shift_vox.tolist(), motion.order, strict=True)
    for cube, place, (mirrored, shift, order) in zip(batch, moved, draws, strict=True):
        turned = cube.flip([1 + axis for axis in range(3) if mirrored[axis]])
        z, y, x = (overlap(s, size) for s in shift)
        from_z, from_y, from_x = (overlap(-s, size) for s in shift)
        _unordered(place, order)[:, z, y, x] = turned[:, from_z, from_y, from_x]
    return moved


def _zoomed(batch: Tensor, motion: _Motion) -> Tensor:
    """The same with zoom: the image by linear interpolation, the mask by the nearest voxel; by matrix products."""
    matrices = []
    for axis in range(3):
        matrix = resampling_operator(batch.shape[-1], motion.zoom[:, axis], motion.shift_vox[:, axis].float())
        matrices.append(torch.where(motion.mirrored[:, axis, None, None], matrix.flip(-1), matrix))
    image = apply_along_axes(batch[:, 0].contiguous(), (matrices[0], matrices[1], matrices[2]))
    mask = _nearest(batch[:, 1], matrices)
    zoomed = torch.empty_like(batch, memory_format=torch.contiguous_format)
    for number, order in enumerate(motion.order):
        place = _unordered(zoomed[number], order)
        place[0], place[1] = image[number], mask[number]
    return zoomed


def _nearest(masks: Tensor, matrices: list[Tensor]) -> Tensor:
    """Masks (b, n, n, n), each voxel that of the largest weight along each axis; what is mostly outside becomes 0."""
    z, y, x = (matrix.argmax(dim=-1) for matrix in matrices)  # (b, n)
    in_z, in_y, in_x = ((matrix.amax(dim=-1) >= 0.5).float() for matrix in matrices)
    places = torch.stack((z, y)).to(masks.device)
    moved = torch.stack([
        mask.index_select(0, from_z).index_select(1, from_y)
        for mask, from_z, from_y in zip(masks, *places, strict=True)
    ])
    moved *= (in_z[:, :, None, None] * in_y[:, None, :, None]).to(masks.device)
    # Along the last axis by a product with zeros and ones: as exact, and much faster than picking single voxels.
    pick = functional.one_hot(x, masks.shape[-1]) * in_x[..., None]  # (b, n, n)
    return (moved.flatten(1, 2) @ pick.transpose(1, 2).to(moved)).view_as(moved)


def _unordered(cube: Tensor, order: list[int]) -> Tensor:
    """The same memory (c, n, n, n) with axes as they were before they were put into this order."""
    return cube.permute(0, *(1 + order.index(axis) for axis in range(3)))
