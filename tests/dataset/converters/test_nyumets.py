import numpy as np
import pytest

from rnnet.core.errors import DatasetError
from rnnet.core.volume import read_volume
from rnnet.dataset.converters.nyumets import NyuMets
from tests.dataset.converters.conversion import converted, paths, reasons
from tests.dataset.converters.nyumets_tree import study_folder, write_csv, write_study, write_tree


def test_a_tree_becomes_a_pool_that_verifies(tmp_path):
    folder = write_tree(tmp_path / "in")
    _, report, dataset, problems = converted(NyuMets(), folder, tmp_path)
    assert [p.partition(":")[0] for p in problems] == ["missing-mask"]
    assert (report.n_patients, report.n_scans, report.n_masks, report.n_lesions) == (2, 3, 2, 3)
    assert report.dropped == report.unknown_files == ()
    assert {s.patient_id for s in dataset.scans} == {"NYU-00012345", "NYU-20000001"}


def test_a_segmented_study_gives_the_image_that_the_mask_was_drawn_on(tmp_path):
    release = NyuMets().read(write_tree(tmp_path))
    assert [s.image.path.name for s in release.scans] == ["RTSTRUCT_MRI.nii.gz", "CT1.nii.gz", "CT1.nii.gz"]
    assert [s.mask is None for s in release.scans] == [False, True, False]
    assert any("1 scan(s) with a segmentation: the image is RTSTRUCT_MRI" in n for n in release.notes)


def test_an_interpolated_mask_keeps_what_is_above_half(tmp_path):
    _, _, dataset, _ = converted(NyuMets(), write_tree(tmp_path / "in"), tmp_path)
    scan = next(s for s in dataset.scans if s.scan_id == "NYU-00012345_0000000011")
    source = read_volume(study_folder(tmp_path / "in", "00012345", "0000000011") / "RTSTRUCT_segmentation.nii.gz")
    assert ((source.array > 0) & (source.array < 1)).any()
    assert np.array_equal(read_volume(scan.mask_path).array > 0, source.array == 1)


def test_identifiers_without_their_zeros_and_negative_days_are_understood(tmp_path):
    release = NyuMets().read(write_tree(tmp_path))
    assert [s.days for s in release.scans] == [0.0, 91.0, 0.0]
    assert "1 of 2 segmentations were adjusted by an expert (ExpertAdjusted)." in release.notes


def test_times_that_are_no_numbers_or_only_number_the_studies_give_no_days(tmp_path):
    write_study(tmp_path, "00000001", "0000000001", ("CT1",))
    write_study(tmp_path, "00000001", "0000000002", ("CT1",), seed=1)
    write_csv(tmp_path, [("1", "1", "0", "0", ("CT1",)), ("1", "2", "1", "0", ("CT1",))])
    release = NyuMets().read(tmp_path)
    assert [s.days for s in release.scans] == [None, None]
    assert "No days: RelativeTimepoint merely numbers each patient's studies." in release.notes
    write_csv(tmp_path, [("1", "1", "before", "0", ("CT1",)), ("1", "2", "45", "0", ("CT1",))])
    release = NyuMets().read(tmp_path)
    assert [s.days for s in release.scans] == [None, 0.0]
    assert "1 RelativeTimepoint(s) are no numbers; those studies have no day." in release.notes


def test_a_study_without_contrast_is_dropped_and_other_files_are_listed(tmp_path):
    write_study(tmp_path, "00000001", "0000000001", ("CT1", "T2"))
    write_study(tmp_path, "00000001", "0000000002", ("T2", "FLAIR"))
    write_study(tmp_path, "00000001", "0000000003", ("SWI",))
    (tmp_path / "splits.csv").write_text("StudyID,train\n1,1\n")
    release = NyuMets().read(tmp_path)
    assert reasons(release.dropped) == ["NYU-00000001_0000000002: it has neither CT1 nor RTSTRUCT_MRI"]
    assert paths(release.unknown_files, tmp_path) == ["imaging/patientId/00000001/studyId/0000000003", "splits.csv"]
    assert any("No days: no RelativeTimepoint in any csv." in n for n in release.notes)


def test_rows_and_series_that_do_not_fit_the_folders_are_counted(tmp_path):
    write_study(tmp_path, "00000001", "0000000001", ("CT1",))
    write_study(tmp_path, "00000001", "0000000002", ("CT1",), seed=1)
    write_csv(tmp_path, [("1", "1", "0", "0", ("CT1", "T2")), ("9", "9", "0", "0", ("CT1",))])
    notes = NyuMets().read(tmp_path).notes
    assert "1 studies have no row in the csv." in notes
    assert "1 rows of the csv have no folder." in notes
    assert "1 studies lack a series that the csv promises." in notes


def test_another_folder_is_refused(tmp_path):
    (tmp_path / "scan.nii.gz").write_text("")
    with pytest.raises(DatasetError, match="patientId/<8 digits>/studyId"):
        NyuMets().read(tmp_path)


def test_letter_case_and_plain_nifti_do_not_matter(tmp_path):
    folder = study_folder(tmp_path, "00000001", "0000000001")
    write_study(tmp_path, "00000001", "0000000001", ("CT1",))
    (folder / "CT1.nii.gz").rename(folder / "ct1.NII.GZ")
    assert [s.image.path.name for s in NyuMets().read(tmp_path).scans] == ["ct1.NII.GZ"]
