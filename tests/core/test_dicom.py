from __future__ import annotations

import locale
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from rnnet.core.errors import FileFormatError
from rnnet.core.files import file_digest
from rnnet.core.volume import Volume, read_volume
from rnnet.core.workspace import find_image
from tests.factories import make_volume

TILT = tuple(Rotation.from_euler("zyx", (20, -10, 5), degrees=True).as_matrix().ravel())


def scan(n_slices: int = 6, **geometry: object) -> Volume:
    return make_volume(
        (n_slices, 20, 24), (5.0, 0.9, 0.8), dtype=np.int16, **{"origin_xyz_mm": (-80.0, 12.5, 40.0), **geometry}
    )


def write_series(
    folder: Path, volume: Volume, *, uid: str = "1.2.3", description: str = "T1 Größe post", modality: str = "MR",
    slices: Sequence[int] | None = None, shift_xyz_mm: Sequence[float] = (0, 0, 0),
) -> None:
    """One file for each slice, whose names say nothing about its place. shift_xyz_mm: of each slice to the last."""
    folder.mkdir(parents=True, exist_ok=True)
    axes = np.reshape(volume.direction_xyz, (3, 3))
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k in range(len(volume.array)) if slices is None else slices:
        image = sitk.GetImageFromArray(volume.array[k])
        image.SetSpacing(volume.spacing_zyx_mm[:0:-1])
        place = volume.world_xyz_mm((k, 0, 0)) + k * np.asarray(shift_xyz_mm)
        tags = {
            "0008|0060": modality, "0008|103e": description, "0020|000e": uid, "0020|000d": "1.2",
            "0008|0018": f"{uid}.{k}", "0020|0013": str(k + 1), "0020|0032": join(place),
            "0020|0037": join([*axes[:, 0], *axes[:, 1]]),
        }
        for key, value in tags.items():
            image.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"{uid}-{k * 7 % 31:02}.dcm"))
        before = locale.setlocale(locale.LC_ALL)
        writer.Execute(image)
        locale.setlocale(locale.LC_ALL, before)  # GDCM's writer, not its reader, sets it to "C" for the whole process


def join(numbers: Sequence[float]) -> str:
    return "\\".join(f"{n:.8f}" for n in numbers)


def refusal(folder: Path) -> str:
    with pytest.raises(FileFormatError) as caught:
        read_volume(folder)
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.where == str(folder)
    assert caught.value.fix
    return caught.value.problem


@pytest.mark.parametrize("direction", [TILT, (1.0, 0, 0, 0, 0, 1.0, 0, -1.0, 0), (0, 0, 1.0, 1.0, 0, 0, 0, 1.0, 0)])
def test_a_series_is_the_volume_that_it_was_written_from(tmp_path: Path, direction: tuple[float, ...]) -> None:
    volume = scan(direction_xyz=direction)
    write_series(tmp_path / "Größe 1", volume)
    (tmp_path / "Größe 1" / "notes.txt").write_text("no slice")
    (tmp_path / "Größe 1" / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    read = read_volume(tmp_path / "Größe 1")
    np.testing.assert_array_equal(read.array, volume.array)
    assert read.same_grid(volume, tolerance_mm=1e-4)
    assert read.array.dtype == np.int16


def test_gdcm_puts_the_series_at_the_same_place(tmp_path: Path) -> None:
    write_series(tmp_path, scan(direction_xyz=TILT))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path)))
    gdcm = Volume.from_sitk(reader.Execute())
    read = read_volume(tmp_path)
    np.testing.assert_array_equal(read.array, gdcm.array)
    assert read.same_grid(gdcm)


def test_a_second_series_is_refused_with_a_list_of_what_is_there(tmp_path: Path) -> None:
    write_series(tmp_path, scan())
    write_series(tmp_path, scan(1), uid="1.2.9", description="Localizer", modality="CT")
    said = refusal(tmp_path)
    assert "2 image series" in said
    assert "T1 Größe post (MR, 6 slice(s) of 20 x 24); Localizer (CT, 1 slice(s) of 20 x 24)" in said


def test_a_single_slice_is_no_volume(tmp_path: Path) -> None:
    write_series(tmp_path, scan(1), description="")
    assert "single slice: without description (MR" in refusal(tmp_path)


@pytest.mark.parametrize("absent", [1, 3])
def test_a_missing_slice_is_noticed(tmp_path: Path, absent: int) -> None:
    write_series(tmp_path, scan(), slices=[k for k in range(6) if k != absent])
    assert f"between slices {absent} and {absent + 1} of 5 are 10.00 mm, elsewhere 5.00 mm" in refusal(tmp_path)


