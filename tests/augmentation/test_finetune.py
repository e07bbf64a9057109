from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rnnet.augmentation.finetune import augment_batch, mirror_views
from rnnet.core.errors import SettingError
from rnnet.planning.plan import FinetunePlan
from tests.augmentation.cubes import cubes, generator


def test_the_same_seed_gives_the_same_batch_and_another_seed_another():
    batch = cubes(6)
    first, again, other = (
        augment_batch(batch, FinetunePlan(), generator(seed), training_channels=(0, 1)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_shape_and_mask_values_stay_and_the_input_too():
    batch = cubes(6)
    before = batch.clone()
    augmented = augment_batch(batch, FinetunePlan(), generator(), training_channels=(0, 1))
    assert augmented.shape == batch.shape
    assert set(augmented[:, 1].unique().tolist()) == {0.0, 1.0}
    assert torch.equal(batch, before)


def test_a_batch_without_mask_gets_no_mask():
    augmented = augment_batch(cubes(6)[:, :1], FinetunePlan(), generator(), training_channels=(0,))
    assert augmented.shape == (6, 1, 16, 16, 16)
    assert len(augmented.unique()) > 1000  # intensities, not thresholded


def test_intensities_are_only_moved_when_their_augmentation_is_off():
    plan = replace(FinetunePlan(), intensity_augmentation=False, rotation_degrees=0.0, scaling=0.0, shift_vox=0)
    batch = cubes(8)
    augmented = augment_batch(batch, plan, generator(), training_channels=(0, 1))
    torch.testing.assert_close(augmented[:, 0].flatten(1).sort().values, batch[:, 0].flatten(1).sort().values,
                               atol=1e-4, rtol=0)


def test_nothing_brightens_the_background():
    plan = replace(FinetunePlan(), rotation_degrees=0.0, scaling=0.0, shift_vox=0)
    batch = cubes(16)
    augmented = augment_batch(batch, plan, generator(), training_channels=(0, 1))
    background = (batch[:, 0] == 0).sum(dim=(1, 2, 3))
    assert bool(((augmented[:, 0] == 0).sum(dim=(1, 2, 3)) >= background * 0.95).all())


@pytest.mark.parametrize("channels", [(0,), (1, 1), (0, 1, 2)])
def test_channels_that_do_not_describe_the_batch_are_refused(channels):
    with pytest.raises(SettingError, match="training channels"):
        augment_batch(cubes(2), FinetunePlan(), generator(), training_channels=channels)


def test_the_eight_mirror_views_are_distinct_and_begin_with_the_batch():
    batch = cubes(2)
    views = list(mirror_views(batch))
    assert len(views) == 8
    assert torch.equal(views[0], batch)
    assert all(not torch.equal(a, b) for i, a in enumerate(views) for b in views[:i])
    assert torch.equal(views[-1], batch.flip([2, 3, 4]))


def test_the_mask_alone_is_shifted():
    still = replace(FinetunePlan(), rotation_degrees=0.0, scaling=0.0, shift_vox=0, intensity_augmentation=False,
                    mask_jitter_vox=0, mask_shift_vox=0)
    batch = cubes(12)
    before, after = (
        augment_batch(batch, replace(still, mask_shift_vox=shift), generator(), training_channels=(0, 1))
        for shift in (0, 2)
    )
    assert torch.equal(before[:, 0], after[:, 0])
    assert not torch.equal(before[:, 1], after[:, 1])
