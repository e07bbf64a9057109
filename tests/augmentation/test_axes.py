from __future__ import annotations

import pytest
import torch
from scipy.ndimage import gaussian_filter

from rnnet.augmentation.axes import (
    apply_along_axes,
    gaussian_operator,
    low_resolution_operator,
)
from tests.augmentation.cubes import generator


def test_the_blur_equals_scipys_gaussian_filter_away_from_the_border():
    volume = torch.randn(1, 16, 16, 16, generator=generator(), dtype=torch.float64)
    operator = gaussian_operator(16, torch.tensor([0.8]))
    blurred = apply_along_axes(volume, (operator, operator, operator))[0]
    expected = torch.from_numpy(gaussian_filter(volume[0].numpy(), 0.8, truncate=4.0))
    inner = (slice(4, -4),) * 3
    torch.testing.assert_close(blurred[inner], expected[inner], atol=1e-3, rtol=0)


def test_each_matrix_acts_on_its_own_axis():
    volume = torch.randn(2, 3, 4, 5, generator=generator())
    matrices = tuple(torch.randn(2, n, n, generator=generator(n)) for n in (3, 4, 5))
    expected = torch.einsum("bzyx,biz,bjy,bkx->bijk", volume, *matrices)
    torch.testing.assert_close(apply_along_axes(volume, matrices), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("operator", [gaussian_operator, low_resolution_operator])
def test_a_constant_stays_constant(operator):
    rows = operator(16, torch.tensor([0.4, 1.0, 1.7, 4.0])).sum(-1)
    torch.testing.assert_close(rows, torch.ones(4, 16))


def test_thick_slices_of_one_voxel_change_nothing_and_thicker_ones_lose_detail():
    thin, thick = low_resolution_operator(16, torch.tensor([1.0, 4.0]))
    torch.testing.assert_close(thin, torch.eye(16))
    alternating = torch.tensor([1.0, -1.0]).repeat(8)
    assert (thick @ alternating).abs().max() < 1e-6
    ramp = torch.arange(16.0)
    torch.testing.assert_close((thick @ ramp)[2:-2], ramp[2:-2])
