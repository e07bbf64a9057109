from __future__ import annotations

import pytest
import torch

from rnnet.augmentation import intensity
from rnnet.augmentation.intensity import augment_in_place
from tests.augmentation.cubes import cubes, generator

STEPS = [step for step, _ in intensity._STEPS]


def changed_copy(images):
    changed = images.clone()
    augment_in_place(changed, generator())
    return changed


@pytest.fixture
def _every_step(monkeypatch):
    monkeypatch.setattr(intensity, "_STEPS", tuple((step, 1.0) for step in STEPS))


@pytest.mark.usefixtures("_every_step")
def test_the_background_stays_exactly_zero_through_every_step():
    images = cubes(6)[:, 0]
    changed = changed_copy(images)
    assert changed[images == 0].abs().max() == 0
    assert bool(torch.isfinite(changed).all())


@pytest.mark.parametrize("step", STEPS, ids=[s.__name__ for s in STEPS])
def test_each_step_changes_the_brain_each_sample_in_its_own_way(step, monkeypatch):
    monkeypatch.setattr(intensity, "_STEPS", ((step, 1.0),))
    images = cubes(1)[:, 0].repeat(3, 1, 1, 1)
    changed = changed_copy(images)
    assert (changed - images).abs().amax(dim=(1, 2, 3)).min() > 1e-3
    assert not torch.equal(changed[0], changed[1])
    assert (changed - images).abs().mean() < 1.0  # a variation, not another image


@pytest.mark.usefixtures("_every_step")
def test_an_empty_image_stays_empty():
    assert changed_copy(torch.zeros(2, 8, 8, 8)).abs().max() == 0


def test_gamma_keeps_the_order_of_intensities_and_their_ends():
    images = cubes(3)[:, 0]
    changed = intensity._gamma(images.clone(), generator())
    torch.testing.assert_close(changed.amax(dim=(1, 2, 3)), images.amax(dim=(1, 2, 3)))
    torch.testing.assert_close(changed.amin(dim=(1, 2, 3)), images.amin(dim=(1, 2, 3)))
    order = images.flatten(1).argsort()
    assert changed.flatten(1).gather(1, order).diff().min() >= -1e-5


def test_the_bias_field_is_smooth():
    ramp = torch.ones(5, 16, 16, 16)
    ramp[:, 0, 0, 0] = 0  # the darkest voxel, about which the field works
    field = intensity._bias_field(ramp, generator())
    field[:, 0, 0, 0] = 1
    inner = field[:, 1:, 1:, 1:]
    assert inner.std() > 0.01
    assert inner.diff(n=2, dim=3).abs().max() < 0.05
    assert 0.2 < inner.min() < inner.max() < 5


def test_most_samples_keep_some_steps_out():
    images = cubes(1)[:, 0].repeat(100, 1, 1, 1)
    untouched = (changed_copy(images) == images).flatten(1).all(dim=1).float().mean()
    assert 0.08 < untouched < 0.3  # the product of the steps' complements is .16
