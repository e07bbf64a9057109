from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnet.preprocessing.lesions import resample_lesions
from rnnet.preprocessing.resample import field_of_view, resample_image, resample_mask
from tests.factories import mapped, rigid_matrix
from tests.preprocessing.grids import GRID, MIDDLE, TURNED, Triple, center_mm, distance_mm, native_grid, with_ball


def test_the_image_moves_the_way_the_matrix_says() -> None:
    native = native_grid(TURNED)
    spot = np.exp(-((distance_mm(native, mapped(MIDDLE, np.linalg.inv(TURNED))) / 3) ** 2))
    for interpolation in ("linear", "bspline"):
        image = resample_image(native.with_array(spot), GRID, TURNED, interpolation=interpolation)
        assert image.dtype == np.float32
        assert image.shape == GRID.array.shape
        assert np.linalg.norm(center_mm(image.clip(0)) - MIDDLE) <= 0.2
    opposite = resample_image(native.with_array(spot), GRID, np.linalg.inv(TURNED), interpolation="linear")
    assert opposite.max() < 0.5 or np.linalg.norm(center_mm(opposite) - MIDDLE) > 2


def test_outside_the_field_of_view_the_image_is_zero() -> None:
    native = native_grid(TURNED, edge_mm=20)
    seen = field_of_view(native, GRID, TURNED)
    image = resample_image(native.with_array(np.full(native.array.shape, 7.0)), GRID, TURNED, interpolation="linear")
    assert seen.sum() == pytest.approx(np.prod(native.array.shape) * np.prod(native.spacing_zyx_mm), rel=0.05)
    assert not image[~seen].any()
    assert set(np.unique(image[seen].round(4))) == {7.0}


@given(
    st.tuples(*[st.floats(-15, 15)] * 3), st.tuples(*[st.floats(-10, 10)] * 3),
    st.tuples(st.floats(0.5, 3.5), st.floats(0.5, 1.5), st.floats(0.5, 1.5)),
)
@settings(max_examples=25, deadline=None)
def test_image_and_mask_stay_aligned(angles: Triple, shift: Triple, spacing: Triple) -> None:
    to_atlas = rigid_matrix(angles, shift, MIDDLE)
    native = native_grid(to_atlas, spacing)
    labels = with_ball(native, to_atlas, 7)
    spot = np.exp(-((distance_mm(native, mapped(MIDDLE, np.linalg.inv(to_atlas))) / 4) ** 2))
    image = resample_image(native.with_array(spot), GRID, to_atlas, interpolation="linear")
    mask = resample_lesions(labels, GRID, to_atlas).labels
    assert np.linalg.norm(center_mm(image) - center_mm(mask == 1)) <= 0.5
    assert np.linalg.norm(center_mm(mask == 1) - MIDDLE) <= 0.5


@pytest.mark.parametrize("spacing", [(1.2, 0.9, 1.0), (6.5, 0.4, 0.4), (2.0, 2.0, 2.0)], ids=str)
@pytest.mark.parametrize("to_atlas", [TURNED, np.eye(4), rigid_matrix((0, 0, 180), (3, 0, 0), MIDDLE)], ids=str)
def test_the_field_of_view_is_where_a_mask_of_ones_comes_to_lie(spacing: Triple, to_atlas: np.ndarray) -> None:
    native = native_grid(to_atlas, spacing, edge_mm=22)
    ones = resample_mask(native.with_array(np.ones(native.array.shape, np.uint8)), GRID, to_atlas) > 0
    assert 0 < ones.sum() < ones.size
    assert (field_of_view(native, GRID, to_atlas) != ones).mean() < 1e-4


def test_nothing_is_seen_of_an_atlas_elsewhere() -> None:
    away = rigid_matrix(shift_xyz_mm=(0, 500, 0))
    assert not field_of_view(native_grid(np.eye(4)), GRID, away).any()
