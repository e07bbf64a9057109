import numpy as np
import pytest

from rnnet.core.errors import FileFormatError
from rnnet.core.volume import Volume
from rnnet.dataset.converters.components import LesionInstances

CORE_AND_RIM = LesionInstances(lesion_values=(1, 3), known_values=(0, 2))


def volume(array, spacing_zyx_mm=(1.0, 1.0, 1.0)):
    return Volume(array, spacing_zyx_mm)


def two_blocks(gap_vox):
    array = np.zeros((6, 6, 16), np.uint8)
    array[2:4, 2:4, 1:4] = 3
    array[2:4, 2:4, 4 + gap_vox:7 + gap_vox] = 1
    return array


@pytest.mark.parametrize(("gap_vox", "count"), [(1, 1), (2, 1), (3, 2)])
def test_parts_with_up_to_two_voxels_between_them_are_one_lesion(gap_vox, count):
    found = CORE_AND_RIM([volume(two_blocks(gap_vox))]).array
    assert found.max() == count


def test_the_number_is_put_on_the_voxels_before_they_were_grown():
    array = two_blocks(3)
    found = CORE_AND_RIM([volume(array)]).array
    np.testing.assert_array_equal(found > 0, array > 0)
    assert found.dtype == np.uint16
    assert sorted(np.unique(found)) == [0, 1, 2]


def test_growing_reaches_over_faces_and_edges_but_not_over_corners():
    array = np.zeros((9, 9, 9), np.uint8)
    array[1:3, 1:3, 1:3] = 1
    array[5:7, 5:7, 5:7] = 1  # two voxels away along every axis: over corners the grown parts would touch
    assert CORE_AND_RIM([volume(array)]).array.max() == 2
    array[5:7, 5:7, 5:7], array[5:7, 5:7, 2:4] = 0, 1  # two voxels away along two axes
    assert CORE_AND_RIM([volume(array)]).array.max() == 1


def test_oedema_is_no_lesion_and_joins_none():
    array = two_blocks(4)
    array[array == 0] = 2
    found = CORE_AND_RIM([volume(array)]).array
    assert found.max() == 2
    assert not found[array == 2].any()


def test_without_growing_any_empty_voxel_separates():
    rule = LesionInstances(lesion_values=(1, 3), known_values=(0, 2), dilate=False)
    assert rule([volume(two_blocks(1))]).array.max() == 2
    touching = np.zeros((8, 8, 8), np.uint8)
    touching[1:3, 1:3, 1:3] = touching[3:5, 3:5, 3:5] = 1  # over a corner
    assert rule([volume(touching)]).array.max() == 1


@pytest.mark.parametrize(("spacing_zyx_mm", "count"), [
    ((1.0, 1.0, 1.0), 1), ((2.0, 1.0, 1.0), 2), ((0.5, 0.5, 0.5), 0), ((0.1, 2.0, 10.0), 2),
])
def test_lesions_under_two_cubic_millimetres_are_left_out_whatever_the_voxels(spacing_zyx_mm, count):
    array = np.zeros((8, 8, 8), np.uint8)
    array[1, 1, 1] = 1  # one voxel
    array[6, 6, 5:7] = 1  # two voxels
    found = CORE_AND_RIM([volume(array, spacing_zyx_mm)]).array
    assert found.max() == count
    assert (found[6, 6, 5] > 0) == (count > 0)


def test_lesions_at_the_border_and_empty_masks_are_read():
    array = np.zeros((5, 5, 5), np.uint8)
    assert not CORE_AND_RIM([volume(array)]).array.any()
    array[0, 0, :3] = array[-1, -1, -3:] = 3
    assert CORE_AND_RIM([volume(array)]).array.max() == 2


def test_a_value_of_another_convention_is_refused():
    array = two_blocks(1)
    array[0, 0, 0] = 4
    with pytest.raises(FileFormatError, match="has the value 4; expected are 0, 1, 2, 3"):
        CORE_AND_RIM([volume(array)])
