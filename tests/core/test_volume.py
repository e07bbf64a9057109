from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from rnnet.core.errors import FileFormatError, GeometryError, SettingError, StorageError
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


@pytest.mark.parametrize(("name", "stem"), [
    ("a.nii.gz", "a"), ("a.b.nii", "a.b"), ("scan_0000.NRRD", "scan_0000"), ("x.mha", "x"), ("notes.txt", "notes"),
    ("P1_0000", "P1_0000"), ("P.1_0000", "P.1_0000"),
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


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_full_disk_is_one_error_and_leaves_nothing_behind(tmp_path: Path, ending: str) -> None:
    # A limit on the size of files stands for the full disk: writes fail in the same way.
    code = f"""
import resource, signal, sys
from pathlib import Path
import numpy as np
from rnnet.core.errors import StorageError
from rnnet.core.volume import Volume, write_volume
volume = Volume(np.random.default_rng(0).standard_normal((30, 30, 30)), (1.0, 1.0, 1.0))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))
try:
    write_volume(Path({str(tmp_path)!r}) / "a{ending}", volume)
except StorageError as error:
    sys.exit(0 if len(str(error).splitlines()) == 1 and "a{ending}" in str(error) else 2)
sys.exit(1)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".nii.gz", ".mha"])
def test_a_folder_that_cannot_be_written_to_is_one_error(tmp_path: Path, ending: str) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError) as caught:
        write_volume(tmp_path / "file" / f"a{ending}", make_volume())
    assert len(str(caught.value).splitlines()) == 1


def test_an_ending_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"written as \.nii\.gz"):
        write_volume(tmp_path / "a.mhd", make_volume())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.int64, np.float32, np.float64])
def test_the_voxel_type_survives(tmp_path: Path, dtype: type) -> None:
    for ending in (".nii.gz", ".nrrd"):
        write_volume(tmp_path / f"a{ending}", make_volume(dtype=dtype))
        assert read_volume(tmp_path / f"a{ending}").array.dtype == dtype


REAL = (
    "atlas/sri24_t1_brats_space.nii.gz", "atlas/sri24_t1_skullstripped_brats_space.nii.gz",
    "t1ce/BraTS-MET-00110-000/BraTS-MET-00110-000-t1c.nii.gz",
    "t1ce/BraTS-MET-00110-000/BraTS-MET-00110-000_AURORA-t1c_segmentation.nii.gz",
    "t1ce/TCGA-FG-6692/TCGA-FG-6692_t1c.nii.gz", "t1ce/TCGA-FG-6692/TCGA-FG-6692_bet_t1c_mask.nii.gz",
    "t1ce/glioma_sri24/t1c.nii.gz", "t1ce/glioma_sri24/segmentation.nii.gz",
    "t1ce/brain1_image.nrrd", "t1ce/brain1_label.nrrd", "t1ce/brain2_image.nrrd", "t1ce/brain2_label.nrrd",
)


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_read_as_itk_reads_them(test_data: Path, name: str) -> None:
    volume, image = read_volume(test_data / name), sitk.ReadImage(str(test_data / name))
    expected = Volume.from_sitk(image)
    np.testing.assert_array_equal(volume.array, expected.array)
    assert volume.array.dtype == expected.array.dtype
    np.testing.assert_allclose(volume.spacing_zyx_mm, expected.spacing_zyx_mm, atol=1e-4)
    np.testing.assert_allclose(volume.origin_xyz_mm, expected.origin_xyz_mm, atol=1e-4)
    np.testing.assert_allclose(volume.direction_xyz, expected.direction_xyz, atol=1e-4)
    assert volume.notes == ()
