from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from rnnet.augmentation import spatial
from rnnet.augmentation.spatial import augment_spatially
from rnnet.planning.plan import FinetunePlan
from tests.augmentation.cubes import cubes, generator

STILL = replace(FinetunePlan(), rotation_degrees=0.0, scaling=0.0, shift_vox=0)


@pytest.fixture
def _all_moved(monkeypatch):
    monkeypatch.setattr(spatial, "_MOVED_PROBABILITY", 1.0)


@pytest.mark.usefixtures("_all_moved")
def test_no_rotation_scaling_or_shift_leaves_a_mirrored_cube():
    batch = cubes(4)
    moved = augment_spatially(batch, STILL, generator(), mask_channel=1)
    torch.testing.assert_close(moved[:, 0].flatten(1).sort().values, batch[:, 0].flatten(1).sort().values,
                               atol=1e-4, rtol=0)
    assert torch.equal(moved[:, 1], batch[:, 1])  # the sphere is symmetric


@pytest.mark.usefixtures("_all_moved")
def test_the_mask_stays_binary_and_on_the_image():
    batch = cubes(8, edge=24, lesion_radius=5)
    batch[:, 0] = batch[:, 1] * 3  # a bright lesion, on nothing
    moved = augment_spatially(batch, FinetunePlan(), generator(), mask_channel=1)
    assert set(moved[:, 1].unique().tolist()) == {0.0, 1.0}
    assert torch.equal(moved[:, 1] == 1, moved[:, 0] / 3 >= 0.5)


@pytest.mark.usefixtures("_all_moved")
def test_a_lesion_of_one_voxel_does_not_vanish():
    batch = torch.zeros(30, 2, 16, 16, 16)
    batch[:, 1, 8, 8, 8] = 1
    moved = augment_spatially(batch, FinetunePlan(), generator(), mask_channel=1)
    assert moved[:, 1].flatten(1).sum(1).min() >= 1


@pytest.mark.usefixtures("_all_moved")
def test_a_shift_stays_within_the_plans_voxels():
    batch = torch.zeros(30, 1, 17, 17, 17)
    batch[:, :, 8, 8, 8] = 1
    moved = augment_spatially(batch, replace(STILL, shift_vox=3), generator(), mask_channel=None)[:, 0]
    z = torch.arange(17.0).view(1, 17, 1, 1)
    offsets = (moved * z).sum(dim=(1, 2, 3)) / moved.sum(dim=(1, 2, 3)) - 8
    assert 2 < offsets.abs().max() <= 3 + 1e-4


def test_the_sampling_grid_equals_torchs():
    affine = torch.randn(3, 3, 4, generator=generator())
    expected = functional.affine_grid(affine, [3, 1, 6, 6, 6], align_corners=False)
    torch.testing.assert_close(spatial._sampling_grid(affine, 6), expected, atol=1e-5, rtol=0)


def test_a_rotation_is_rigid_up_to_the_zoom():
    affine = spatial._affine(FinetunePlan(scaling=0.1), 50, 16, generator())
    product = affine[:, :, :3] @ affine[:, :, :3].transpose(1, 2)
    zoom = product[:, 0, 0]
    torch.testing.assert_close(product, torch.eye(3) * zoom[:, None, None], atol=1e-5, rtol=0)
    assert zoom.rsqrt().min() >= 0.9
    assert zoom.rsqrt().max() <= 1.1


def test_half_of_the_samples_are_not_interpolated():
    batch = torch.randn(200, 1, 8, 8, 8, generator=generator())
    moved = augment_spatially(batch, FinetunePlan(), generator(1), mask_channel=None)
    same = (moved.flatten(1).sort().values == batch.flatten(1).sort().values).all(dim=1)
    assert 0.4 < same.float().mean() < 0.6
