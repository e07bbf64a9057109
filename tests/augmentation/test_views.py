from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from rnnet.augmentation.draws import Rows
from rnnet.augmentation.views import flip_samples, make_view
from rnnet.planning.plan import ViewPlan
from tests.augmentation.cubes import cubes, generator

EVERYTHING = ViewPlan(
    shift_vox=2, axis_swaps=True, scaling=0.2, intensity_augmentation=True, mask_jitter_vox=1,
    mask_drop_probability=0.3,
)
STILL = ViewPlan(
    shift_vox=0, axis_swaps=False, scaling=0.0, intensity_augmentation=False, mask_jitter_vox=0,
    mask_drop_probability=0.0,
)


@pytest.mark.parametrize("plan", [replace(STILL, shift_vox=3), EVERYTHING])
def test_the_same_seed_gives_the_same_view_and_another_seed_another(plan):
    batch = cubes(3)
    before = batch.clone()
    first, again, other = (make_view(batch, plan, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(batch, before)


@pytest.mark.parametrize("own", [[3, 0, 4], [2]])
@pytest.mark.parametrize("plan", [replace(STILL, shift_vox=4), EVERYTHING])
def test_the_rows_of_a_process_get_the_views_that_they_have_in_the_whole_batch(plan, own):
    batch = cubes(5)
    whole = make_view(batch, plan, generator(7))
    part = make_view(batch[own], plan, generator(7), rows=Rows(torch.tensor(own), 5))
    torch.testing.assert_close(part, whole[own], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axis_swaps", [False, True])
def test_image_and_mask_move_alike(axis_swaps):
    batch = cubes(8)
    batch[:, 1] = (batch[:, 0] > 0.5).float()
    batch[:, 0] = batch[:, 1]
    view = make_view(batch, replace(STILL, shift_vox=3, axis_swaps=axis_swaps), generator())
    assert torch.equal(view[:, 0], view[:, 1])
    assert not torch.equal(view[0], view[1])


@pytest.mark.parametrize(("axis_swaps", "symmetries"), [(False, 8), (True, 48)])
def test_without_shift_a_view_is_one_of_the_symmetries_of_the_cube(axis_swaps, symmetries):
    batch = torch.randn(40, 2, 4, 4, 4, generator=generator())
    view = make_view(batch, replace(STILL, shift_vox=0, axis_swaps=axis_swaps), generator(1))
    turns = [
        (flips, order) for flips in itertools.product((0, 1), repeat=3) for order in itertools.permutations((2, 3, 4))
        if axis_swaps or order == (2, 3, 4)
    ]
    assert len(turns) == symmetries
    turned = [
        batch.flip([2 + a for a in range(3) if flips[a]]).permute(0, 1, *order) for flips, order in turns
    ]
    found = {[torch.equal(view[i], t[i]) for t in turned].index(True) for i in range(40)}
    assert len(found) > symmetries / 4


def test_a_shift_is_a_whole_number_of_voxels_and_fills_with_background():
    batch = torch.zeros(40, 2, 9, 9, 9)
    batch[:, :, 4, 4, 4] = 1  # the middle: no flip moves it
    view = make_view(batch, replace(STILL, shift_vox=2), generator())
    places = view[:, 0].nonzero()[:, 1:] - 4
    assert len(places) == 40
    assert places.abs().max() == 2
    assert sorted(places[:, 0].unique().tolist()) == [-2, -1, 0, 1, 2]


def test_a_zoom_changes_the_size_of_image_and_mask_by_no_more_than_the_plan_says():
    batch = cubes(30, edge=24, lesion_radius=6.0)
    batch[:, 0] = batch[:, 1]
    view = make_view(batch, replace(STILL, shift_vox=0, scaling=0.25), generator())
    ratio = view.sum(dim=(2, 3, 4)) / batch.sum(dim=(2, 3, 4))
    assert 0.75**3 * 0.9 < ratio.min() < 0.8
    assert 1.25 < ratio.max() < 1.25**3 * 1.1
    assert (ratio[:, 0] / ratio[:, 1] - 1).abs().mean() < 0.1
    assert set(view[:, 1].unique().tolist()) == {0.0, 1.0}
    inside = view[:, 0][view[:, 1] > 0]
    assert inside.min() > 0.1


def test_a_quarter_of_the_views_is_zoomed_and_the_others_move_exactly():
    batch = cubes(200, edge=8, lesion_radius=2.0)
    exact, zoomed = (
        make_view(batch, replace(STILL, shift_vox=1, axis_swaps=True, scaling=scaling), generator(5))
        for scaling in (0.0, 0.2)
    )
    same = (exact == zoomed).flatten(1).all(dim=1).float().mean().item()
    assert same == pytest.approx(0.75, abs=0.1)


def test_a_zoom_by_nothing_is_the_exact_view():
    batch = cubes(6)
    plan = replace(STILL, shift_vox=2, axis_swaps=True)
    exact = make_view(batch, plan, generator(3))
    zoomed = make_view(batch, replace(STILL, shift_vox=2, axis_swaps=True, scaling=1e-12), generator(3))
    torch.testing.assert_close(zoomed, exact, rtol=1e-5, atol=1e-5)


def test_intensities_change_in_the_image_alone_and_the_rim_in_the_mask_alone():
    batch = cubes(12)
    still = make_view(batch, STILL, generator(4))
    brighter = make_view(batch, replace(STILL, shift_vox=0, intensity_augmentation=True), generator(4))
    rims = make_view(batch, replace(STILL, shift_vox=0, mask_jitter_vox=1), generator(4))
    assert torch.equal(brighter[:, 1], still[:, 1])
    assert not torch.equal(brighter[:, 0], still[:, 0])
    assert torch.equal(rims[:, 0], still[:, 0])
    assert not torch.equal(rims[:, 1], still[:, 1])


def test_as_many_masks_are_dropped_as_the_plan_says():
    view = make_view(cubes(60, edge=8), replace(STILL, mask_drop_probability=0.4), generator())
    share = (view[:, 1].amax(dim=(1, 2, 3)) == 0).float().mean().item()
    assert share == pytest.approx(0.4, abs=0.15)
    assert (view[:, 0].abs().amax(dim=(1, 2, 3)) > 0).all()


def test_a_flip_is_exact_and_for_one_sample():
    batch = cubes(2)
    flipped = flip_samples(batch, torch.tensor([[False, False, False], [True, False, True]]))
    assert torch.equal(flipped[0], batch[0])
    assert torch.equal(flipped[1], batch[1].flip([1, 3]))
