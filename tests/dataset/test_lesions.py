from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnet.core.errors import FileFormatError
from rnnet.dataset.lesions import lesion_labels, voxel_counts


def blocks() -> np.ndarray:
    mask = np.zeros((10, 10, 10), np.uint8)
    mask[1:4, 1:4, 1:4] = 255
    mask[4:7, 4:7, 4:7] = 255  # touches the first block by a corner only
    mask[7:10, 0:3, 0:3] = 255
    mask[0, 9, 9] = 255
    return mask


def test_components_touching_by_a_corner_are_one_lesion_and_specks_none() -> None:
    assert voxel_counts(lesion_labels(blocks(), components=True)) == {1: 54, 2: 27}


def test_mask_values_are_kept_as_lesion_numbers() -> None:
    mask = np.zeros((4, 4, 4), np.int32)
    mask[0] = 3
    mask[1, 0, 0] = 101
    assert voxel_counts(lesion_labels(mask, components=False)) == {3: 16, 101: 1}


def test_an_empty_mask_has_no_lesion() -> None:
    assert voxel_counts(lesion_labels(np.zeros((3, 3, 3)), components=True)) == {}


@pytest.mark.parametrize(("dtype", "value"), [(float, 1.0), (bool, True), (np.int64, 1), (np.uint16, 1)])
def test_any_whole_number_type_is_accepted(dtype: Any, value: Any) -> None:
    mask = np.zeros((3, 3, 3), dtype)
    mask[0] = value
    assert voxel_counts(lesion_labels(mask, components=False)) == {1: 9}


@pytest.mark.parametrize("value", [0.5, -1, 70000, np.nan, np.inf])
def test_other_values_are_refused(value: float) -> None:
    mask = np.zeros((3, 3, 3))
    mask[0, 0, 0] = value
    with pytest.raises(FileFormatError, match="whole numbers"):
        lesion_labels(mask, components=False)
