from __future__ import annotations

import pytest
import torch

from rnnet.augmentation.corruption import _cells, corrupt, corrupt_views
from rnnet.planning.plan import CorruptionPlan
from tests.augmentation.cubes import cubes, generator

NONE = {"hole_count": 0, "outpaint_probability": 0.0, "shuffle_probability": 0.0, "swap_probability": 0.0}


def test_the_mask_is_never_corrupted():
    batch = cubes(8)
    corrupted = corrupt_views(batch, CorruptionPlan(), generator())
    assert torch.equal(corrupted[:, 1], batch[:, 1])
    assert all(not torch.equal(new, old) for new, old in zip(corrupted[:, 0], batch[:, 0], strict=True))


def test_the_input_is_left_as_it_is():
    batch = cubes(4)
    before = batch.clone()
    corrupt_views(batch, CorruptionPlan(), generator())
    assert torch.equal(batch, before)


def test_the_same_seed_gives_the_same_corruption_and_another_seed_another():
    images = cubes(6)[:, :1]
    first, again, other = (corrupt(images, CorruptionPlan(), generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_plan_without_corruption_returns_the_image():
    images = cubes(3)[:, :1]
    assert torch.equal(corrupt(images, CorruptionPlan(**NONE), generator()), images)


def test_in_painting_changes_boxes_of_the_asked_size_only():
    plan = CorruptionPlan(**{**NONE, "hole_count": 1}, hole_edge_share=(0.25, 0.25))
    images = torch.zeros(20, 1, 16, 16, 16)
    changed = corrupt(images, plan, generator())[:, 0] != 0
    assert changed.sum(dim=(1, 2, 3)).tolist() == [4**3] * 20
    for axes in ((2, 3), (1, 3), (1, 2)):
        assert changed.any(dim=axes[1]).any(dim=axes[0]).sum(dim=1).tolist() == [4] * 20


def test_out_painting_keeps_boxes_and_replaces_everything_else():
    plan = CorruptionPlan(
        **{**NONE, "outpaint_probability": 1.0}, kept_box_count=1, kept_box_edge_share=(0.5, 0.5)
    )
    images = torch.full((10, 1, 16, 16, 16), 7.0)
    kept = corrupt(images, plan, generator())[:, 0] == 7
    assert kept.sum(dim=(1, 2, 3)).tolist() == [8**3] * 10


def test_holes_reach_every_face_of_the_cube():
    plan = CorruptionPlan(**{**NONE, "hole_count": 6}, hole_edge_share=(0.2, 0.4))
    changed = (corrupt(torch.zeros(50, 1, 16, 16, 16), plan, generator())[:, 0] != 0).any(dim=0)
    for axis in range(3):
        assert bool(changed.select(axis, 0).any())
        assert bool(changed.select(axis, 15).any())


@pytest.mark.parametrize("kind", ["shuffle", "swap"])
def test_shuffling_and_swapping_only_move_voxels(kind):
    plan = CorruptionPlan(**{**NONE, f"{kind}_probability": 1.0})
    images = cubes(4)[:, :1]
    moved = corrupt(images, plan, generator())
    assert torch.equal(moved.flatten(1).sort().values, images.flatten(1).sort().values)
    assert all(not torch.equal(new, old) for new, old in zip(moved, images, strict=True))


def test_shuffling_moves_voxels_by_no_more_than_its_box():
    plan = CorruptionPlan(**{**NONE, "shuffle_probability": 1.0}, shuffle_box_edge_share=0.2)  # 3 voxels
    along_z = torch.arange(16.0).view(1, 1, 16, 1, 1).expand(2, 1, 16, 16, 16)
    assert (corrupt(along_z, plan, generator()) - along_z).abs().max() == 2


def test_swapping_twice_with_one_seed_restores_the_image():
    plan = CorruptionPlan(**{**NONE, "swap_probability": 1.0})
    images = cubes(2)[:, :1]
    assert torch.equal(corrupt(corrupt(images, plan, generator(5)), plan, generator(5)), images)


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
        shares.append((corrupt(images, plan, generator()) != 0).float().mean().item())
    assert shares[0] == pytest.approx(shares[1], abs=0.04)
    assert 0.02 < shares[0] < 0.2
