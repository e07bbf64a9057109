from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnet.core.volume import Volume
from rnnet.dataset.lesion_check import check_components, check_values, part_gaps_mm
from rnnet.dataset.lesions import voxel_counts

PATH = Path("mask.nii.gz")


def blocks(*corners_zyx: tuple[int, int, int], edge: int = 3, shape: tuple[int, int, int] = (20, 24, 40)) -> np.ndarray:
    labels = np.zeros(shape, np.uint16)
    for z, y, x in corners_zyx:
        labels[z : z + edge, y : y + edge, x : x + edge] = 1
    return labels


def found(labels: np.ndarray, spacing_zyx_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> list[tuple[str, str]]:
    problems = check_values(PATH, Volume(labels, spacing_zyx_mm), labels, voxel_counts(labels))
    return [(p.code, p.message) for p in problems]


def test_two_places_of_one_value_are_said_with_their_distance() -> None:
    message = "The value 1 marks 2 separate places, 20 mm apart."
    assert found(blocks((2, 2, 2), (2, 2, 24))) == [("shared-label", message)]


def test_three_places_are_joined_by_their_shortest_distances() -> None:
    (code, message), = found(blocks((2, 2, 2), (2, 2, 12), (2, 2, 36)))
    assert (code, message) == ("shared-label", "The value 1 marks 3 separate places, 8 to 22 mm apart.")


def test_a_broken_ring_and_a_gap_of_one_thick_slice_are_one_lesion() -> None:
    assert found(blocks((2, 2, 2), (2, 2, 8))) == []  # 4 mm from voxel to voxel
    assert found(blocks((2, 2, 2), (6, 2, 2)), (6.5, 0.8, 0.8)) == []  # one slice of 6.5 mm is empty
    assert [code for code, _ in found(blocks((2, 2, 2), (7, 2, 2)), (6.5, 0.8, 0.8))] == ["shared-label"]


def test_specks_beside_a_lesion_are_no_second_place() -> None:
    labels = blocks((2, 2, 2))
    labels[15, 15, 30:39] = 1
    assert found(labels) == []


@pytest.mark.parametrize(("axis", "name"), [(0, "z (voxels of 6.5 mm)"), (1, "y (voxels of 0.8 mm)"), (2, "x")])
def test_a_lesion_in_one_slice_is_said_with_the_axis(axis: int, name: str) -> None:
    labels = np.moveaxis(np.pad(np.ones((1, 4, 4), np.uint16), 4), 0, axis)
    (code, message), = found(labels, (6.5, 0.8, 0.8))
    assert code == "flat-lesion"
    assert name in message


def test_a_line_is_thin_along_two_axes() -> None:
    labels = np.zeros((6, 6, 20), np.uint16)
    labels[2, 2, 2:16] = 3
    assert found(labels)[0][1] == "The lesion 3 is one voxel thick along z (voxels of 1 mm) and y (voxels of 1 mm)."


def test_nine_voxels_are_small_and_ten_are_not() -> None:
    labels = np.zeros((6, 6, 20), np.uint16)
    labels[2:4, 2, 2:7] = 1
    assert [code for code, _ in found(labels)] == ["flat-lesion"]
    labels[2, 2, 2] = 0
    assert [code for code, _ in found(labels)] == ["small-lesion"]


def test_places_of_a_binary_mask_are_lesions_of_their_own() -> None:
    labels = blocks((2, 2, 2), (2, 2, 24))
    assert check_components(PATH, Volume(labels, (1.0, 1.0, 1.0)), labels) == []
    labels[10, 4:8, 4:8] = 1
    labels[15, 15, 30:39] = 1
    codes = [p.code for p in check_components(PATH, Volume(labels, (1.0, 1.0, 1.0)), labels)]
    assert codes == ["flat-lesion", "ignored-specks"]


def test_gaps_are_in_millimetres_of_the_grid() -> None:
    lesion = blocks((2, 2, 2), (2, 12, 2)) > 0
    assert part_gaps_mm(lesion, np.array([1.0, 0.5, 1.0])) == [4.0]
    assert part_gaps_mm(blocks((2, 2, 2)) > 0, np.ones(3)) == []
