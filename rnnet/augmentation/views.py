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
from rnnet.augmentation.intensity import augment_in_place
from rnnet.augmentation.mask import jitter_in_place, overlap
from rnnet.planning.plan import ViewPlan

# The others are moved exactly: interpolation smooths, and test images are not smoothed.
_ZOOM_PROBABILITY = 0.25
_ORDERS = torch.tensor([(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])


def make_view(
    batch: Tensor, plan: ViewPlan, generator: torch.Generator, *, rows: Rows | None = None, out: Tensor | None = None
) -> Tensor:
    """Changed copy of cubes (b, 2, n, n, n), T1CE (z-scored, 0 outside the brain) and mask of 0 and 1.

    Image and mask move alike; intensities change in the image alone, the rim in the mask alone.

    Args:
        batch: the process's own rows of the global batch.
        plan: what may change, and how far.
        generator: a CPU generator; the same seed draws the same views on every device.
        rows: which rows of the global batch `batch` holds; None: all of them.
        out: where to put the copy, contiguous; None: in new memory.
    """
    rows = rows_of(batch, rows)
    view = torch.empty_like(batch, memory_format=torch.contiguous_format) if out is None else out
    _move(batch, _draw_motion(plan, generator, rows), view)
    if plan.intensity_augmentation:
        augment_in_place(view[:, 0], generator, rows=rows)
    if plan.mask_jitter_vox:
        jitter_in_place(view[:, 1], radius_vox=plan.mask_jitter_vox, generator=generator, rows=rows)
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

    mirrored: bool (b, 3). shift_vox: (b, 3). zoomed: bool (b,). zoom: (b, 3), used where zoomed.
    order: b permutations of (0, 1, 2).
    """

    mirrored: Tensor
    shift_vox: Tensor
    zoomed: Tensor
    zoom: Tensor
    order: list[list[int]]


def _draw_motion(plan: ViewPlan, generator: torch.Generator, rows: Rows) -> _Motion:
    n, own = rows.samples, rows.own
    mirrored = happens(generator, 3 * n, 0.5).view(n, 3)
    order = _ORDERS[torch.randint(len(_ORDERS), (n,), generator=generator)]
    shift = torch.randint(-plan.shift_vox, plan.shift_vox + 1, (n, 3), generator=generator)
    zoomed = happens(generator, n, _ZOOM_PROBABILITY if plan.scaling else 0.0)
    zoom = uniform(generator, (n, 3), 1 - plan.scaling, 1 + plan.scaling)
    order = order if plan.axis_swaps else _ORDERS[:1].expand_as(order)
    return _Motion(mirrored[own], shift[own], zoomed[own], zoom[own], order[own].tolist())


def _move(batch: Tensor, motion: _Motion, out: Tensor) -> None:
    """Fill `out` with the cubes (b, c, n, n, n), moved."""
    for row in (~motion.zoomed).nonzero().flatten().tolist():
        mirrored, shift = motion.mirrored[row].tolist(), motion.shift_vox[row].tolist()
        _move_exactly(batch[row], mirrored, shift, _unordered(out[row], motion.order[row]))
    zoomed = motion.zoomed.nonzero().flatten()
    if len(zoomed):
        moved = _zoomed(batch, motion, zoomed)
        for number, row in enumerate(zoomed.tolist()):
            place = _unordered(out[row], motion.order[row])
            for channel, part in enumerate(moved):
                place[channel] = part[number]


def _move_exactly(cube: Tensor, mirrored: list[bool], shift_vox: list[int], place: Tensor) -> None:
    """Put a cube (c, n, n, n), mirrored and shifted, into `place`; what enters is 0."""
    place.zero_()
    size = cube.shape[-1]
    turned = cube.flip([1 + axis for axis in range(3) if mirrored[axis]])
    z, y, x = (overlap(s, size) for s in shift_vox)
    from_z, from_y, from_x = (overlap(-s, size) for s in shift_vox)
    place[:, z, y, x] = turned[:, from_z, from_y, from_x]


def _zoomed(batch: Tensor, motion: _Motion, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Images by linear interpolation, masks by the nearest voxel: (m, n, n, n), before their axes are put in order."""
    matrices = []
    for axis in range(3):
        shift = motion.shift_vox[rows, axis].float()
        matrix = resampling_operator(batch.shape[-1], motion.zoom[rows, axis], shift)
        matrices.append(torch.where(motion.mirrored[rows, axis, None, None], matrix.flip(-1), matrix))
    z, y, x = matrices
    images, masks = (batch[:, channel].index_select(0, rows.to(batch.device)) for channel in (0, 1))
    return apply_along_axes(images, (z, y, x)), apply_along_axes(masks, (_picking(z), _picking(y), _picking(x)))


def _picking(matrix: Tensor) -> Tensor:
    """Zeros and ones (m, n, n) that pick the voxel of the largest weight, and none for what is mostly outside."""
    picked = functional.one_hot(matrix.argmax(dim=-1), matrix.shape[-1])
    return picked * (matrix.amax(dim=-1, keepdim=True) >= 0.5)


def _unordered(cube: Tensor, order: list[int]) -> Tensor:
    """The same memory (c, n, n, n) with axes as they were before they were put into this order."""
    return cube.permute(0, *(1 + order.index(axis) for axis in range(3)))
