from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from rnnet.core.volume import Volume
from rnnet.planning.lesion_size import axial_axis, axial_diameter, lesion_size


def test_a_box_has_its_edges_its_volume_and_its_in_plane_diagonal() -> None:
    size = lesion_size(np.ones((2, 4, 5), bool), (5.0, 1.0, 0.5), axial_axis=0)
    assert size.extent_zyx_mm == (10.0, 4.0, 2.5)
    assert size.volume_mm3 == pytest.approx(100.0)
    assert size.axial_diameter_mm == pytest.approx(np.hypot(3.0, 2.0))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_diameter_is_the_largest_distance_of_two_voxels_of_one_axial_slice(axis: int) -> None:
    lesion = np.random.default_rng(axis).random((5, 6, 7)) < 0.15
    spacing = (3.0, 1.0, 0.7)
    expected = 0.0
    for index in np.unique(np.nonzero(lesion)[axis]):
        points = np.argwhere(lesion & (np.indices(lesion.shape)[axis] == index)) * spacing
        expected = max(expected, float(pdist(points).max(initial=0.0)))
    assert axial_diameter(lesion, spacing, axial_axis=axis) == pytest.approx(expected)


def test_a_single_voxel_has_no_diameter() -> None:
    assert axial_diameter(np.ones((1, 1, 1), bool), (1.0, 1.0, 1.0), axial_axis=0) == 0.0


@pytest.mark.parametrize(("direction", "axis"), [
    ((1, 0, 0, 0, 1, 0, 0, 0, 1), 0),
    ((-1, 0, 0, 0, 1, 0, 0, 0, -1), 0),
    ((0, 0, 1, 1, 0, 0, 0, -1, 0), 1),  # stored sagittally: y runs from head to foot
    ((0, 1, 0, 0, 0, 1, 1, 0, 0), 2),
])
def test_the_axial_axis_is_the_one_along_the_body(direction: tuple[float, ...], axis: int) -> None:
    volume = Volume(np.zeros((2, 2, 2)), (1.0, 1.0, 1.0), direction_xyz=direction)
    assert axial_axis(volume) == axis
