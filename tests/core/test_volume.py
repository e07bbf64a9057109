from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from rnnet.core.errors import FileFormatError, GeometryError
from rnnet.core.volume import Volume, image_stem, read_volume, write_volume
from tests.factories import make_volume

coordinates = st.floats(-200, 200)
points = st.tuples(coordinates, coordinates, coordinates)


def tilted(spacing: tuple[float, float, float] = (6.5, 0.8, 0.9)) -> Volume:
    rotation = Rotation.from_euler("zyx", (20, -10, 5), degrees=True).as_matrix()
    return Volume(np.arange(60.0).reshape(3, 4, 5), spacing, (-80.0, 12.5, 40.0), tuple(rotation.ravel()))


@given(points, st.tuples(*[st.floats(0.3, 7)] * 3), points)
@settings(max_examples=50, deadline=None)
def test_index_and_world_are_inverse(
    index: tuple[float, float, float], spacing: tuple[float, float, float], origin: tuple[float, float, float]
) -> None:
    volume = replace(tilted(spacing), origin_xyz_mm=origin)
    np.testing.assert_allclose(volume.index_zyx(volume.world_xyz_mm(index)), index, atol=1e-6)


def test_world_positions_are_those_of_itk() -> None:
    volume = tilted()
    image = volume.to_sitk()
    for z, y, x in ((0, 0, 0), (2, 1, 3), (1, 3, 4)):
        expected = image.TransformIndexToPhysicalPoint((x, y, z))
        np.testing.assert_allclose(volume.world_xyz_mm((z, y, x)), expected, atol=1e-9)


def test_many_points_are_mapped_at_once() -> None:
    assert tilted().world_xyz_mm(np.zeros((2, 7, 3))).shape == (2, 7, 3)


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_voxels_and_geometry_survive_every_format(tmp_path: Path, ending: str) -> None:
    volume = tilted()
    write_volume(tmp_path / f"a{ending}", volume)
    again = read_volume(tmp_path / f"a{ending}")
    np.testing.assert_array_equal(again.array, volume.array)
    assert again.same_grid(volume, tolerance_mm=1e-3)


def test_a_mask_of_truth_values_is_stored_as_bytes(tmp_path: Path) -> None:
    mask = make_volume().array > 50
    write_volume(tmp_path / "m.nii.gz", make_volume().with_array(mask))
    again = read_volume(tmp_path / "m.nii.gz")
    assert again.array.dtype == np.uint8
    np.testing.assert_array_equal(again.array.astype(bool), mask)


def test_grids_differ_by_shape_origin_spacing_and_direction() -> None:
    volume = make_volume()
    assert volume.same_grid(replace(volume, origin_xyz_mm=(5e-4, 0, 0)))
    assert not volume.same_grid(replace(volume, origin_xyz_mm=(5e-3, 0, 0)))
    assert not volume.same_grid(replace(volume, spacing_zyx_mm=(1, 1, 1.1)))
    assert not volume.same_grid(replace(volume, direction_xyz=(-1, 0, 0, 0, -1, 0, 0, 0, 1)))
    assert not volume.same_grid(replace(volume, array=volume.array[1:]))


def test_an_array_of_another_shape_does_not_fit_the_grid() -> None:
    with pytest.raises(GeometryError, match=r"\(2, 2, 2\)"):
        make_volume().with_array(np.zeros((2, 2, 2)))


def test_a_fourth_dimension_of_one_is_dropped_and_a_longer_one_refused(tmp_path: Path) -> None:
    image = make_volume().to_sitk()
    sitk.WriteImage(sitk.JoinSeries([image]), str(tmp_path / "one.nii.gz"))
    np.testing.assert_array_equal(read_volume(tmp_path / "one.nii.gz").array, make_volume().array)
    sitk.WriteImage(sitk.JoinSeries([image, image]), str(tmp_path / "two.nii.gz"))
    with pytest.raises(FileFormatError, match="one scalar 3-D volume"):
        read_volume(tmp_path / "two.nii.gz")


def test_colours_and_missing_and_damaged_files_are_refused(tmp_path: Path) -> None:
    image = sitk.Cast(make_volume().to_sitk(), sitk.sitkUInt8)
    sitk.WriteImage(sitk.Compose(image, image, image), str(tmp_path / "rgb.nrrd"))
    with pytest.raises(FileFormatError, match=r"3 component\(s\)"):
        read_volume(tmp_path / "rgb.nrrd")
    with pytest.raises(FileFormatError, match="does not exist"):
        read_volume(tmp_path / "none.nrrd")
    (tmp_path / "text.nrrd").write_text("hello")
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_volume(tmp_path / "text.nrrd")


@pytest.mark.parametrize(("name", "stem"), [
    ("a.nii.gz", "a"), ("a.b.nii", "a.b"), ("scan_0000.NRRD", "scan_0000"), ("x.mha", "x"), ("notes.txt", "notes"),
])
def test_the_stem_is_the_name_without_the_image_ending(name: str, stem: str) -> None:
    assert image_stem(Path("folder") / name) == stem


def test_the_atlas_brain_and_head_agree_in_the_world(test_data: Path) -> None:
    head = read_volume(test_data / "atlas" / "sri24_t1_brats_space.nii.gz")
    brain = read_volume(test_data / "atlas" / "sri24_t1_skullstripped_brats_space.nii.gz")
    assert head.array.shape == brain.array.shape == (155, 240, 240)
    voxels = np.argwhere(brain.array > 0)[::5000]
    there = np.rint(head.index_zyx(brain.world_xyz_mm(voxels))).astype(int)
    inside = brain.array[tuple(voxels.T)]
    assert np.corrcoef(inside, head.array[tuple(there.T)])[0, 1] > 0.95
    assert np.corrcoef(inside, head.array[tuple(voxels.T)])[0, 1] < 0.9  # stored along other axes
