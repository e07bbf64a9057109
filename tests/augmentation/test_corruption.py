from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rnnet.augmentation.corruption import _cells, corrupt_in_place
from rnnet.augmentation.draws import Rows
from rnnet.planning.plan import CorruptionPlan
from tests.augmentation.cubes import cubes, generator

NONE = {"hole_count": 0, "outpaint_probability": 0.0, "shuffle_probability": 0.0, "swap_probability": 0.0}


def corrupt_views(
    views: Tensor, plan: CorruptionPlan, generator: torch.Generator, *, rows: Rows | None = None
) -> Tensor:
    """A corrupted copy."""
    corrupted = views.clone(memory_format=torch.contiguous_format)
    corrupt_in_place(corrupted, plan, generator, rows=rows)
    return corrupted


def test_the_mask_is_never_corrupted():
    batch = cubes(8)
    corrupted = corrupt_views(batch, CorruptionPlan(), generator())
    assert torch.equal(corrupted[:, 1], batch[:, 1])
    assert all(not torch.equal(new, old) for new, old in zip(corrupted[:, 0], batch[:, 0], strict=True))


def test_the_same_seed_gives_the_same_corruption_and_another_seed_another():
    images = cubes(6)[:, :1]
    first, again, other = (corrupt_views(images, CorruptionPlan(), generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_plan_without_corruption_returns_the_image():
    images = cubes(3)[:, :1]
    assert torch.equal(corrupt_views(images, CorruptionPlan(**NONE), generator()), images)


def test_in_painting_changes_boxes_of_the_asked_size_only():
    plan = CorruptionPlan(**{**NONE, "hole_count": 1}, hole_edge_share=(0.25, 0.25))
    images = torch.zeros(20, 1, 16, 16, 16)
    changed = corrupt_views(images, plan, generator())[:, 0] != 0
    assert changed.sum(dim=(1, 2, 3)).tolist() == [4**3] * 20
    for axes in ((2, 3), (1, 3), (1, 2)):
        assert changed.any(dim=axes[1]).any(dim=axes[0]).sum(dim=1).tolist() == [4] * 20


def test_out_painting_keeps_boxes_and_replaces_everything_else():
    plan = CorruptionPlan(
        **{**NONE, "outpaint_probability": 1.0}, kept_box_count=1, kept_box_edge_share=(0.5, 0.5)
    )
    images = torch.full((10, 1, 16, 16, 16), 7.0)
    kept = corrupt_views(images, plan, generator())[:, 0] == 7
    assert kept.sum(dim=(1, 2, 3)).tolist() == [8**3] * 10


def test_holes_reach_every_face_of_the_cube():
    plan = CorruptionPlan(**{**NONE, "hole_count": 6}, hole_edge_share=(0.2, 0.4))
    changed = (corrupt_views(torch.zeros(50, 1, 16, 16, 16), plan, generator())[:, 0] != 0).any(dim=0)
    for axis in range(3):
        assert bool(changed.select(axis, 0).any())
        assert bool(changed.select(axis, 15).any())


@pytest.mark.parametrize("kind", ["shuffle", "swap"])
def test_shuffling_and_swapping_only_move_voxels(kind):
    plan = CorruptionPlan(**{**NONE, f"{kind}_probability": 1.0})
    images = cubes(4)[:, :1]
    moved = corrupt_views(images, plan, generator())
    assert torch.equal(moved.flatten(1).sort().values, images.flatten(1).sort().values)
    assert all(not torch.equal(new, old) for new, old in zip(moved, images, strict=True))


def test_shuffling_moves_voxels_by_no_more_than_its_box():
    plan = CorruptionPlan(**{**NONE, "shuffle_probability": 1.0}, shuffle_box_edge_share=0.2)  # 3 voxels
    along_z = torch.arange(16.0).view(1, 1, 16, 1, 1).expand(2, 1, 16, 16, 16)
    assert (corrupt_views(along_z, plan, generator()) - along_z).abs().max() == 2


def test_swapping_twice_with_one_seed_restores_the_image():
    plan = CorruptionPlan(**{**NONE, "swap_probability": 1.0})
    images = cubes(2)[:, :1]
    assert torch.equal(corrupt_views(corrupt_views(images, plan, generator(5)), plan, generator(5)), images)


@pytest.mark.parametrize("shape", [(16, 16, 16), (17, 19, 23), (3, 3, 3)])
def test_small_boxes_never_overlap_and_stay_inside(shape):
    cells = _cells(shape, 5, 12, 0.15, generator()).flatten(1)
    assert cells.min() >= 0
    assert cells.max() < shape[0] * shape[1] * shape[2]
    assert all(len(sample.unique()) == len(sample) for sample in cells)


def test_the_default_plan_hides_a_like_share_at_every_crop_edge():
    shares = []
    for edge in (16, 32):
        images = torch.zeros(40, 1, edge, edge, edge)
        plan = CorruptionPlan(shuffle_probability=0, swap_probability=0, outpaint_probability=0)
        shares.append((corrupt_views(images, plan, generator()) != 0).float().mean().item())
    assert shares[0] == pytest.approx(shares[1], abs=0.04)
    assert 0.02 < shares[0] < 0.2


@pytest.mark.parametrize("own", [[0, 1, 2, 3, 4], [4, 1], [3]])
def test_the_rows_of_a_process_come_out_as_those_of_the_whole_batch(own):
    batch = cubes(5)
    batch += torch.arange(5.0).view(5, 1, 1, 1, 1)
    whole = corrupt_views(batch, CorruptionPlan(outpaint_probability=0.5), generator(3))
    rows = Rows(torch.tensor(own), 5)
    part = corrupt_views(batch[own], CorruptionPlan(outpaint_probability=0.5), generator(3), rows=rows)
    assert torch.equal(part, whole[own])


def test_more_boxes_than_a_byte_has_bits_all_count():
    plan = CorruptionPlan(**{**NONE, "hole_count": 19}, hole_edge_share=(0.1, 0.1))
    changed = corrupt_views(torch.zeros(30, 1, 16, 16, 16), plan, generator())[:, 0] != 0
    # Boxes of 8 voxels, some of which lie on each other.
    assert changed.sum(dim=(1, 2, 3)).float().mean() > 0.9 * 19 * 8
