from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnet.core.errors import CaseFailedError
from rnnet.planning.plan import CropPlan
from rnnet.preprocessing.crop import crop_lesion, lesion_boxes, paste_crop, window
from tests.factories import make_lesion_mask
from tests.preprocessing.scans import make_scan

Center = Literal["bounding_box", "center_of_mass"]
sizes = st.tuples(*[st.integers(1, 9)] * 3)
starts = st.tuples(*[st.integers(-11, 11)] * 3)


def uneven_lesion() -> np.ndarray:
    """A lesion whose centre of mass is far from the middle of its box."""
    labels = np.zeros((40, 44, 42), np.uint16)
    labels[15:25, 18:23, 16:20] = 3
    labels[15:17, 18:28, 16:27] = 3
    return labels


@pytest.mark.parametrize("edge", [24, 25])
def test_the_middle_of_the_lesions_box_is_the_middle_of_the_crop(edge: int) -> None:
    case = crop_lesion(make_scan(uneven_lesion()), case_id="c", lesion_value=3, plan=CropPlan(edge))
    inside = np.argwhere(case.array[1])
    middle = (inside.min(axis=0) + inside.max(axis=0)) / 2
    assert np.abs(middle - (edge - 1) / 2).max() <= 0.5


@pytest.mark.parametrize("edge", [24, 25])
def test_the_lesions_centre_of_mass_is_the_middle_of_the_crop(edge: int) -> None:
    plan = CropPlan(edge, center="center_of_mass")
    case = crop_lesion(make_scan(uneven_lesion()), case_id="c", lesion_value=3, plan=plan)
    assert np.abs(np.argwhere(case.array[1]).mean(axis=0) - (edge - 1) / 2).max() <= 0.5


def test_the_two_ways_to_centre_differ_for_an_uneven_lesion() -> None:
    centers: tuple[Center, Center] = ("bounding_box", "center_of_mass")
    scan = make_scan(uneven_lesion())
    first, second = (crop_lesion(scan, case_id="c", lesion_value=3, plan=CropPlan(24, center)) for center in centers)
    assert first.start_zyx_vox != second.start_zyx_vox


def test_the_crop_shows_image_and_mask_of_its_window() -> None:
    scan = make_scan(uneven_lesion())
    case = crop_lesion(scan, case_id="P001_s1_3", lesion_value=3, plan=CropPlan(16))
    box = tuple(slice(s, s + 16) for s in case.start_zyx_vox)
    assert case.case_id == "P001_s1_3"
    assert case.array.shape == (2, 16, 16, 16)
    assert case.array.dtype == np.float32
    np.testing.assert_array_equal(case.array[0], scan.image[box])
    np.testing.assert_array_equal(case.array[1], scan.lesions[box] == 3)
    assert case.warnings == ()


def test_a_crop_at_the_border_is_padded_with_zeros() -> None:
    labels = make_lesion_mask((20, 20, 20), [(1, 10, 18)], radius_vox=1)
    scan = make_scan(labels)
    case = crop_lesion(scan, case_id="c", lesion_value=1, plan=CropPlan(12))
    z, y, x = case.start_zyx_vox
    assert (z, y, x) == (-4, 5, 13)
    assert not case.array[:, :4].any()
    assert not case.array[:, :, :, 7:].any()
    np.testing.assert_array_equal(case.array[0, 4:, :, :7], scan.image[:8, 5:17, 13:])


def test_an_absent_lesion_is_an_error_that_names_the_lesions_of_the_scan() -> None:
    scan = make_scan(make_lesion_mask((20, 20, 20), [(5, 5, 5), (14, 14, 14)], radius_vox=2))
    with pytest.raises(CaseFailedError, match="no lesion 7") as caught:
        crop_lesion(scan, case_id="P001_s1_7", lesion_value=7, plan=CropPlan(8))
    assert caught.value.where == "P001_s1_7"
    assert "1, 2" in caught.value.fix


def test_a_lesion_of_a_scan_without_lesions_is_an_error() -> None:
    with pytest.raises(CaseFailedError) as caught:
        crop_lesion(make_scan(np.zeros((8, 8, 8))), case_id="c", lesion_value=1, plan=CropPlan(4))
    assert "none" in caught.value.fix


def test_a_lesion_longer_than_the_crop_gives_a_warning() -> None:
    labels = np.zeros((20, 20, 20), np.uint16)
    labels[10, 10, 2:19] = 1
    scan = make_scan(labels)
    (warning,) = crop_lesion(scan, case_id="c", lesion_value=1, plan=CropPlan(16)).warnings
    assert "17 mm" in warning
    assert "16 mm" in warning
    assert crop_lesion(scan, case_id="c", lesion_value=1, plan=CropPlan(17)).warnings == ()


def test_neighbouring_lesions_give_a_warning_and_stay_out_of_the_mask() -> None:
    labels = make_lesion_mask((24, 24, 24), [(12, 12, 6), (12, 12, 12), (12, 12, 21)], radius_vox=2)
    case = crop_lesion(make_scan(labels), case_id="c", lesion_value=1, plan=CropPlan(12))
    assert case.warnings == ("Other lesions lie inside the crop: 2.",)
    assert case.array[1].sum() == (labels == 1).sum()


def test_boxes_and_centres_of_mass_are_those_of_the_voxels() -> None:
    labels = uneven_lesion()
    labels[0, 0, 0] = 65535
    boxes = lesion_boxes(labels)
    inside = np.argwhere(labels == 3)
    assert sorted(boxes) == [3, 65535]
    assert boxes[3].low_zyx_vox == (15, 18, 16)
    assert boxes[3].high_zyx_vox == (25, 28, 27)
    assert boxes[3].n_voxels == len(inside)
    np.testing.assert_allclose(boxes[3].center_of_mass_zyx_vox, inside.mean(axis=0))


@given(sizes, starts, st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_a_pasted_crop_is_the_array_inside_its_window_and_zero_outside(
    shape: tuple[int, int, int], start: tuple[int, int, int], edge: int
) -> None:
    array = np.arange(1, np.prod(shape) + 1, dtype=np.float32).reshape(shape)
    inside = np.ones(shape, bool)
    for axis, low in enumerate(start):
        index = np.arange(shape[axis])
        inside &= np.expand_dims((index >= low) & (index < low + edge), [a for a in range(3) if a != axis])
    pasted = paste_crop(window(array, start, edge), start, shape)
    np.testing.assert_array_equal(pasted, np.where(inside, array, 0))


@given(sizes, starts, st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_cropping_what_was_pasted_gives_the_crop_back_where_it_lay_inside(
    shape: tuple[int, int, int], start: tuple[int, int, int], edge: int
) -> None:
    crop = np.arange(1, edge**3 + 1, dtype=np.float32).reshape(edge, edge, edge)
    again = window(paste_crop(crop, start, shape), start, edge)
    index = np.indices(crop.shape).reshape(3, *crop.shape)
    inside = np.all([(index[a] + start[a] >= 0) & (index[a] + start[a] < shape[a]) for a in range(3)], axis=0)
    np.testing.assert_array_equal(again, np.where(inside, crop, 0))
