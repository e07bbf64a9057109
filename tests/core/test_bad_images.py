"""Every bad file is one error of one line that names the file and a cure."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from rnnet.core.errors import FileFormatError
from rnnet.core.volume import Volume, read_volume, write_volume
from tests.core.test_nifti import set_field
from tests.factories import make_volume

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha")


def refusal(path: Path, *, where: Path | None = None) -> str:
    """What the error says about a file; fails unless it is one line that names the file and ends with a cure."""
    with pytest.raises(FileFormatError) as caught:
        read_volume(path)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert str(where or path) in text
    assert caught.value.fix.endswith(".")
    return text


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_without_an_image_in_them(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    assert "does not exist" in refusal(path)
    path.write_bytes(b"")
    assert "empty (0 bytes)" in refusal(path)
    path.write_text("This is no image, but a letter to the archive.\n" * 30, encoding="utf-8")
    assert "plain text" in refusal(path)
    path.write_bytes(bytes(range(256)) * 10)
    refusal(path)
    path.unlink()
    path.symlink_to(tmp_path / "gone")
    assert "symbolic link whose target does not exist" in refusal(path)
    path.unlink()
    path.mkdir()
    assert "no DICOM images" in refusal(path)


@pytest.mark.parametrize("ending", [".dcm", ".txt", ".hdr", ""])
def test_other_endings_are_refused_with_what_can_be_read(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"a{ending}").write_bytes(b"x")
    assert ".nii.gz" in refusal(tmp_path / f"a{ending}")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kept", [0.3, 0.995])
def test_a_cut_off_file_is_refused_in_every_format(tmp_path: Path, ending: str, kept: float) -> None:
    path = tmp_path / f"a{ending}"
    write_volume(path, make_volume())
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert "cut off" in refusal(path)


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
def test_a_damaged_byte_in_compressed_voxels_is_noticed(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    write_volume(path, make_volume())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("reader", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_a_nifti_header_without_voxels_is_refused(tmp_path: Path, reader: Callable[..., object]) -> None:
    nibabel.save(reader(make_volume().array.T, np.eye(4)), tmp_path / "a.nii")
    path = tmp_path / "a.nii"
    path.write_bytes(path.read_bytes()[:560])
    assert "cut off" in refusal(path)


@pytest.mark.parametrize(("dims", "said"), [
    ((3, 0, 28, 24), "promises no voxels"), ((3, 26, -4, 24), "promises no voxels"),
    ((4, 26, 28, 24, 0), "promises no voxels"), ((9, 26, 28, 24), "9 dimensions"), ((0, 26, 28, 24), "0 dimensions"),
    ((3, 32767, 32767, 32767), "cut off|cannot hold"), ((2, 26, 28), "single slice"), ((3, 26, 28, 1), "single slice"),
    ((4, 26, 28, 12, 2), "Got several"), ((5, 26, 28, 8, 1, 3), "Got several"),
])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_nifti_dimensions_that_are_no_volume(
    tmp_path: Path, dims: tuple[int, ...], said: str, ending: str
) -> None:
    path = tmp_path / "a.nii"
    write_volume(path, make_volume())
    set_field(path, "dim", dims, slice(0, len(dims)))
    if ending == ".nii.gz":
        path = compressed(path)
    text = refusal(path)
    assert any(s in text for s in said.split("|"))


def compressed(path: Path) -> Path:
    target = path.with_name(f"{path.name}.gz")
    target.write_bytes(gzip.compress(path.read_bytes()))
    return target


def test_absurd_dimensions_take_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    write_volume(path, make_volume())
    set_field(path, "dim", (3000, 3000, 3000), slice(1, 4))
    code = f"""
import resource
from pathlib import Path
from rnnet.core.errors import FileFormatError
from rnnet.core.volume import read_volume
import nibabel, numpy
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
try:
    read_volume(Path({str(compressed(path))!r}))
except FileFormatError:
    raise SystemExit(0 if peak() - before < 50000 else 2)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("spacing", [0.0, -1.0, np.nan, np.inf, 1e6, 1e-4])
@pytest.mark.parametrize("unused", ["sform_code", "qform_code"])
def test_an_absurd_voxel_size_is_refused(tmp_path: Path, spacing: float, unused: str) -> None:
    path = tmp_path / "a.nii"
    write_volume(path, make_volume())
    set_field(path, "pixdim", spacing, 2)
    set_field(path, unused, 0)
    assert "voxel size" in refusal(path)


@pytest.mark.parametrize(("ending", "before", "after", "spacing"), [
    *[(".mha", "ElementSpacing = 1 1 1", "ElementSpacing = {} 1 1", s) for s in ("0", "-1", "nan", "1e6", "1e-4")],
    *[(".nrrd", "(1,0,0)", "({},0,0)", s) for s in ("0", "nan", "1e6", "1e-4")],  # -1 would be a flipped axis
])
def test_an_absurd_voxel_size_is_refused_in_text_headers(
    tmp_path: Path, ending: str, before: str, after: str, spacing: str
) -> None:
    path = tmp_path / f"a{ending}"
    write_volume(path, make_volume())
    replace_text(path, before, after.format(spacing))
    assert "voxel size" in refusal(path)


def replace_text(path: Path, before: str, after: str) -> None:
    content = path.read_bytes()
    assert before.encode() in content
    path.write_bytes(content.replace(before.encode(), after.encode()))


