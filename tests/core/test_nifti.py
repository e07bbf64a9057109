from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from rnnet.core.errors import FileFormatError
from rnnet.core.nifti import count_not_finite
from rnnet.core.volume import read_volume, write_volume
from tests.factories import make_volume


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_volume(tmp_path / "a.nii.gz", make_volume())
    return tmp_path / "a.nii.gz"


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.99])
def test_a_cut_off_compressed_file_is_refused_instead_of_filled_with_zeros(path: Path, kept: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(FileFormatError, match=r"cut off|no valid NIfTI header"):
        read_volume(path)


def test_a_cut_off_uncompressed_file_is_refused(path: Path) -> None:
    plain = path.with_name("a.nii")
    plain.write_bytes(gzip.decompress(path.read_bytes())[:-100])
    with pytest.raises(FileFormatError, match="cut off"):
        read_volume(plain)


def test_an_uncompressed_file_called_gz_is_refused(path: Path) -> None:
    path.write_bytes(gzip.decompress(path.read_bytes()))
    with pytest.raises(FileFormatError, match="not compressed"):
        read_volume(path)


def test_a_file_of_several_gzip_members_is_read(path: Path) -> None:
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:3000]) + gzip.compress(content[3000:]))
    np.testing.assert_array_equal(read_volume(path).array, make_volume().array)


def test_scaled_integers_of_another_writer_are_read(path: Path) -> None:
    image = nibabel.Nifti1Image(np.arange(60, dtype=np.float32).reshape(3, 4, 5) / 7, np.eye(4))
    image.set_data_dtype(np.int16)
    nibabel.save(image, path)
    assert np.abs(read_volume(path).array - np.asarray(image.dataobj).T).max() < 1e-3
    assert count_not_finite(path) == 0


def test_voxels_that_are_not_finite_are_counted_in_the_file(path: Path) -> None:
    array = make_volume().array
    array[0, 0, :2] = np.nan
    array[1, 0, 0] = -np.inf
    write_volume(path, make_volume().with_array(array))
    assert count_not_finite(path) == 3


def test_all_formats_are_read_back_unchanged(tmp_path: Path) -> None:
    volume = make_volume(spacing_zyx_mm=(2.0, 1.0, 0.5), origin_xyz_mm=(-5.0, 3.0, 7.5))
    for ending in (".nii.gz", ".nii", ".nrrd", ".mha"):
        write_volume(tmp_path / f"b{ending}", volume)
        again = read_volume(tmp_path / f"b{ending}")
        np.testing.assert_array_equal(again.array, volume.array)
        assert again.same_grid(volume)
