"""Corrupted views for context restoration: in-paint or out-paint, local shuffle, patch swap; T1CE only.

The mask channel is never corrupted: noise or shuffling would destroy a binary image and with it the hint where the
lesion is. Sources: context restoration by swapped patches (Chen 2019); in-painting, out-painting and local shuffling
(Zhou 2019, Models Genesis); their combination with a contrastive loss (Tang 2022).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from rnnet.augmentation.draws import Rows, happens, noise_windows, rows_of, uniform
from rnnet.planning.plan import CorruptionPlan

_Shape = tuple[int, int, int]
# Boxes that one byte has a bit for.
_BITS = 8


def corrupt_in_place(
    views: Tensor, plan: CorruptionPlan, generator: torch.Generator, *, rows: Rows | None = None
) -> None:
    """Corrupt channel 0 (T1CE) of a batch (b, c, z, y, x); the other channels stay the same bit by bit.

    Each sample has draws of its own.

    Args:
        views: T1CE first, z-scored in the brain; every cube contiguous.
        plan: what is done to them.
        generator: a CPU generator: the same seed corrupts in the same way on every device.
        rows: which rows of a global batch `views` holds; None is all of them. They come out as the whole batch's do.
    """
    rows = rows_of(views, rows)
    images = views[:, 0]
    _paint(images, plan, generator, rows)
    shape: _Shape = (images.shape[1], images.shape[2], images.shape[3])
    flat = images.view(len(images), -1)  # (b, z * y * x), the same memory
    _shuffle(flat, shape, plan, generator, rows)
    _swap(flat, shape, plan, generator, rows)


def _paint(images: Tensor, plan: CorruptionPlan, generator: torch.Generator, rows: Rows) -> None:
    """Noise in boxes (in-paint) or everywhere but in boxes (out-paint), in place; images are (b, z, y, x)."""
    shape: _Shape = (images.shape[1], images.shape[2], images.shape[3])
    out = happens(generator, rows.samples, plan.outpaint_probability)[rows.own]
    holes = _boxes(shape, plan.hole_count, plan.hole_edge_share, generator, rows)
    kept = _boxes(shape, plan.kept_box_count, plan.kept_box_edge_share, generator, rows)
    count = max(plan.hole_count, plan.kept_box_count)
    boxes = [
        torch.where(out[:, None, None], _padded(keep, count), _padded(hole, count))
        for hole, keep in zip(holes, kept, strict=True)
    ]
    noisy = _inside_any(boxes, images.device) ^ out.to(device=images.device, dtype=torch.uint8)[:, None, None, None]
    # Images are z-scored in the brain, so standard normal noise has the brain's mean and spread.
    noise = noise_windows(generator, images, rows=rows)
    # Between 0 and 1 as weights: exact at both, and many times faster than a choice by bool.
    for image, where, values in zip(images, noisy, noise, strict=True):
        image.lerp_(values, where.to(image.dtype))


def _boxes(
    shape: _Shape, count: int, edge_share: tuple[float, float], generator: torch.Generator, rows: Rows
) -> list[Tensor]:
    """Random boxes, each edge drawn for itself: for each axis bool (b, count, size), where each box reaches."""
    along: list[Tensor] = []
    for size in shape:
        edges = (uniform(generator, (rows.samples, count), *edge_share) * size).round().clamp(1, size)
        starts = (torch.rand(rows.samples, count, generator=generator) * (size - edges + 1)).floor()
        starts, ends = starts[rows.own, :, None], (starts + edges)[rows.own, :, None]
        places = torch.arange(size)
        along.append((places >= starts) & (places < ends))
    return along


def _padded(inside: Tensor, count: int) -> Tensor:
    """bool (b, boxes, size) with empty boxes up to `count`."""
    return functional.pad(inside, (0, 0, 0, count - inside.shape[1]))


def _inside_any(along: list[Tensor], device: torch.device) -> Tensor:
    """Bytes 0 and 1 (b, z, y, x) on the device: inside any box, told for each axis as bool (b, count, size) on the CPU.

    Bytes are many times faster than bool.
    """
    z, y, x = along
    inside = torch.zeros(len(z), z.shape[2], y.shape[2], x.shape[2], dtype=torch.uint8, device=device)
    # A bit for each box: a voxel is in those whose bits are set along all three axes. One pass over bytes.
    for first in range(0, z.shape[1], _BITS):
        values = 2 ** torch.arange(min(_BITS, z.shape[1] - first))
        bits = [(part[:, first : first + _BITS] * values[:, None]).sum(1).to(torch.uint8).to(device) for part in along]
        inside |= bits[0][:, :, None, None] & bits[1][:, None, :, None] & bits[2][:, None, None, :]
    return inside.clamp_(max=1)


def _shuffle(flat: Tensor, shape: _Shape, plan: CorruptionPlan, generator: torch.Generator, rows: Rows) -> None:
    """Permute the voxels inside small boxes, in all boxes of a sample alike, in place; flat is (b, z * y * x)."""
    chosen = happens(generator, rows.samples, plan.shuffle_probability)
    cells = _cells(shape, rows.samples, plan.shuffle_box_count, plan.shuffle_box_edge_share, generator)
    order = torch.rand((rows.samples, 1, cells.shape[-1]), generator=generator)[rows.own].argsort(dim=-1)
    cells = cells[rows.own]
    source = torch.where(chosen[rows.own, None, None], cells.gather(-1, order.expand_as(cells)), cells)
    _copy(flat, cells, source)


def _swap(flat: Tensor, shape: _Shape, plan: CorruptionPlan, generator: torch.Generator, rows: Rows) -> None:
    """Exchange pairs of small boxes, in place; flat is (b, z * y * x)."""
    chosen = happens(generator, rows.samples, plan.swap_probability)
    cells = _cells(shape, rows.samples, 2 * plan.swap_pair_count, plan.swap_box_edge_share, generator)[rows.own]
    pairs = cells.shape[1] // 2
    cells = cells[:, : 2 * pairs]
    source = torch.where(chosen[rows.own, None, None], cells.roll(pairs, dims=1), cells)
    _copy(flat, cells, source)


def _copy(flat: Tensor, to: Tensor, source: Tensor) -> None:
    """flat[to] = flat[source] for indices (b, boxes, voxels) on the CPU; boxes are disjoint, so the order is free."""
    values = flat.gather(1, source.flatten(1).to(flat.device))
    flat.scatter_(1, to.flatten(1).to(flat.device), values)


def _cells(shape: _Shape, samples: int, count: int, edge_share: float, generator: torch.Generator) -> Tensor:
    """Flat voxel indices (b, boxes, edge**3) of random boxes that do not overlap.

    They are cells of a randomly placed grid: disjoint boxes can all be read and written at once.
    """
    edge = min(max(2, round(edge_share * min(shape))), *shape)
    per_axis = [size // edge for size in shape]
    total = math.prod(per_axis)
    chosen = torch.rand(samples, total, generator=generator).argsort(dim=1)[:, : min(count, total)]
    cell_zyx = torch.stack(torch.unravel_index(chosen, per_axis), dim=-1)  # (b, boxes, 3)
    spare = [size - cells * edge for size, cells in zip(shape, per_axis, strict=True)]
    offsets = [torch.randint(s + 1, (samples, 1), generator=generator) for s in spare]
    start_zyx = cell_zyx * edge + torch.stack(offsets, dim=-1)  # (b, boxes, 3)
    strides = torch.tensor([shape[1] * shape[2], shape[2], 1])
    within = torch.cartesian_prod(*[torch.arange(edge)] * 3).reshape(-1, 3)  # (edge**3, 3)
    return (start_zyx * strides).sum(-1, keepdim=True) + (within * strides).sum(-1)
