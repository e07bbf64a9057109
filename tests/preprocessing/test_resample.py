from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Volume
from rnnet.preprocessing.resample import field_of_view, resample_image, resample_lesions, resample_mask
from tests.factories import make_lesion_mask, mapped, rigid_matrix

GRID = Volume(np.zeros((36, 40, 38), np.float32), (1.0, 1.0, 1.0), (-30.0, 5.0, 12.0))
MIDDLE = GRID.world_xyz_mm((17.3, 20.4, 18.2))
TURNED = rigid_matrix((12, -8, 15), (7, -20, 4), MIDDLE)
Triple = tuple[float, float, float]


def native_grid(to_atlas: np.ndarray, spacing_zyx_mm: Triple = (1.2, 0.9, 1.0), *, edge_mm: float = 30.0) -> Volume:
    """A scan's own grid whose middle comes to lie near the middle of GRID."""
    shape = tuple(round(edge_mm / s) for s in spacing_zyx_mm)
    middle = mapped(MIDDLE, np.linalg.inv(to_atlas))
    x, y, z = middle - [n * s / 2 for n, s in zip(shape[::-1], spacing_zyx_mm[::-1], strict=True)]
    return Volume(np.zeros(shape, np.float32), spacing_zyx_mm, (x, y, z))


def distance_mm(volume: Volume, point_xyz_mm: np.ndarray) -> np.ndarray:
    """(z, y, x): distance of every voxel's centre from a world point."""
    index = np.moveaxis(np.indices(volume.array.shape), 0, -1)
    return np.asarray(np.linalg.norm(volume.world_xyz_mm(index) - point_xyz_mm, axis=-1))


def center_mm(weights: np.ndarray) -> np.ndarray:
    """Centre of mass on GRID in world space."""
    index = np.indices(weights.shape).reshape(3, -1)
    return GRID.world_xyz_mm((index * weights.ravel()).sum(axis=1) / weights.sum())


def with_ball(native: Volume, to_atlas: np.ndarray, radius_mm: float, value: int = 1) -> Volume:
    """Labels of a ball whose centre comes to lie at MIDDLE."""
    distance = distance_mm(native, mapped(MIDDLE, np.linalg.inv(to_atlas)))
    return native.with_array(np.where(distance <= radius_mm, value, 0).astype(np.uint16))


@pytest.mark.parametrize("radius_mm", [4.0, 8.0])
def test_a_lesion_keeps_its_centre_within_half_a_millimetre_and_its_volume_within_a_tenth(radius_mm: float) -> None:
    labels = with_ball(native_grid(TURNED), TURNED, radius_mm, value=5)
    found, warnings = resample_lesions(labels, GRID, TURNED)
    assert set(np.unique(found)) == {0, 5}
    assert np.linalg.norm(center_mm(found == 5) - MIDDLE) <= 0.5
    native_mm3 = (labels.array > 0).sum() * np.prod(labels.spacing_zyx_mm)
    assert (found == 5).sum() == pytest.approx(native_mm3, rel=0.1)
    assert warnings == ()


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


def test_a_lesion_of_one_voxel_in_a_thick_slice_does_not_vanish_and_says_so() -> None:
    native = native_grid(np.eye(4), (6.5, 0.4, 0.4), edge_mm=26)
    labels = np.zeros(native.array.shape, np.uint16)
    labels[2, 30, 33] = 4
    # Its centre falls between eight voxels of the atlas: none of them is nearest to it.
    center = GRID.world_xyz_mm((18.5, 20.5, 19.5))
    to_atlas = rigid_matrix(shift_xyz_mm=center - native.world_xyz_mm((2, 30, 33)))
    assert not resample_mask(native.with_array(labels), GRID, to_atlas).any()
    found, warnings = resample_lesions(native.with_array(labels), GRID, to_atlas)
    assert 1 <= (found == 4).sum() <= 8
    assert np.linalg.norm(center_mm(found == 4) - center) <= 0.5
    assert len(warnings) == 1
    assert "Lesion 4" in warnings[0]
    assert "redrawn" in warnings[0]


def test_a_small_lesion_inside_another_does_not_vanish() -> None:
    native = native_grid(TURNED, (6.5, 0.4, 0.4), edge_mm=26)
    middle = mapped(MIDDLE, np.linalg.inv(TURNED))
    labels = np.where(distance_mm(native, middle) <= 9, 1, 0).astype(np.uint16)
    labels[2, 32, 33] = 2
    found, _ = resample_lesions(native.with_array(labels), GRID, TURNED)
    assert (found == 2).any()


def test_redrawing_one_lesion_leaves_the_others_as_they_are() -> None:
    native = native_grid(TURNED, (6.5, 0.4, 0.4), edge_mm=26)
    labels = make_lesion_mask(native.array.shape, [(2, 20, 20)], radius_vox=12)
    alone, _ = resample_lesions(native.with_array(labels), GRID, TURNED)
    labels[1, 55, 50] = 2
    both, warnings = resample_lesions(native.with_array(labels), GRID, TURNED)
    assert (both == 2).any()
    np.testing.assert_array_equal(both == 1, alone == 1)
    assert all("Lesion 2" in warning for warning in warnings)


def test_a_lesion_outside_the_atlas_is_an_error_that_names_it() -> None:
    away = rigid_matrix(shift_xyz_mm=(60, 0, 0))
    labels = with_ball(native_grid(np.eye(4)), np.eye(4), 4, value=3)
    with pytest.raises(CaseFailedError, match="Lesion 3 lies outside the atlas"):
        resample_lesions(labels, GRID, away)


@pytest.mark.parametrize("spacing", [(1.2, 0.9, 1.0), (6.5, 0.9, 1.0)], ids=["thin", "thick"])
def test_of_a_large_lesion_at_the_atlas_edge_the_part_inside_is_kept(spacing: Triple) -> None:
    shifted = rigid_matrix(shift_xyz_mm=(0, 0, -16))
    labels = with_ball(native_grid(np.eye(4), spacing), np.eye(4), 8)
    expected = resample_mask(labels, GRID, shifted)
    found, warnings = resample_lesions(labels, GRID, shifted)
    np.testing.assert_array_equal(found, expected)
    assert len(warnings) == 1
    assert "edge of the atlas" in warnings[0]


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
    mask, _ = resample_lesions(labels, GRID, to_atlas)
    assert np.linalg.norm(center_mm(image) - center_mm(mask == 1)) <= 0.5
    assert np.linalg.norm(center_mm(mask == 1) - MIDDLE) <= 0.5
