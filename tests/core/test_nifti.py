from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from rnnet.core.errors import FileFormatError
from rnnet.core.volume import Volume, read_volume, write_volume
from tests.factories import make_volume


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_volume(tmp_path / "a.nii.gz", make_volume())
    return tmp_path / "a.nii.gz"


def write_image(path: Path, array: Any, affine: Any = None, **fields: Any) -> None:
    """A file as another program writes it; fields: of the header, set as they are."""
    image = nibabel.Nifti1Image(array, np.diag([2.0, 3.0, 4.0, 1.0]) if affine is None else affine)
    for name, value in fields.items():
        image.header[name] = value
    nibabel.save(image, path)


def set_field(path: Path, name: str, value: Any, index: int | slice | None = None) -> None:
    """Overwrite a field of the header of an uncompressed file, without any program that would mend it."""
    content = path.read_bytes()
    header = nibabel.Nifti1Header(content[:348], check=False)
    if index is None:
        header[name] = value
    else:
        header[name][index] = value
    path.write_bytes(header.binaryblock + content[348:])


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.99])
def test_a_cut_off_compressed_file_is_refused_instead_of_filled_with_zeros(path: Path, kept: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(FileFormatError, match=r"cut off|no valid NIfTI header"):
        read_volume(path)


def test_a_compressed_file_without_its_checksum_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(FileFormatError, match="end of its compressed content is missing"):
        read_volume(path)


def test_a_wrong_checksum_is_noticed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"damaged.*incorrect data check"):
        read_volume(path)


def test_a_cut_off_uncompressed_file_is_refused(path: Path) -> None:
    plain = path.with_name("a.nii")
    plain.write_bytes(gzip.decompress(path.read_bytes())[:-100])
    with pytest.raises(FileFormatError, match="cut off"):
        read_volume(plain)


def test_an_uncompressed_file_called_gz_and_a_compressed_one_that_is_not_are_refused(path: Path) -> None:
    path.rename(path.with_name("a.nii"))
    with pytest.raises(FileFormatError, match="compressed, but its name does not"):
        read_volume(path.with_name("a.nii"))
    path.write_bytes(gzip.decompress(path.with_name("a.nii").read_bytes()))
    with pytest.raises(FileFormatError, match="not compressed"):
        read_volume(path)


@pytest.mark.parametrize("padding", [b"", b"\0" * 700])
def test_a_file_of_several_gzip_members_is_read(path: Path, padding: bytes) -> None:
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:3000]) + gzip.compress(content[3000:]) + padding)
    np.testing.assert_array_equal(read_volume(path).array, make_volume().array)


def test_content_that_unpacks_in_many_pieces_is_whole(tmp_path: Path) -> None:
    array = np.zeros((200, 300, 310), np.uint8)  # more than one piece of 16 MiB, from few compressed bytes
    array[-1, -1, -1] = 7
    write_volume(tmp_path / "a.nii.gz", Volume(array, (1.0, 1.0, 1.0)))
    again = read_volume(tmp_path / "a.nii.gz").array
    assert again.shape == array.shape
    assert again[-1, -1, -1] == 7
    assert again.sum(dtype=int) == 7


def test_integers_are_scaled_only_where_the_header_says_so(tmp_path: Path) -> None:
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    for slope, inter in ((np.nan, np.nan), (0.0, 5.0), (1.0, 0.0)):
        write_image(tmp_path / "a.nii", array)
        set_field(tmp_path / "a.nii", "scl_slope", slope)
        set_field(tmp_path / "a.nii", "scl_inter", inter)
        plain = read_volume(tmp_path / "a.nii").array
        assert plain.dtype == np.int16
        np.testing.assert_array_equal(plain, array.T)
    set_field(tmp_path / "a.nii", "scl_slope", 0.5)
    set_field(tmp_path / "a.nii", "scl_inter", -3.0)
    scaled = read_volume(tmp_path / "a.nii").array
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, array.T * 0.5 - 3)
    set_field(tmp_path / "a.nii", "scl_inter", np.inf)
    with pytest.raises(FileFormatError, match="scl_inter"):
        read_volume(tmp_path / "a.nii")


def test_scaled_integers_of_another_writer_are_read(path: Path) -> None:
    image = nibabel.Nifti1Image(np.arange(60, dtype=np.float32).reshape(3, 4, 5) / 7, np.eye(4))
    image.set_data_dtype(np.int16)
    nibabel.save(image, path)
    assert np.abs(read_volume(path).array - np.asarray(image.dataobj).T).max() < 1e-3


@pytest.mark.parametrize("dtype", [">i2", ">f4", ">f8", "<u2"])
def test_voxels_come_in_the_byte_order_of_the_machine(tmp_path: Path, dtype: str) -> None:
    array = np.arange(60, dtype=dtype).reshape(3, 4, 5)
    header = nibabel.Nifti1Header(endianness=dtype[0])
    header.set_data_dtype(dtype)
    nibabel.save(nibabel.Nifti1Image(array, np.diag([2.0, 3.0, 4.0, 1.0]), header), tmp_path / "a.nii.gz")
    volume = read_volume(tmp_path / "a.nii.gz")
    assert volume.array.dtype == np.dtype(dtype).newbyteorder("=")
    assert volume.array.dtype.isnative
    np.testing.assert_array_equal(volume.array, array.T)
    assert volume.spacing_zyx_mm == (4.0, 3.0, 2.0)


def test_nifti_2_is_read(tmp_path: Path) -> None:
    array = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    nibabel.save(nibabel.Nifti2Image(array, np.diag([2.0, 3.0, 4.0, 1.0])), tmp_path / "a.nii.gz")
    volume = read_volume(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(volume.array, array.T)
    assert volume.spacing_zyx_mm == (4.0, 3.0, 2.0)


def test_voxels_that_are_not_finite_are_kept(path: Path) -> None:
    array = make_volume().array
    array[0, 0, :2] = np.nan
    array[1, 0, 0] = -np.inf
    write_volume(path, make_volume().with_array(array))
    np.testing.assert_array_equal(read_volume(path).array, array)


def test_the_same_volume_gives_the_same_bytes(path: Path) -> None:
    write_volume(path.with_name("other.nii.gz"), make_volume())
    assert path.with_name("other.nii.gz").read_bytes() == path.read_bytes()


def test_itk_reads_what_is_written_at_the_same_place(tmp_path: Path) -> None:
    rotation = Rotation.from_euler("zyx", (20, -10, 5), degrees=True).as_matrix() @ np.diag([1, -1, 1])
    volume = Volume(np.arange(60.0).reshape(3, 4, 5), (6.5, 0.8, 0.9), (-80.0, 12.5, 40.0), tuple(rotation.ravel()))
    write_volume(tmp_path / "a.nii.gz", volume)
    seen = Volume.from_sitk(sitk.ReadImage(str(tmp_path / "a.nii.gz")))
    assert seen.same_grid(volume)
    np.testing.assert_array_equal(seen.array, volume.array)
    assert read_volume(tmp_path / "a.nii.gz").same_grid(volume)
