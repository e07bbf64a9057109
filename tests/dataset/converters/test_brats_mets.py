import shutil

import numpy as np
import pytest

from rnnet.core.errors import DatasetError
from rnnet.core.volume import read_volume
from rnnet.dataset.case import read_dataset
from rnnet.dataset.converters.brats_mets import BratsMets
from rnnet.dataset.converters.brats_names import brats_patients
from tests.dataset.converters.brats_mets_tree import ADDITIONAL, TRAINING, put_brats_case, write_brats_mets_tree
from tests.dataset.converters.pool_files import convert, put_image, put_unused
from tests.dataset.converters.yale_pretreat_tree import write_yale_pretreat_tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_brats_mets_tree(tmp_path_factory.mktemp("brats"))


def test_every_case_is_a_scan_of_its_patient(tree):
    scans = {s.scan_id: s for s in BratsMets().read(tree).scans}
    assert list(scans) == ["BraTS-MET-00001-000", "BraTS-MET-00001-001", "BraTS-MET-00003-000", "BraTS-MET-00005-000",
                           "BraTS-MET-00810-000", "BraTS-MET-00900-000"]
    assert [s.patient_id for s in scans.values()][:3] == ["BraTS-MET-00001", "BraTS-MET-00001", "BraTS-MET-00003"]
    assert {s.days for s in scans.values()} == {None}
    assert [s.scan_id for s in scans.values() if s.mask is None] == ["BraTS-MET-00900-000"]


def test_a_wrong_file_name_is_found_by_its_suffix_and_noted(tree):
    release = BratsMets().read(tree)
    images = {s.scan_id: s.image.path.name for s in release.scans}
    assert images["BraTS-MET-00003-000"] == "BraTS-MET-00030-000-T1C.nii.gz"
    assert images["BraTS-MET-00005-000"] == "BraTS-MET-00005-000-tlc.nii.gz"
    assert any("00030-000-T1C.nii.gz: its name is not that of its folder" in n for n in release.notes)
    assert any("tlc.nii.gz: its suffix is unknown" in n for n in release.notes)


def test_cases_without_one_clear_t1ce_are_dropped_with_the_reason(tree):
    reasons = {d.name: d.reason for d in BratsMets().read(tree).dropped}
    assert reasons == {
        "BraTS-MET-00006-000": "no -t1c.nii.gz in its folder",
        "BraTS-MET-00807-000": "2 files could be its T1CE: BraTS-MET-00808-000-t1c.nii.gz, "
                               "BraTS-MET-00809-000-t1c.nii.gz",
    }


def test_other_sequences_are_counted_and_only_strange_files_are_unknown(tree):
    release = BratsMets().read(tree)
    assert [p.name for p in release.unknown_files] == ["mapping.xlsx", "notes"]
    # Three of each of the seven cases that have all, one of 00006.
    assert any(n.startswith(f"{7 * 3 + 1} files of the other sequences") for n in release.notes)
    assert any("1 case(s) without -seg" in n for n in release.notes)


def test_the_converted_pool_verifies_with_two_lesions_a_mask(tree, tmp_path):
    layout, report, check = convert(BratsMets(), tree, tmp_path)
    assert (report.n_patients, report.n_scans, report.n_masks, report.n_lesions) == (5, 6, 5, 10)
    assert not check.errors
    assert {w.code for w in check.warnings} == {"missing-mask"}  # the validation case has none
    dataset = read_dataset(layout)
    assert len(dataset.cases) == 10
    assert dataset.manifest.declared.registered
    assert dataset.manifest.declared.skull_stripped
    mask = read_volume(layout.labels("train") / "BraTS-MET-00001-000.nii.gz").array
    tissues = read_volume(tree / TRAINING / "BraTS-MET-00001-000" / "BraTS-MET-00001-000-seg.nii.gz").array
    np.testing.assert_array_equal(mask > 0, (tissues == 1) | (tissues == 3))


def test_one_training_folder_or_one_case_alone_can_be_given(tree):
    assert [s.scan_id for s in BratsMets().read(tree / ADDITIONAL).scans] == ["BraTS-MET-00810-000"]
    assert len(BratsMets().read(tree / TRAINING / "BraTS-MET-00001-000").scans) == 1


def test_a_case_that_stands_twice_is_read_once(tmp_path):
    put_brats_case(tmp_path / TRAINING, "BraTS-MET-00001-000", seed=1)
    shutil.copytree(tmp_path / TRAINING, tmp_path / "copy of it")
    release = BratsMets().read(tmp_path)
    assert len(release.scans) == 1
    assert [d.reason for d in release.dropped] == [f"the case is read from {TRAINING}/BraTS-MET-00001-000 already"]
    assert not release.unknown_files


def test_an_archive_unpacked_into_a_folder_of_its_own_name_is_one_case(tmp_path):
    put_brats_case(tmp_path / "BraTS-MET-00001-000", "BraTS-MET-00001-000", seed=1)
    release = BratsMets().read(tmp_path)
    assert len(release.scans) == 1
    assert not release.dropped


def test_a_series_that_is_there_compressed_and_not_is_used_once(tmp_path):
    case = put_brats_case(tmp_path, "BraTS-MET-00001-000", seed=1)
    put_image(case / "BraTS-MET-00001-000-t1c.nii", 1)
    release = BratsMets().read(tmp_path)
    assert release.scans[0].image.path.name == "BraTS-MET-00001-000-t1c.nii.gz"
    assert any("stands there 2 times" in n for n in release.notes)


def test_a_foreign_file_beside_the_right_one_is_unknown_not_used(tmp_path):
    case = put_brats_case(tmp_path, "BraTS-MET-00001-000", seed=1)
    put_unused(case / "BraTS-MET-00002-000-t1c.nii.gz")
    release = BratsMets().read(tmp_path)
    assert release.scans[0].image.path.name == "BraTS-MET-00001-000-t1c.nii.gz"
    assert [p.name for p in release.unknown_files] == ["BraTS-MET-00002-000-t1c.nii.gz"]


def test_another_release_is_refused_with_what_was_looked_for(tmp_path):
    put_unused(tmp_path / "BraTS-GLI-00001-000" / "BraTS-GLI-00001-000-t1c.nii.gz")
    with pytest.raises(DatasetError, match="no folder is named as BraTS-MET-00001-000"):
        BratsMets().read(tmp_path)
    with pytest.raises(DatasetError, match="source yale_pretreat"):
        BratsMets().read(write_yale_pretreat_tree(tmp_path / "yale"))


@pytest.mark.parametrize(("text", "names"), [
    ("BraTS-MET-00012-000", ("BraTS-MET-00012",)), ("brats_met_12", ("BraTS-MET-00012",)),
    ("BraTS-MET-00012-000; BraTS-MET-00013-000", ("BraTS-MET-00012", "BraTS-MET-00013")), ("n/a", ()),
])
def test_the_patient_is_read_from_a_brats_name_with_or_without_session(text, names):
    assert brats_patients(text) == names
