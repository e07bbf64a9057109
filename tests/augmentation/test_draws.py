from __future__ import annotations

import pytest
import torch

from rnnet.augmentation.draws import happens, noise_windows, uniform
from tests.augmentation.cubes import generator


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
