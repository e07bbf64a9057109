import numpy as np
import pytest
from PIL import Image

from rnnet.core.errors import DatasetError, FileFormatError
from rnnet.core.volume import read_volume
from rnnet.dataset.converters.brainmetshare import BrainMetShare
from tests.dataset.converters.brainmetshare_tree import TRAIN, write_nifti_patient, write_png_patient
from tests.dataset.converters.conversion import SHAPE_ZYX, converted, paths, reasons


def test_the_png_release_becomes_a_pool_that_verifies(tmp_path):
    write_png_patient(tmp_path / "in", "Mets_005", n_lesions=2)
    write_png_patient(tmp_path / "in", "Mets_106", masked=False, seed=1)
    _, report, _, problems = converted(BrainMetShare(), tmp_path / "in", tmp_path)
    assert [p.partition(":")[0] for p in problems] == ["missing-mask"]
    assert (report.n_patients, report.n_scans, report.n_masks, report.n_lesions) == (2, 2, 1, 2)
    assert report.unknown_files == report.dropped == ()


def test_slices_are_sorted_by_number_and_get_the_releases_spacing(tmp_path):
    image = write_png_patient(tmp_path / "in", "Mets_005")
    _, _, dataset, _ = converted(BrainMetShare(), tmp_path / "in", tmp_path)
    written = read_volume(dataset.scans[0].image_path)
    assert np.array_equal(written.array, image)
    assert SHAPE_ZYX[0] > 10  # so that '10.png' comes before '2.png' by name
    assert written.spacing_zyx_mm == pytest.approx((1.0, 0.94, 0.94))
    assert written.direction_xyz == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    mask = read_volume(dataset.scans[0].mask_path)
    assert set(np.unique(mask.array)) == {0, 1}


def test_the_nifti_release_becomes_a_pool_that_verifies(tmp_path):
    write_nifti_patient(tmp_path / "in", "train", "Mets_005", n_lesions=2)
    write_nifti_patient(tmp_path / "in", "test1", "Mets_106", seed=1)
    release, report, _, problems = converted(BrainMetShare(), tmp_path / "in", tmp_path)
    assert problems == []
    assert (report.n_patients, report.n_lesions) == (2, 3)
    assert {s.image.path.name for s in release.scans} == {"bravo.nii.gz"}
    assert {s.split for s in release.scans} == {"train"}


def test_a_patient_of_both_releases_is_taken_once(tmp_path):
    write_png_patient(tmp_path, "Mets_005")
    write_png_patient(tmp_path, "Mets_006", seed=1)
    write_nifti_patient(tmp_path, "train", "Mets_005")
    release = BrainMetShare().read(tmp_path)
    assert [(s.patient_id, s.image.path.name) for s in release.scans] == [
        ("Stanford-Mets_005", "bravo.nii.gz"), ("Stanford-Mets_006", "0")]
    assert "1 patient(s) are in both releases; each is taken once, from the NIfTI files." in release.notes


def test_a_missing_slice_drops_the_scan(tmp_path):
    write_png_patient(tmp_path, "Mets_005")
    write_png_patient(tmp_path, "Mets_006", seed=1)
    write_png_patient(tmp_path, "Mets_007", seed=2)
    (tmp_path / TRAIN / "Mets_005" / "0" / "4.png").unlink()
    (tmp_path / TRAIN / "Mets_006" / "seg" / "16.png").unlink()
    release = BrainMetShare().read(tmp_path)
    assert [s.patient_id for s in release.scans] == ["Stanford-Mets_007"]
    first, second = reasons(release.dropped)
    assert "Stanford-Mets_005: slices of the series 0 are missing: 4" in first
    assert "Stanford-Mets_006: the mask has the slices 1 to 15, the series 1 to 16" in second


def test_slices_of_unequal_shape_drop_the_scan(tmp_path):
    write_png_patient(tmp_path / "in", "Mets_005")
    write_png_patient(tmp_path / "in", "Mets_006", seed=1)
    Image.fromarray(np.zeros((5, 6), np.uint8)).save(tmp_path / "in" / TRAIN / "Mets_005" / "0" / "7.png")
    _, report, _, _ = converted(BrainMetShare(), tmp_path / "in", tmp_path)
    assert report.n_scans == 1
    assert "The slice has 5 x 6 pixels, but 1.png has 24 x 22" in reasons(report.dropped)[0]


def test_a_broken_or_coloured_picture_is_named(tmp_path):
    write_png_patient(tmp_path, "Mets_005")
    picture = tmp_path / TRAIN / "Mets_005" / "0" / "3.png"
    stack = BrainMetShare().read(tmp_path).scans[0].image
    picture.write_bytes(b"no picture")
    with pytest.raises(FileFormatError, match="cannot be read") as broken:
        stack.read()
    assert broken.value.where == str(picture)
    grey = np.full((*SHAPE_ZYX[1:], 3), 7, np.uint8)
    Image.fromarray(grey).save(picture)
    assert (stack.read().array[2] == 7).all()
    grey[0, 0, 1] = 9
    Image.fromarray(grey).save(picture)
    with pytest.raises(FileFormatError, match="colours"):
        stack.read()


def test_other_files_are_listed_and_a_second_folder_of_a_patient_is_dropped(tmp_path):
    write_nifti_patient(tmp_path, "train", "Mets_005")
    write_nifti_patient(tmp_path, "test1", "Mets_005", seed=1)
    write_nifti_patient(tmp_path, "train", "Mets_006", series=("flair",))
    (tmp_path / "readme.pdf").write_text("")
    release = BrainMetShare().read(tmp_path)
    assert paths(release.unknown_files, tmp_path) == ["readme.pdf"]
    second, without = sorted(reasons(release.dropped))
    assert "the patient has a second folder" in second
    assert "Stanford-Mets_006: there is no bravo.nii.gz" in without


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"neither Mets_\*/0/\*.png nor Mets_\*/bravo.nii.gz"):
        BrainMetShare().read(tmp_path)
