from __future__ import annotations

import pytest
import torch

from rnnet.networks.position import resample_positions, sinusoidal_positions
from tests.networks.small import noise


@pytest.mark.parametrize(("grid", "width"), [(4, 768), (8, 24), (3, 32)])
def test_sinusoidal_positions_are_all_distinct(grid, width):
    codes = sinusoidal_positions(grid, width)
    assert codes.shape == (1, grid**3, width)
    distances = torch.cdist(codes[0], codes[0]) + torch.eye(grid**3) * 100
    assert distances.min() > 0.1


def test_the_centre_of_a_larger_grid_has_the_codes_of_a_smaller_one():
    small = sinusoidal_positions(2, 24).view(2, 2, 2, 24)
    large = sinusoidal_positions(4, 24).view(4, 4, 4, 24)
    torch.testing.assert_close(large[1:3, 1:3, 1:3], small)


def test_resampling_positions_to_their_own_grid_changes_nothing():
    codes = noise(1, 27, 6)
    torch.testing.assert_close(resample_positions(codes, 3), codes)


def test_resampled_positions_keep_a_linear_course_along_z():
    codes = torch.arange(4.0).repeat_interleave(16).view(1, 64, 1)  # the z coordinate
    doubled = resample_positions(codes, 8).view(8, 8, 8)
    torch.testing.assert_close(doubled[1:-1, 3, 3], torch.arange(6) * 0.5 + 0.25)
