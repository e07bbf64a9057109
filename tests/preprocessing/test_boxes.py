from __future__ import annotations

import numpy as np
import pytest

from rnnet.preprocessing.boxes import box_around, box_on_grid, cut, grown, on_whole_grid, union
from rnnet.preprocessing.resample import resample_image
from tests.preprocessing.grids import GRID, MIDDLE, TURNED, native_grid, with_ball


def test_the_box_is_the_smallest_around_what_is_true() -> None:
    mask = np.zeros((6, 7, 8), bool)
    assert box_around(mask) is None
    mask[1, 5, 7] = mask[3, 2, 4] = True
    assert box_around(mask) == (slice(1, 4), slice(2, 6), slice(4, 8))
    assert box_around(np.ones((2, 3, 4), bool)) == (slice(0, 2), slice(0, 3), slice(0, 4))


def test_a_margin_ends_at_the_edge() -> None:
    assert grown((slice(0, 2), slice(3, 4), slice(1, 5)), (4, 5, 5), 2) == (slice(0, 4), slice(1, 5), slice(0, 5))


def test_a_part_keeps_its_place_in_the_world() -> None:
    box = (slice(3, 9), slice(5, 6), slice(2, 30))
    assert cut(GRID, box).world_xyz_mm((1, 0, 4)) == pytest.approx(GRID.world_xyz_mm((4, 5, 6)))


def test_both_boxes_lie_in_their_union() -> None:
    one, other = (slice(0, 2), slice(3, 4), slice(1, 5)), (slice(1, 3), slice(0, 2), slice(2, 3))
    assert union(one, other) == (slice(0, 3), slice(0, 4), slice(1, 5))
    assert union(one, None) == union(None, one) == one
    assert union(None, None) is None


def test_outside_the_box_on_the_grid_nothing_is_interpolated() -> None:
    ball = with_ball(native_grid(TURNED), TURNED, 6)
    native = box_around(ball.array > 0)
    assert native is not None
    box = box_on_grid(ball, native, GRID, TURNED)
    assert box is not None
    assert all(0 < s.start < s.stop < n for s, n in zip(box, GRID.array.shape, strict=True))
    part = resample_image(ball, cut(GRID, box), TURNED, interpolation="linear")
    whole = resample_image(ball, GRID, TURNED, interpolation="linear")
    np.testing.assert_allclose(on_whole_grid(part, box, GRID.array.shape), whole, atol=1e-5)


def test_a_box_beside_the_grid_has_no_place_on_it() -> None:
    away = np.eye(4)
    away[:3, 3] = MIDDLE + 900
    assert box_on_grid(GRID, (slice(0, 3),) * 3, GRID, away) is None
