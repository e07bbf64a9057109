from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from rnnet.core.errors import FileFormatError
from rnnet.core.volume import Volume, read_volume
from tests.core.test_nifti import set_field

ARRAY = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
ROTATION = Rotation.from_euler("zyx", (20, -10, 5), degrees=True).as_matrix()


def affine_ras(spacing: tuple[float, float, float] = (0.9, 0.8, 6.5), flip: int = 1) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = ROTATION @ np.diag(spacing) @ np.diag([flip, 1, 1])
    matrix[:3, 3] = (80.0, -12.5, 40.0)
    return matrix


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Both forms are set and agree."""
    image = nibabel.Nifti1Image(ARRAY, affine_ras())
    image.set_sform(affine_ras(), 1)
    image.set_qform(affine_ras(), 1)
    nibabel.save(image, tmp_path / "a.nii")
    return tmp_path / "a.nii"


def expected_grid(flip: int = 1) -> Volume:
    lps = np.diag([-1, -1, 1, 1]) @ affine_ras(flip=flip)
    direction = tuple((lps[:3, :3] / (0.9, 0.8, 6.5)).ravel())
    return Volume(ARRAY.T, (6.5, 0.8, 0.9), tuple(lps[:3, 3]), direction)


@pytest.mark.parametrize("unused", ["sform_code", "qform_code"])
@pytest.mark.parametrize("flip", [1, -1])
def test_either_form_alone_gives_the_grid(path: Path, unused: str, flip: int) -> None:
    image = nibabel.load(path)
    image.set_sform(affine_ras(flip=flip), 1)
    image.set_qform(affine_ras(flip=flip), 1)
    nibabel.save(image, path)
    set_field(path, unused, 0)
    volume = read_volume(path)
    assert volume.same_grid(expected_grid(flip), tolerance_mm=1e-4)
    assert volume.notes == ()


def test_forms_that_agree_are_no_matter_for_a_note(path: Path) -> None:
    set_field(path, "qoffset_x", 80.2)
    volume = read_volume(path)
    assert volume.same_grid(expected_grid(), tolerance_mm=1e-4)
    assert volume.notes == ()


def test_of_two_forms_that_disagree_the_sform_is_used_and_said(path: Path) -> None:
    set_field(path, "qoffset_x", 92.0)
    volume = read_volume(path)
    assert volume.same_grid(expected_grid(), tolerance_mm=1e-4)
    assert volume.notes == ("The header's qform and sform disagree by 12.0 mm; the sform is used.",)


def test_a_qform_that_mirrors_the_head_is_said(path: Path) -> None:
    set_field(path, "pixdim", -1, 0)
    (note,) = read_volume(path).notes
    assert "mirror image" in note


@pytest.mark.parametrize(("field", "value", "reason"), [
    ("srow_x", (np.nan, 0, 0, 0), "not finite"), ("srow_y", (0, 0, 0, 0), "axes are not perpendicular"),
    ("srow_x", (0.9, 0.4, 0.0, 80.0), "axes are not perpendicular"), ("srow_z", (0, 0, 1e6, 0), "voxel size"),
])
def test_a_broken_sform_gives_way_to_the_qform(
    path: Path, field: str, value: tuple[float, ...], reason: str
) -> None:
    set_field(path, field, value)
    volume = read_volume(path)
    assert volume.same_grid(expected_grid(), tolerance_mm=1e-4)
    (note,) = volume.notes
    assert note.startswith("The sform is broken")
    assert reason in note
    set_field(path, "qform_code", 0)
    with pytest.raises(FileFormatError, match=r"does not say where the voxels lie \(sform"):
        read_volume(path)


@pytest.mark.parametrize(("field", "value"), [("quatern_b", np.nan), ("quatern_c", 3.0), ("qoffset_z", np.inf)])
def test_a_broken_qform_gives_way_to_the_sform(path: Path, field: str, value: float) -> None:
    set_field(path, field, value)
    volume = read_volume(path)
    assert volume.same_grid(expected_grid(), tolerance_mm=1e-4)
    (note,) = volume.notes
    assert note.startswith("The qform is broken")
    set_field(path, "sform_code", 0)
    with pytest.raises(FileFormatError, match=r"does not say where the voxels lie \(qform"):
        read_volume(path)


def test_a_file_that_does_not_say_which_side_is_left_is_refused(path: Path) -> None:
    set_field(path, "sform_code", 0)
    set_field(path, "qform_code", 0)
    with pytest.raises(FileFormatError, match="which side is left"):
        read_volume(path)


def test_an_analyze_header_is_refused(path: Path) -> None:
    set_field(path, "magic", b"")
    with pytest.raises(FileFormatError, match="ANALYZE"):
        read_volume(path)


def test_axes_that_are_perpendicular_but_for_rounding_become_a_rotation(path: Path) -> None:
    matrix = affine_ras()
    matrix[:3, 1] += 4e-4 * 0.8 * matrix[:3, 0] / 0.9
    set_field(path, "srow_x", matrix[0])
    set_field(path, "srow_y", matrix[1])
    set_field(path, "srow_z", matrix[2])
    direction = np.reshape(read_volume(path).direction_xyz, (3, 3))
    np.testing.assert_allclose(direction @ direction.T, np.eye(3), atol=1e-12)
    assert read_volume(path).same_grid(expected_grid(), tolerance_mm=5e-3)


def test_another_voxel_size_beside_the_sform_is_said(path: Path) -> None:
    set_field(path, "qform_code", 0)
    set_field(path, "pixdim", 1.6, index=2)
    volume = read_volume(path)
    assert volume.same_grid(expected_grid(), tolerance_mm=1e-4)
    (note,) = volume.notes
    assert "0.9 x 1.6 x 6.5 mm" in note


@pytest.mark.parametrize(("unit", "scale"), [("meter", 1e-3), ("micron", 1e3), ("unknown", 1.0)])
def test_metres_and_micrometres_become_millimetres(tmp_path: Path, unit: str, scale: float) -> None:
    matrix = affine_ras()
    matrix[:3] *= scale
    image = nibabel.Nifti1Image(ARRAY, matrix)
    image.header.set_xyzt_units(unit)
    image.set_qform(matrix, 1)
    nibabel.save(image, tmp_path / "a.nii")
    for ignored in (None, "sform_code"):
        if ignored:
            set_field(tmp_path / "a.nii", ignored, 0)
        assert read_volume(tmp_path / "a.nii").same_grid(expected_grid(), tolerance_mm=1e-4)


@given(st.tuples(*[st.floats(-180, 180)] * 3), st.tuples(*[st.floats(0.3, 7)] * 3), st.sampled_from([1, -1]))
@settings(max_examples=25, deadline=None)
def test_any_header_is_understood_as_itk_understands_it(
    tmp_path_factory: pytest.TempPathFactory, angles: tuple[float, float, float], spacing: tuple[float, float, float],
    flip: int,
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.nii"
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("zyx", angles, degrees=True).as_matrix() @ np.diag(spacing)
    matrix[:3, :3] @= np.diag([flip, 1, 1])
    image = nibabel.Nifti1Image(ARRAY, matrix)
    image.set_qform(matrix, 1)
    nibabel.save(image, path)
    assert read_volume(path).same_grid(Volume.from_sitk(sitk.ReadImage(str(path))), tolerance_mm=1e-3)
    set_field(path, "sform_code", 0)
    # ITK reckons the quaternion in 32 bits: near a turn by 180 degrees its angle is off by up to 7e-4.
    assert read_volume(path).same_grid(Volume.from_sitk(sitk.ReadImage(str(path))), tolerance_mm=0.05)
