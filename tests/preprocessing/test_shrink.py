from __future__ import annotations

import numpy as np

from rnnet.core.volume import Volume
from rnnet.preprocessing.shrink import shrink_to
from tests.factories import make_volume


def test_blocks_are_averaged_and_stay_where_they_are() -> None:
    volume = make_volume((12, 16, 20), (6.5, 1.0, 2.0), origin_xyz_mm=(4.0, -8.0, 15.0))
    small = shrink_to(volume, 4.0)
    assert small.array.shape == (12, 4, 10)
    assert small.spacing_zyx_mm == (6.5, 4.0, 4.0)
    np.testing.assert_allclose(small.array, volume.array.reshape(12, 4, 4, 10, 2).mean(axis=(2, 4)), rtol=1e-5)
    np.testing.assert_allclose(small.world_xyz_mm((3, 0, 0)), volume.world_xyz_mm((3, 1.5, 0.5)))


def test_no_axis_gets_fewer_voxels_than_asked_for() -> None:
    assert shrink_to(make_volume((10, 40, 40)), 8.0, minimum_vox=8).array.shape == (10, 8, 8)


def test_a_coarse_scan_is_left_alone_as_float32() -> None:
    volume = Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), (6.5, 5.0, 5.0))
    small = shrink_to(volume, 4.0)
    assert small.array.dtype == np.float32
    np.testing.assert_array_equal(small.array, volume.array)
    assert small.same_grid(volume)