@pytest.mark.parametrize(("ending", "before", "after", "said"), [
    (".mha", "DimSize = 26 28 24", "DimSize = 26 0 24", "promises no voxels"),
    (".mha", "DimSize = 26 28 24", "DimSize = 2600 2800 2400", "cannot hold"),
    (".mha", "ElementSpacing = 1 1 1\n", "", "does not tell the voxel size"),
    (".mha", "TransformMatrix = 1 0 0 0 1 0 0 0 1\n", "", "which side is left"),
    (".mha", "TransformMatrix = 1 0 0 0 1 0 0 0 1", "TransformMatrix = 1 0 0 0.4 0.9 0 0 0 1", "not perpendicular"),
    (".nrrd", "sizes: 26 28 24", "sizes: 26 0 24", "size is zero"),
    (".nrrd", "sizes: 26 28 24", "sizes: 2600 2800 2400", "cannot hold"),
    (".nrrd", "space: left-posterior-superior\n", "space dimension: 3\n", "which side is left"),
    (".nrrd", "space: left-posterior-superior", "space: scanner-xyz", "which side is left"),
])
def test_a_text_header_that_cannot_be_trusted_is_refused_with_what_is_wrong_in_it(
    tmp_path: Path, ending: str, before: str, after: str, said: str
) -> None:
    path = tmp_path / f"a{ending}"
    write_volume(path, make_volume())
    replace_text(path, before, after)
    assert said in refusal(path)


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
def test_several_volumes_slices_colours_and_complex_numbers_are_refused(tmp_path: Path, ending: str) -> None:
    image = sitk.Cast(make_volume().to_sitk(), sitk.sitkUInt8)
    path = tmp_path / f"a{ending}"
    sitk.WriteImage(sitk.JoinSeries([image, image]), str(path))
    assert "one scalar 3-D volume" in refusal(path)
    sitk.WriteImage(image[:, :, 5], str(path))
    assert "single slice" in refusal(path)
    sitk.WriteImage(sitk.Compose(image, image, image), str(path))
    # In a NIfTI file three components are a fifth dimension, unless they are declared as colours.
    assert any(said in refusal(path) for said in ("one scalar 3-D volume", "3 component(s)", "colours"))
    if ending != ".mha":  # which knows no complex numbers
        real = sitk.Cast(image, sitk.sitkFloat32)
        sitk.WriteImage(sitk.RealAndImaginaryToComplex(real, real), str(path))
        assert any(said in refusal(path) for said in ("complex", "2 component(s)"))


def test_nifti_colours_are_refused(tmp_path: Path) -> None:
    colours = np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(colours, np.eye(4)), tmp_path / "a.nii.gz")
    assert "colours" in refusal(tmp_path / "a.nii.gz")


def test_voxel_types_that_nobody_knows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    write_volume(path, make_volume())
    for code, said in ((9999, "unknown"), (1536, "cannot be read")):
        set_field(path, "datatype", code)
        assert said in refusal(path)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="this system knows no users")
@pytest.mark.parametrize("closed", ["file", "folder"])
@pytest.mark.parametrize("ending", [".nii.gz", ".mha", ""])
def test_what_may_not_be_read_is_said(tmp_path: Path, ending: str, closed: str) -> None:
    path = tmp_path / "in" / f"a{ending}"
    if ending:
        write_volume(path, make_volume())
    else:
        path.mkdir(parents=True)
    (path if closed == "file" else path.parent).chmod(0)
    code = f"""
import os
from pathlib import Path
from rnnet.core.errors import FileFormatError
from rnnet.core.volume import read_volume
import nibabel, SimpleITK, rnnet.core.dicom, rnnet.core.nifti, rnnet.core.itk_image
if os.geteuid() == 0:  # whom no permission stops
    for folder in {[str(p) for p in (tmp_path, *tmp_path.parents[:2])]}:
        os.chmod(folder, 0o755)
    os.seteuid(65534)
try:
    read_volume(Path({str(path)!r}))
except FileFormatError as error:
    raise SystemExit(0 if "ermi" in str(error) and len(str(error).splitlines()) == 1 else 2)
"""
    try:
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    finally:
        path.parent.chmod(0o755)


@pytest.mark.parametrize("ending", ENDINGS)
def test_spaces_umlauts_and_links_are_no_obstacle(tmp_path: Path, ending: str) -> None:
    volume = make_volume()
    folder = tmp_path / "Münchner Köpfe 1 – Größe"
    path = folder / f"Schädel von Frau Ü{ending}"
    write_volume(path, volume)
    link = tmp_path / f"link{ending}"
    link.symlink_to(path)
    for name in (path, link):
        np.testing.assert_array_equal(read_volume(name).array, volume.array)


def test_a_header_with_its_voxels_in_another_file_is_read_and_a_lost_one_named(tmp_path: Path) -> None:
    volume = make_volume()
    sitk.WriteImage(volume.to_sitk(), str(tmp_path / "a.mhd"), useCompression=True)
    again = read_volume(tmp_path / "a.mhd")
    np.testing.assert_array_equal(again.array, volume.array)
    assert again.same_grid(volume)
    (tmp_path / "a.zraw").rename(tmp_path / "b.zraw")
    assert "a.zraw" in refusal(tmp_path / "a.mhd")


def test_a_nrrd_in_ras_is_read_at_the_same_place(tmp_path: Path) -> None:
    path = tmp_path / "a.nrrd"
    volume = make_volume(origin_xyz_mm=(7.0, 0.0, 0.0))
    write_volume(path, volume)
    replace_text(path, "left-posterior-superior", "right-anterior-superior")
    grid = read_volume(path)
    expected = Volume(volume.array, volume.spacing_zyx_mm, (-7.0, 0.0, 0.0), (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0))
    assert grid.same_grid(expected)
