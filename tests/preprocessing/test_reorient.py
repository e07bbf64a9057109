from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Volume
from rnnet.preprocessing.reorient import reorient_to_lps

# Every order of the axes with every combination of flips: the 48 orientation codes.
DIRECTIONS = [np.eye(3)[list(o)] * flips for o in permutations(range(3)) for flips in product((1, -1), repeat=3)]
SPACING = (3.0, 0.7, 1.1)


def value_at(volume: Volume, world_xyz_mm: np.ndarray) -> float:
    return float(volume.array[tuple(volume.index_zyx(world_xyz_mm).round().astype(int))])


@given(
    st.sampled_from(DIRECTIONS), st.tuples(*[st.floats(-20, 20)] * 3), st.tuples(*[st.floats(-100, 100)] * 3),
    st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 6)),
)
@settings(max_examples=80, deadline=None)
def test_every_orientation_keeps_the_world_position_of_a_landmark(
    direction: np.ndarray, tilt: tuple[float, ...], origin: tuple[float, float, float], index: tuple[int, int, int]
) -> None:
    turned = Rotation.from_euler("xyz", tilt, degrees=True).as_matrix() @ direction
    array = np.zeros((5, 6, 7), np.int16)
    array[index] = 9
    volume = Volume(array, SPACING, origin, tuple(turned.ravel()))
    oriented = reorient_to_lps(volume)
    world = volume.world_xyz_mm(index)
    found = oriented.world_xyz_mm(np.argwhere(oriented.array == 9)[0])
    assert (oriented.array != 0).sum() == 1
    assert oriented.array.dtype == array.dtype
    np.testing.assert_allclose(found, world, atol=1e-4)


@pytest.mark.parametrize("direction", DIRECTIONS, ids=lambda d: str(d.ravel().astype(int)))
def test_the_axes_are_left_posterior_superior(direction: np.ndarray) -> None:
    volume = Volume(np.arange(210).reshape(5, 6, 7), SPACING, (1.0, 2.0, 3.0), tuple(direction.ravel()))
    oriented = reorient_to_lps(volume)
    np.testing.assert_allclose(np.reshape(oriented.direction_xyz, (3, 3)), np.eye(3), atol=1e-12)
    assert sorted(oriented.spacing_zyx_mm) == sorted(SPACING)


def test_an_oblique_scan_keeps_its_small_rotation() -> None:
    tilt = Rotation.from_euler("xyz", (10, -8, 5), degrees=True).as_matrix()
    volume = Volume(np.arange(210).reshape(5, 6, 7), SPACING, direction_xyz=tuple(tilt.ravel()))
    oriented = reorient_to_lps(volume)
    np.testing.assert_array_equal(oriented.array, volume.array)
    np.testing.assert_allclose(oriented.direction_xyz, volume.direction_xyz, atol=1e-12)


@pytest.mark.parametrize(
    "direction", [(1, 0, 0, 0, 1, 0, 0, 0, 0), (1, 0.3, 0, 0, 1, 0, 0, 0, 1), (2, 0, 0, 0, 1, 0, 0, 0, 1)],
    ids=["singular", "sheared", "scaled"],
)
def test_a_direction_that_is_no_rotation_is_refused(direction: tuple[float, ...]) -> None:
    with pytest.raises(CaseFailedError, match="not a rotation") as caught:
        reorient_to_lps(Volume(np.zeros((3, 3, 3)), SPACING, direction_xyz=direction), where="scan.nii.gz")
    assert caught.value.where == "scan.nii.gz"


def test_what_the_reader_said_of_the_header_stays_with_the_volume() -> None:
    for direction in (np.eye(3), np.diag([-1.0, -1.0, 1.0])):
        volume = Volume(np.zeros((3, 4, 5)), SPACING, direction_xyz=tuple(direction.ravel()), notes=("Mended.",))
        assert reorient_to_lps(volume).notes == ("Mended.",)
