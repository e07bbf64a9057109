import numpy as np
import pytest

from rnnet.core.errors import FileFormatError
from rnnet.core.volume import Volume
from rnnet.dataset.converters.binary_mask import above_half, binary_lesions, one_lesion_each
from tests.dataset.converters.conversion import SHAPE_ZYX, blobs


@pytest.mark.parametrize("inside", [1, 255, 0.8])
def test_masks_of_any_inside_value_become_zero_and_one(inside):
    mask = blobs() * inside
    assert np.array_equal(above_half([Volume(mask, (1.0, 1.0, 1.0))]).array, blobs() > 0)


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_values_that_no_mask_has_are_refused(wrong):
    mask = blobs().astype(float)
    mask[0, 0, 0] = wrong
    with pytest.raises(FileFormatError, match="below zero or values that are not finite"):
        above_half([Volume(mask, (1.0, 1.0, 1.0))])


def test_an_empty_mask_stays_empty():
    assert not binary_lesions([Volume(np.zeros(SHAPE_ZYX), (1.0, 1.0, 1.0))]).array.any()


def test_separate_lesions_get_numbers_of_their_own():
    numbered = binary_lesions([Volume((blobs(3) > 0).astype(np.uint8) * 255, (1.0, 1.0, 1.0))]).array
    assert len(np.unique(numbered)) == 4
    assert np.array_equal(numbered > 0, blobs(3) > 0)


def test_of_overlapping_lesions_the_smaller_keeps_the_voxels():
    large, small = np.zeros((2, *SHAPE_ZYX), np.uint8)
    large[4:10, 4:10, 4:10] = 1
    small[6:8, 6:8, 6:8] = 1
    volumes = [Volume(a, (1.0, 1.0, 1.0)) for a in (small, large)]
    merged = one_lesion_each(volumes, values=(1, 2))
    assert (merged.array[small > 0] == 1).all()
    assert (merged.array == 2).sum() == 6**3 - 8
    assert merged.notes == ("Lesions overlap in 8 voxels, which the smaller lesion keeps.",)


def test_a_lesion_on_another_grid_is_put_on_the_first_ones():
    coarse = np.zeros((8, 8, 8), np.uint8)
    coarse[2:4, 2:4, 2:4] = 1
    first = Volume(np.zeros((16, 16, 16), np.uint8), (1.0, 1.0, 1.0))
    merged = one_lesion_each([first, Volume(coarse, (2.0, 2.0, 2.0), (0.5, 0.5, 0.5))], values=(1, 2))
    inside = np.argwhere(merged.array == 2)
    assert merged.array.shape == (16, 16, 16)
    assert (inside.min(axis=0) == 4).all()
    assert (inside.max(axis=0) == 7).all()
