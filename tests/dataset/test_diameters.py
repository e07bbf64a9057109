"""Diameters of masks against shapes whose diameter is known, and against comparing every pair of voxels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from rnnet.core.errors import SettingError
from rnnet.core.volume import Volume
from rnnet.dataset.diameters import axial_axis, axial_diameter, feret_diameter

SPACINGS = [(1.0, 1.0, 1.0), (3.0, 0.9, 0.9), (0.7, 1.3, 2.1)]


def drawn(inside, spacing, half_edge_mm=24.0, shift_mm=(0.3, -0.4, 0.2)):
    """bool (z, y, x) of the voxels whose centres (z, y, x in mm about the shape's centre) are inside."""
    axes = [np.arange(-half_edge_mm, half_edge_mm + s, s) + d for s, d in zip(spacing, shift_mm, strict=True)]
    return inside(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))


def voxel_mm(spacing):
    return float(np.linalg.norm(spacing))


@pytest.mark.parametrize("spacing", SPACINGS)
def test_a_ball_has_its_diameter_within_a_voxel_in_the_plane_and_in_space(spacing):
    ball = drawn(lambda p: np.linalg.norm(p, axis=-1) <= 15, spacing)
    assert 30 - voxel_mm(spacing) <= feret_diameter(ball, spacing) <= 30
    for axis in range(3):
        assert 30 - voxel_mm(spacing) <= axial_diameter(ball, spacing, axial_axis=axis) <= 30


@pytest.mark.parametrize("spacing", SPACINGS)
def test_an_ellipsoid_is_as_long_as_its_longest_axis_of_the_plane_or_of_space(spacing):
    half = np.array([20.0, 12.0, 16.0])
    ellipsoid = drawn(lambda p: ((p / half) ** 2).sum(axis=-1) <= 1, spacing)
    for axis, longest in enumerate((32.0, 40.0, 40.0)):
        assert longest - voxel_mm(spacing) <= axial_diameter(ellipsoid, spacing, axial_axis=axis) <= longest
    assert 40 - voxel_mm(spacing) <= feret_diameter(ellipsoid, spacing) <= 40


@pytest.mark.parametrize("spacing", SPACINGS)
def test_a_box_has_exactly_the_diagonal_of_its_corner_voxels(spacing):
    box = np.zeros((12, 14, 16), bool)
    box[2:9, 3:13, 1:12] = True
    z, y, x = (n * s for n, s in zip((6, 9, 10), spacing, strict=True))
    assert feret_diameter(box, spacing) == pytest.approx(np.sqrt(x**2 + y**2 + z**2))
    assert axial_diameter(box, spacing, axial_axis=0) == pytest.approx(np.hypot(x, y))
    assert axial_diameter(box, spacing, axial_axis=1) == pytest.approx(np.hypot(x, z))
    assert axial_diameter(box, spacing, axial_axis=2) == pytest.approx(np.hypot(y, z))


@pytest.mark.parametrize("spacing", SPACINGS)
def test_an_oblique_rod_keeps_its_length_in_space_however_it_lies(spacing):
    for seed in range(3):
        along = Rotation.random(random_state=seed).as_matrix()[0]

        def rod(p, along=along):
            height = p @ along
            return (np.abs(height) <= 18) & (np.linalg.norm(p - height[..., None] * along, axis=-1) <= 3)

        found = feret_diameter(drawn(rod, spacing), spacing)
        assert abs(found - np.hypot(36, 6)) <= voxel_mm(spacing)


def test_a_rod_across_the_slices_is_short_in_the_plane_and_long_in_space():
    rod = np.zeros((30, 5, 5), bool)
    rod[:, 1:4, 2] = True
    assert axial_diameter(rod, (2.0, 1.0, 1.0), axial_axis=0) == pytest.approx(2.0)
    assert feret_diameter(rod, (2.0, 1.0, 1.0)) == pytest.approx(np.hypot(58, 2))


@settings(deadline=None, max_examples=60)
@given(
    st_numpy.arrays(bool, st_numpy.array_shapes(min_dims=3, max_dims=3, max_side=6)).filter(lambda a: a.any()),
    st.sampled_from(SPACINGS),
)
def test_in_space_it_is_the_largest_distance_of_all_pairs_also_of_points_lines_and_planes(lesion, spacing):
    expected = pdist(np.argwhere(lesion) * spacing).max(initial=0.0)
    assert feret_diameter(lesion, spacing) == pytest.approx(expected)


@pytest.mark.parametrize("points", [
    [(0, 0, 0), (1, 1, 1), (4, 4, 4)],  # an oblique line
    [(0, 0, 0), (3, 0, 1), (0, 5, 2), (3, 5, 3), (6, 0, 2)],  # an oblique plane
    [(0, 0, 0), (0, 0, 5)],
])
def test_oblique_lines_and_planes_have_a_diameter(points):
    lesion = np.zeros((7, 7, 7), bool)
    lesion[tuple(np.transpose(points))] = True
    for spacing in SPACINGS:
        assert feret_diameter(lesion, spacing) == pytest.approx(pdist(np.array(points) * spacing).max())


def test_a_plate_of_one_slice_has_the_same_diameter_in_the_plane_and_in_space():
    plate = drawn(lambda p: np.linalg.norm(p[..., 1:], axis=-1) <= 20, (1.0, 0.6, 0.6))[:1]
    expected = axial_diameter(plate, (1.0, 0.6, 0.6), axial_axis=0)
    assert feret_diameter(plate, (1.0, 0.6, 0.6)) == pytest.approx(expected)
    assert feret_diameter(np.moveaxis(plate, 0, 2), (0.6, 0.6, 1.0)) == pytest.approx(expected)


@pytest.mark.parametrize("measure", [lambda m: feret_diameter(m, (1, 1, 1)),
                                     lambda m: axial_diameter(m, (1, 1, 1), axial_axis=0)])
def test_a_lesion_without_voxels_has_no_diameter(measure):
    with pytest.raises(SettingError, match="without voxels"):
        measure(np.zeros((2, 2, 2), bool))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_diameter_is_the_largest_distance_of_two_voxels_of_one_axial_slice(axis):
    lesion = np.random.default_rng(axis).random((5, 6, 7)) < 0.15
    spacing = (3.0, 1.0, 0.7)
    expected = 0.0
    for index in np.unique(np.nonzero(lesion)[axis]):
        points = np.argwhere(lesion & (np.indices(lesion.shape)[axis] == index)) * spacing
        expected = max(expected, float(pdist(points).max(initial=0.0)))
    assert axial_diameter(lesion, spacing, axial_axis=axis) == pytest.approx(expected)


def test_a_single_voxel_has_no_diameter():
    assert axial_diameter(np.ones((1, 1, 1), bool), (1.0, 1.0, 1.0), axial_axis=0) == 0.0


@pytest.mark.parametrize(("direction", "axis"), [
    ((1, 0, 0, 0, 1, 0, 0, 0, 1), 0),
    ((-1, 0, 0, 0, 1, 0, 0, 0, -1), 0),
    ((0, 0, 1, 1, 0, 0, 0, -1, 0), 1),  # stored sagittally: y runs from head to foot
    ((0, 1, 0, 0, 0, 1, 1, 0, 0), 2),
])
def test_the_axial_axis_is_the_one_along_the_body(direction, axis):
    volume = Volume(np.zeros((2, 2, 2)), (1.0, 1.0, 1.0), direction_xyz=direction)
    assert axial_axis(volume) == axis
