import numpy as np
import pytest

from rnnet.core.errors import DatasetError
from rnnet.core.volume import read_volume, write_volume
from rnnet.dataset.converters.proteas import Proteas
from tests.dataset.converters.conversion import converted, paths, reasons
from tests.dataset.converters.proteas_tree import regions, write_time, write_tree


def test_a_tree_becomes_a_pool_that_verifies(tmp_path):
    _, report, dataset, problems = converted(Proteas(), write_tree(tmp_path / "in"), tmp_path)
    assert [p.partition(":")[0] for p in problems] == ["missing-mask"]
    assert (report.n_patients, report.n_scans, report.n_masks, report.n_lesions) == (2, 5, 4, 5)
    assert report.dropped == report.unknown_files == ()
    assert {s.scan_id for s in dataset.scans} == {
        "PROTEAS-P01_baseline", "PROTEAS-P01_fu1", "PROTEAS-P01_fu2", "PROTEAS-P04a_baseline", "PROTEAS-P04b_baseline"}


def test_two_courses_of_one_patient_are_one_patient(tmp_path):
    release = Proteas().read(write_tree(tmp_path))
    assert {s.patient_id for s in release.scans if "P04" in s.scan_id} == {"PROTEAS-P04"}
    assert "Courses of one patient are one patient: PROTEAS-P04." in release.notes


def test_necrosis_and_enhancing_tumour_are_the_lesion_and_oedema_is_not(tmp_path):
    _, _, dataset, _ = converted(Proteas(), write_tree(tmp_path / "in"), tmp_path)
    mask = read_volume(next(s.mask_path for s in dataset.scans if s.scan_id == "PROTEAS-P01_fu1")).array
    assert np.array_equal(mask > 0, np.isin(regions(), (1, 2)))


def test_another_label_convention_drops_the_scan(tmp_path):
    write_tree(tmp_path / "in")
    path = tmp_path / "in" / "P01" / "tumor segmentation" / "P01_tumor_mask_fu1.nii.gz"
    volume = read_volume(path)
    write_volume(path, volume.with_array(np.where(volume.array == 3, 4, volume.array)))
    _, report, _, _ = converted(Proteas(), tmp_path / "in", tmp_path)
    assert "PROTEAS-P01_fu1: The mask has the value 4" in reasons(report.dropped)[0]


def test_masks_are_found_wherever_they_lie_and_however_the_time_is_written(tmp_path):
    write_time(tmp_path, "P02", "fu1", mask_folder="masks/deep", mask_time="Follow_Up_1")
    write_time(tmp_path, "P02", "Baseline", seed=1, mask_time="baseline")
    release = Proteas().read(tmp_path)
    assert {s.scan_id: s.mask is not None for s in release.scans} == {
        "PROTEAS-P02_baseline": True, "PROTEAS-P02_fu1": True}


def test_what_is_incomplete_is_dropped_with_its_reason(tmp_path):
    write_tree(tmp_path)
    (tmp_path / "P01" / "BraTS" / "fu1" / "t1c.nii.gz").unlink()
    (tmp_path / "P01" / "P01_tumor_mask_fu9.nii.gz").write_text("")
    (tmp_path / "P07.zip").write_text("")
    (tmp_path / "P01.zip").write_text("")
    (tmp_path / "P01" / "remark.txt").write_text("")
    release = Proteas().read(tmp_path)
    assert reasons(release.dropped) == [
        "PROTEAS-P01_fu9: the mask P01_tumor_mask_fu9.nii.gz has no time point in BraTS",
        "PROTEAS-P01_fu1: it has no t1c.nii.gz",
        "PROTEAS-P07: P07.zip is not unpacked",
    ]
    assert paths(release.unknown_files, tmp_path) == ["P01/remark.txt"]


def test_another_folder_is_refused_and_packed_patients_are_named(tmp_path):
    with pytest.raises(DatasetError, match="does not look like PROTEAS"):
        Proteas().read(tmp_path)
    (tmp_path / "P01.zip").write_text("")
    with pytest.raises(DatasetError) as error:
        Proteas().read(tmp_path)
    assert error.value.fix == "Unpack the patients' zip files first."