def test_a_missing_slice_of_three_is_noticed(tmp_path: Path) -> None:
    write_series(tmp_path, scan(), slices=[0, 1, 3])
    assert "missing or unevenly spaced" in refusal(tmp_path)


def test_two_volumes_in_one_series_are_noticed(tmp_path: Path) -> None:
    write_series(tmp_path, scan())
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_name(f"second-{path.name}"))
    write_series(tmp_path, scan())
    assert "6 slice(s) lie where another one does" in refusal(tmp_path)


def test_slices_that_are_not_parallel_or_of_other_size_or_shifted_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "a", scan(), slices=(0, 1, 2))
    write_series(tmp_path / "a", scan(direction_xyz=(1.0, 0, 0, 0, 0, 1.0, 0, -1.0, 0)), slices=(3, 4, 5))
    assert "not parallel" in refusal(tmp_path / "a")
    write_series(tmp_path / "b", scan(), slices=(0, 1, 2))
    write_series(tmp_path / "b", make_volume((6, 22, 24), (5.0, 0.9, 0.8), dtype=np.int16), slices=(3, 4, 5))
    assert "differ in size" in refusal(tmp_path / "b")
    write_series(tmp_path / "c", scan(), shift_xyz_mm=(0, 1.0, 0))
    assert "tilted gantry" in refusal(tmp_path / "c")


def test_folders_without_a_series_are_refused(tmp_path: Path) -> None:
    assert "no DICOM images" in refusal(tmp_path)
    (tmp_path / "notes.dcm").write_text("hello")
    write_series(tmp_path / "below", scan())
    assert "no DICOM images" in refusal(tmp_path)


def test_a_damaged_slice_is_not_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path, scan())
    last = sorted(tmp_path.iterdir())[-1]
    last.write_bytes(last.read_bytes()[:700])
    assert f"1 DICOM file(s) hold no image that can be read: {last.name}" in refusal(tmp_path)


def test_a_slice_without_a_position_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path, scan())
    changed = sorted(tmp_path.iterdir())[2]
    position, other = b"\x20\x00\x32\x00", b"\x20\x00\x33\x00"
    assert changed.read_bytes().count(position) == 1
    changed.write_bytes(changed.read_bytes().replace(position, other))
    with pytest.raises(FileFormatError, match=r"does not tell the position of its slice \(tag 0020\|0032\)") as caught:
        read_volume(tmp_path)
    assert caught.value.where == str(changed)


def test_a_slice_with_a_scaling_of_its_own_is_not_rounded_to_the_type_of_the_others(tmp_path: Path) -> None:
    volume = scan()
    write_series(tmp_path, volume, modality="CT")  # whose files have the tag of the slope
    changed = tmp_path / "1.2.3-07.dcm"
    head, tag, rest = changed.read_bytes().partition(b"\x28\x00\x53\x10\x02\x00\x00\x00")
    assert rest.startswith(b"1 ")
    changed.write_bytes(head + tag + b".5" + rest[2:])
    expected = volume.array.astype(np.float32)
    expected[1] /= 2
    np.testing.assert_array_equal(read_volume(tmp_path).array, expected)


def test_the_digest_of_a_folder_changes_with_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.dcm").write_bytes(b"x")
    (tmp_path / "a" / "2.dcm").write_bytes(b"y")
    digests = [file_digest(tmp_path / "a")]
    assert file_digest(tmp_path / "a") == digests[0]
    (tmp_path / "a" / "2.dcm").write_bytes(b"z")
    digests.append(file_digest(tmp_path / "a"))
    (tmp_path / "a" / "2.dcm").rename(tmp_path / "a" / "3.dcm")
    digests.append(file_digest(tmp_path / "a"))
    (tmp_path / "a" / "3.dcm").unlink()
    digests.append(file_digest(tmp_path / "a"))
    assert len(set(digests)) == 4
    (tmp_path / "a").rename(tmp_path / "b")
    assert file_digest(tmp_path / "b") == digests[-1]


def test_a_folder_is_found_as_an_image_but_never_as_a_mask(tmp_path: Path) -> None:
    (tmp_path / "P1_0000").mkdir()
    (tmp_path / "P1").mkdir()
    assert find_image(tmp_path, "P1_0000", ".nii.gz") == tmp_path / "P1_0000"
    assert find_image(tmp_path, "P1", ".nii.gz") == tmp_path / "P1.nii.gz"
    (tmp_path / "P1_0000.mha").write_bytes(b"x")
    assert find_image(tmp_path, "P1_0000", ".nii.gz") == tmp_path / "P1_0000.mha"
