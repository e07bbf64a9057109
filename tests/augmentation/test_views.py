from __future__ import annotations

import torch

from rnnet.augmentation.views import flip_samples, random_view
from tests.augmentation.cubes import cubes, generator


def test_the_same_seed_gives_the_same_view_and_another_seed_another():
    batch = cubes()
    first, again, other = (random_view(batch, shift_vox=3, generator=generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_image_and_mask_move_alike():
    batch = cubes(8)
    batch[:, 1] = batch[:, 0]
    view = random_view(batch, shift_vox=3, generator=generator())
    assert torch.equal(view[:, 0], view[:, 1])
    assert not torch.equal(view[0], view[1])


def test_without_shift_a_view_is_a_mirrored_cube():
    batch = torch.randn(16, 2, 4, 4, 4, generator=generator())
    view = random_view(batch, shift_vox=0, generator=generator(1))
    mirrors = [torch.stack([sample.flip(axes) for sample in batch]) for axes in
               ([], [1], [2], [3], [1, 2], [1, 3], [2, 3], [1, 2, 3])]
    found = [[torch.equal(view[i], m[i]) for m in mirrors].index(True) for i in range(16)]
    assert len(set(found)) > 3  # every axis is flipped for itself


def test_a_shift_is_a_whole_number_of_voxels_and_fills_with_background():
    batch = torch.zeros(40, 1, 9, 9, 9)
    batch[:, :, 4, 4, 4] = 1  # the middle: no flip moves it
    view = random_view(batch, shift_vox=2, generator=generator())
    places = view[:, 0].nonzero()[:, 1:] - 4
    assert len(places) == 40
    assert places.abs().max() == 2
    assert sorted(places[:, 0].unique().tolist()) == [-2, -1, 0, 1, 2]


def test_a_flip_is_exact_and_for_one_sample():
    batch = cubes(2)
    flipped = flip_samples(batch, torch.tensor([[False, False, False], [True, False, True]]))
    assert torch.equal(flipped[0], batch[0])
    assert torch.equal(flipped[1], batch[1].flip([1, 3]))
