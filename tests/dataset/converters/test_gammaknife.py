import numpy as np
import pytest

from rnnet.core.errors import DatasetError
from rnnet.core.volume import read_volume, write_volume
from rnnet.dataset.converters.gammaknife import GammaKnife
from tests.dataset.converters.conversion import converted, paths, reasons
from tests.dataset.converters.gammaknife_tree import (
    LESION_COLUMNS,
    LESIONS,
    TABLE,
    write_courses,
    write_table,
    write_tree,
)


def test_a_tree_becomes_a_labelled_data_set_that_verifies(tmp_path):
    _, report, dataset, problems = converted(GammaKnife(), write_tree(tmp_path / "in"), tmp_path)
    assert problems == []
    assert (report.n_patients, report.n_scans, report.n_lesions) == (3, 4, 6)
    assert report.labelled == {"recurrence": 3, "stable": 2}
    assert report.dropped == report.unknown_files == ()
    assert dataset.manifest.positive_outcome == "recurrence"
    assert {c.patient_id for c in dataset.cases} == {"GammaKnife-103", "GammaKnife-147", "GammaKnife-199"}


def test_stable_is_an_outcome_of_its_own_and_the_note_says_so(tmp_path):
    release = GammaKnife().read(write_tree(tmp_path))
    assert dict(release.outcomes) == {"stable": 0, "recurrence": 1}
    assert "a stable lesion is no radiation necrosis" in release.notes[0]


def test_each_lesion_has_the_outcome_of_its_own_file(tmp_path):
    _, _, dataset, _ = converted(GammaKnife(), write_tree(tmp_path / "in"), tmp_path)
    by_name = {c.information["lesion_id"]: c for c in dataset.cases}
    atrium = by_name["GK.103_1_LR atrium"]
    assert (atrium.outcome, atrium.information["months_to_outcome"]) == ("recurrence", "6.5")
    scan = next(s for s in dataset.scans if s.scan_id == atrium.scan_id)
    source = read_volume(tmp_path / "in" / "GK.103_1" / "GK.103_1_LRatrium.nrrd")
    assert np.array_equal(read_volume(scan.mask_path).array == atrium.lesion_value, source.array > 0)


def test_clinical_values_come_from_the_course(tmp_path):
    cases = {c.information["lesion_id"]: c.clinical
             for c in converted(GammaKnife(), write_tree(tmp_path / "in"), tmp_path)[2].cases}
    assert cases["GK.103_2_LCerebellum"] == {"age": 62, "sex": "male", "primary_tumour": "lung", "fractions": 1}
    assert cases["GK.199_1_L1"] == {"age": None, "sex": "female", "primary_tumour": None, "fractions": 1}


def test_an_outcome_of_another_kind_is_left_empty_and_listed(tmp_path):
    notes = GammaKnife().read(write_tree(tmp_path)).notes
    assert any("row 7: 'unclear'" in n for n in notes)
    assert any(n.startswith("1 lesion(s) on 1 scan(s) have no outcome") for n in notes)


def test_rows_without_a_file_and_files_without_a_row_are_reported(tmp_path):
    write_courses(tmp_path)
    gone = (500, 1, 1, 1, "stable", "GK.500_1_L1", "")
    other = (103, 1, 1, 1, "stable", "GK.103_1_LOccipital", "")
    write_table(tmp_path, (*LESIONS[1:], gone, other))
    (tmp_path / "GK.103_1" / "notes.txt").write_text("")
    release = GammaKnife().read(tmp_path)
    assert reasons(release.dropped) == [
        "GK.103_1_LOccipital: row 8 of the table: there is no such file",
        "GK.500_1_L1: row 7 of the table: there is no folder GK.500_1",
    ]
    unlisted = next(x for x in release.lesions if x.information["lesion_id"] == "GK.103_1_LFrontal")
    assert unlisted.outcome is None
    assert paths(release.unknown_files, tmp_path) == ["GK.103_1/notes.txt"]


def test_a_course_without_image_is_dropped(tmp_path):
    write_tree(tmp_path)
    (tmp_path / "GK.147_1" / "GK.147_1_MR_t1.nrrd").unlink()
    assert reasons(GammaKnife().read(tmp_path).dropped) == ["GammaKnife-147_1: it has no image *_MR_t1.nrrd"]


def test_a_table_without_a_needed_column_lists_those_that_it_has(tmp_path):
    write_courses(tmp_path)
    write_table(tmp_path, lesion_columns=tuple("kind" if c == "mri_type" else c for c in LESION_COLUMNS))
    with pytest.raises(DatasetError, match=r"no column for: outcome\. It has: unique_pt_id, Treatment Course") as error:
        GammaKnife().read(tmp_path)
    assert TABLE in error.value.where
    write_table(tmp_path, sheet="Sheet3")
    with pytest.raises(DatasetError, match="no sheet of lesions, only course_level, Sheet3"):
        GammaKnife().read(tmp_path)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"no GK\.<patient>_<course>"):
        GammaKnife().read(tmp_path)
    write_courses(tmp_path)
    with pytest.raises(DatasetError, match=r"no table \*Clinical-Information.xlsx"):
        GammaKnife().read(tmp_path)


def test_identical_masks_lose_one_row(tmp_path):
    folder = write_tree(tmp_path / "in")
    copy = read_volume(folder / "GK.199_1" / "GK.199_1_L1.nrrd")
    write_volume(folder / "GK.199_1" / "GK.199_1_L2.nrrd", copy)
    _, report, _, _ = converted(GammaKnife(), folder, tmp_path)
    assert reasons(report.dropped) == ["GammaKnife-199_1, lesion 1: the scan's mask does not have it"]
