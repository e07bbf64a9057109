from __future__ import annotations

import pytest
import torch

from rnnet.augmentation.corruption import corrupt_in_place
from rnnet.augmentation.draws import _noise_table, happens, noise_windows, uniform
from rnnet.augmentation.intensity import augment_in_place
from rnnet.planning.plan import CorruptionPlan
from tests.augmentation.cubes import cubes, generator


def test_uniform_numbers_fill_their_range():
    drawn = uniform(generator(), (10_000,), -2.0, 3.0)
    assert drawn.min() >= -2
    assert drawn.max() < 3
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.1)


def test_an_event_happens_as_often_as_its_probability_says():
    assert happens(generator(), 10_000, 0.3).float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert not happens(generator(), 100, 0.0).any()
    assert happens(generator(), 100, 1.0).all()


@pytest.mark.parametrize("samples", [1, 4, 9])
def test_noise_is_standard_normal_and_differs_between_samples(samples):
    noise = torch.stack(noise_windows(generator(), torch.zeros(samples, 16, 16, 16)))
    assert noise.shape == (samples, 16, 16, 16)
    assert noise.std().item() == pytest.approx(1.0, abs=0.05)
    assert len({round(sample[0, 0, 0].item(), 6) for sample in noise}) == samples


def test_windows_of_noise_come_with_either_sign():
    table = _noise_table(8, torch.device("cpu"), torch.float32)[0]
    windows = noise_windows(generator(), torch.zeros(60, 2, 2, 2))
    signs = [any(torch.equal(sign * w.flatten(), table[i : i + 8]) for i in range(len(table))) for w in windows
             for sign in (1, -1)]
    assert sum(signs) == 60
    assert 15 < sum(signs[::2]) < 45


def test_what_uses_the_noise_leaves_the_table_as_it_is():
    batch = cubes(8)
    table = _noise_table(batch[0, 0].numel(), batch.device, batch.dtype)
    before = table.clone()
    for seed in range(5):
        augment_in_place(batch[:, 0], generator(seed))
        corrupt_in_place(batch, CorruptionPlan(), generator(seed))
    assert torch.equal(table, before)
    assert _noise_table(batch[0, 0].numel(), batch.device, batch.dtype) is table
