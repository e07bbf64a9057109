from __future__ import annotations

import numpy as np
import pytest

from rnnet.preprocessing.lesions import resample_lesions
from rnnet.preprocessing.resample import resample_mask
from tests.factories import make_lesion_mask, mapped, rigid_matrix
from tests.preprocessing.grids import GRID, MIDDLE, TURNED, Triple, center_mm, distance_mm, native_grid, with_ball


@pytest.mark.parametrize("radius_mm", [4.0, 8.0])
def test_a_lesion_keeps_its_centre_within_half_a_millimetre_and_its_volume_within_a_tenth(radius_mm: float) -> None:
    labels = with_ball(native_grid(TURNED), TURNED, radius_mm, value=5)
    on_atlas = resample_lesions(labels, GRID, TURNED)
    found, warnings = on_atlas.labels, on_atlas.warnings
    assert set(np.unique(found)) == {0, 5}
    assert np.linalg.norm(center_mm(found == 5) - MIDDLE) <= 0.5
    native_mm3 = (labels.array > 0).sum() * np.prod(labels.spacing_zyx_mm)
    assert (found == 5).sum() == pytest.approx(native_mm3, rel=0.1)
    assert warnings == ()


def test_a_lesion_of_one_voxel_in_a_thick_slice_does_not_vanish_and_says_so() -> None:
    native = native_grid(np.eye(4), (6.5, 0.4, 0.4), edge_mm=26)
    labels = np.zeros(native.array.shape, np.uint16)
    labels[2, 30, 33] = 4
    # Its centre falls between eight voxels of the atlas: none of them is nearest to it.
    center = GRID.world_xyz_mm((18.5, 20.5, 19.5))
    to_atlas = rigid_matrix(shift_xyz_mm=center - native.world_xyz_mm((2, 30, 33)))
    assert not resample_mask(native.with_array(labels), GRID, to_atlas).any()
    on_atlas = resample_lesions(native.with_array(labels), GRID, to_atlas)
    found, warnings = on_atlas.labels, on_atlas.warnings
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
    found = resample_lesions(native.with_array(labels), GRID, TURNED).labels
    assert (found == 2).any()


def test_redrawing_one_lesion_leaves_the_others_as_they_are() -> None:
    native = native_grid(TURNED, (6.5, 0.4, 0.4), edge_mm=26)
    labels = make_lesion_mask(native.array.shape, [(2, 20, 20)], radius_vox=12)
    alone = resample_lesions(native.with_array(labels), GRID, TURNED).labels
    labels[1, 55, 50] = 2
    on_atlas = resample_lesions(native.with_array(labels), GRID, TURNED)
    both, warnings = on_atlas.labels, on_atlas.warnings
    assert (both == 2).any()
    np.testing.assert_array_equal(both == 1, alone == 1)
    assert all("Lesion 2" in warning for warning in warnings)


def test_a_lesion_outside_the_atlas_is_left_out_and_named_while_the_others_stay() -> None:
    native = native_grid(np.eye(4))
    shifted = rigid_matrix(shift_xyz_mm=(16.03, 0.07, 0.05))
    labels = with_ball(native, np.eye(4), 4, value=2)
    labels.array[10:14, 14:18, 26:30] = 3
    expected = np.where(resample_mask(labels, GRID, shifted) == 2, 2, 0)
    on_atlas = resample_lesions(labels, GRID, shifted)
    assert on_atlas.lost == (3,)
    np.testing.assert_array_equal(on_atlas.labels, expected)
    assert on_atlas.labels.any()
    assert [w.split(" (")[0] for w in on_atlas.warnings] == ["Lesion 3 lies outside the atlas after registration"]


@pytest.mark.parametrize("shift_mm", [25.0, 900.0])
def test_of_a_lesion_that_lies_mostly_outside_the_atlas_nothing_is_left(shift_mm: float) -> None:
    labels = with_ball(native_grid(np.eye(4)), np.eye(4), 8, value=7)
    on_atlas = resample_lesions(labels, GRID, rigid_matrix(shift_xyz_mm=(shift_mm, 0, 0)))
    assert on_atlas.lost == (7,)
    assert not on_atlas.labels.any()


def test_every_lesion_of_many_lies_where_the_whole_mask_puts_it() -> None:
    native = native_grid(TURNED)
    centers = [(z, y, x) for z in (6, 13, 19) for y in (8, 24) for x in (7, 15, 23)]
    labels = native.with_array(make_lesion_mask(native.array.shape, centers, radius_vox=3))
    on_atlas = resample_lesions(labels, GRID, TURNED)
    np.testing.assert_array_equal(on_atlas.labels, resample_mask(labels, GRID, TURNED))
    assert on_atlas.warnings == ()


@pytest.mark.parametrize("spacing", [(1.2, 0.9, 1.0), (6.5, 0.9, 1.0)], ids=["thin", "thick"])
def test_of_a_large_lesion_at_the_atlas_edge_the_part_inside_is_kept(spacing: Triple) -> None:
    shifted = rigid_matrix(shift_xyz_mm=(0, 0, -16))
    labels = with_ball(native_grid(np.eye(4), spacing), np.eye(4), 8)
    expected = resample_mask(labels, GRID, shifted)
    on_atlas = resample_lesions(labels, GRID, shifted)
    found, warnings = on_atlas.labels, on_atlas.warnings
    np.testing.assert_array_equal(found, expected)
    assert len(warnings) == 1
    assert "edge of the atlas" in warnings[0]
