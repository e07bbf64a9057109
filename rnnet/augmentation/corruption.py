"""Corrupted views for context restoration: in-paint or out-paint, local shuffle, patch swap; T1CE only.

The mask channel is never corrupted: noise or shuffling would destroy a binary image and with it the hint where the
lesion is. Sources: context restoration by swapped patches (Chen 2019); in-painting, out-painting and local shuffling
(Zhou 2019, Models Genesis); their combination with a contrastive loss (Tang 2022).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rnnet.augmentation.draws import happens, normal_noise, uniform
from rnnet.planning.plan import CorruptionPlan

_Shape = tuple[int, int, int]


def corrupt_views(batch: Tensor, plan: CorruptionPlan, generator: torch.Generator) -> Tensor:
    """Batch (b, c, z, y, x) whose channel 0 (T1CE) is corrupted; the other channels are the same bit by bit."""
    return torch.cat((corrupt(batch[:, :1], plan, generator), batch[:, 1:]), dim=1)


def corrupt(images: Tensor, plan: CorruptionPlan, generator: torch.Generator) -> Tensor:
    """Corrupted copy of T1CE images (b, 1, z, y, x), z-scored; each sample has draws of its own.

    `generator` is a CPU generator: the same seed corrupts in the same way on every device.
    """
    shape: _Shape = (images.shape[2], images.shape[3], images.shape[4])
    flat = _painted(images[:, 0], plan, generator).flatten(1)  # (b, z * y * x)
    _shuffle(flat, shape, plan, generator)
    _swap(flat, shape, plan, generator)
    return flat.view_as(images)


def _painted(images: Tensor, plan: CorruptionPlan, generator: torch.Generator) -> Tensor:
    """Images (b, z, y, x) with noise in boxes (in-paint) or everywhere but in boxes (out-paint)."""
    samples = images.shape[0]
    out = happens(generator, samples, plan.outpaint_probability)
    holes = _inside_boxes(images, plan.hole_count, plan.hole_edge_share, generator)
    if bool(out.any()):
        chosen = out.nonzero().flatten().to(images.device)
        kept = _inside_boxes(images[chosen], plan.kept_box_count, plan.kept_box_edge_share, generator)
        holes[chosen] = ~kept
    # Images are z-scored in the brain, so standard normal noise has the brain's mean and spread.
    return torch.where(holes, normal_noise(generator, images), images)


def _inside_boxes(
    images: Tensor, count: int, edge_share: tuple[float, float], generator: torch.Generator
) -> Tensor:
    """bool (b, z, y, x): inside any of `count` random boxes, each edge drawn for itself."""
    samples = images.shape[0]
    along: list[Tensor] = []
    for size in images.shape[1:]:
        edges = (uniform(generator, (samples, count), *edge_share) * size).round().clamp(1, size)
        starts = (torch.rand(samples, count, generator=generator) * (size - edges + 1)).floor()
        places = torch.arange(size)
        inside = (places >= starts[..., None]) & (places < (starts + edges)[..., None])  # (b, count, size)
        along.append(inside.to(device=images.device, dtype=torch.float32))
    # How many boxes hold a voxel is a sum over boxes of products over axes: one matrix product for the batch.
    zy = (along[0][:, :, :, None] * along[1][:, :, None, :]).flatten(2)  # (b, count, z * y)
    holding = zy.transpose(1, 2) @ along[2]  # (b, z * y, x)
    return holding.view_as(images) > 0.5


def _shuffle(flat: Tensor, shape: _Shape, plan: CorruptionPlan, generator: torch.Generator) -> None:
    """Permute the voxels inside small boxes, in place; flat is (b, z * y * x)."""
    chosen = happens(generator, flat.shape[0], plan.shuffle_probability)
    cells = _cells(shape, flat.shape[0], plan.shuffle_box_count, plan.shuffle_box_edge_share, generator)
    order = torch.rand(cells.shape, generator=generator).argsort(dim=-1)
    source = torch.where(chosen[:, None, None], cells.gather(-1, order), cells)
    _copy(flat, cells, source)


def _swap(flat: Tensor, shape: _Shape, plan: CorruptionPlan, generator: torch.Generator) -> None:
    """Exchange pairs of small boxes, in place; flat is (b, z * y * x)."""
    chosen = happens(generator, flat.shape[0], plan.swap_probability)
    cells = _cells(shape, flat.shape[0], 2 * plan.swap_pair_count, plan.swap_box_edge_share, generator)
    pairs = cells.shape[1] // 2
    cells = cells[:, : 2 * pairs]
    source = torch.where(chosen[:, None, None], cells.roll(pairs, dims=1), cells)
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
