import pytest

from rnnet.core.errors import DatasetError
from rnnet.dataset.case import read_dataset
from rnnet.dataset.converters.ucsf_bmsr import UcsfBmsr
from rnnet.dataset.identity import read_other_ids
from tests.dataset.converters.pool_files import convert, put_excel, put_unused
from tests.dataset.converters.ucsf_bmsr_tree import TABLE, TRAIN, write_ucsf_bmsr_tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return write_ucsf_bmsr_tree(tmp_path_factory.mktemp("ucsf"))


def test_the_letter_is_the_session_and_the_number_the_patient(tree):
    scans = UcsfBmsr().read(tree).scans
    assert [(s.scan_id, s.patient_id) for s in scans] == [
        ("UCSF-100101A", "UCSF-100101"), ("UCSF-100101B", "UCSF-100101"), ("UCSF-100110A", "UCSF-100110"),
        ("UCSF-100115A", "UCSF-100115"),
    ]


def test_seg_is_preferred_and_brats_seg_in_any_letter_case_stands_in(tree):
    release = UcsfBmsr().read(tree)
    masks = [None if s.mask is None else s.mask.parts[0].path.name for s in release.scans]
    assert masks == ["100101A_seg.nii.gz", "100101B_seg.nii.gz", "100110A_BRaTS-seg.nii.gz", None]
    assert any("1 session(s) have no _seg" in n and "100110A" in n for n in release.notes)
    assert any("1 session(s) have no segmentation" in n for n in release.notes)


def test_the_faulty_session_and_one_without_t1post_are_dropped(tree):
    release = UcsfBmsr().read(tree)
    assert [d.name for d in release.dropped] == ["UCSF-100120A", "UCSF-100363B"]
    assert release.dropped[0].reason == "no _T1post.nii.gz in its folder"
    assert release.dropped[1].reason.startswith("excluded as unusable")
    assert [p.name for p in release.unknown_files] == ["readme.pdf"]
    assert any(n.startswith(f"{6 * 4} files of the other sequences") for n in release.notes)


def test_brats_names_come_from_the_table_by_patient_and_blanks_say_nothing(tree):
    assert UcsfBmsr().read(tree).other_ids == {"UCSF-100101": ("BraTS-MET-00012", "BraTS-MET-00013")}


def test_without_a_readable_table_it_says_that_only_images_tell_duplicates(tmp_path):
    write_ucsf_bmsr_tree(tmp_path, table=False)
    said = UcsfBmsr().read(tmp_path)
    assert not said.other_ids
    assert any("by their images only" in n for n in said.notes)
    table = tmp_path / "UCSF_BrainMetastases_v1.3" / TABLE
    put_excel(table, {"Sheet1": {"SubjectID": ["100101A"]}})
    assert any("no sheet RENAMED (it has Sheet1)" in n for n in UcsfBmsr().read(tmp_path).notes)
    put_excel(table, {"RENAMED": {"SubjectID": ["100101A"], "BraTS_ID": ["twelve"]}})
    assert any("cannot be read: 100101A 'twelve'" in n for n in UcsfBmsr().read(tmp_path).notes)
    table.write_bytes(b"cut off")
    with pytest.raises(DatasetError, match="Not a readable Excel file"):
        UcsfBmsr().read(tmp_path)


def test_the_converted_pool_verifies_with_two_lesions_a_mask(tree, tmp_path):
    layout, report, check = convert(UcsfBmsr(), tree, tmp_path)
    assert (report.n_patients, report.n_scans, report.n_masks, report.n_lesions) == (3, 4, 3, 6)
    assert not check.errors
    assert {w.code for w in check.warnings} == {"missing-mask"}  # 100115A has none
    assert len(read_dataset(layout).cases) == 6
    declared = read_dataset(layout).manifest.declared
    assert (declared.registered, declared.skull_stripped) == (False, True)
    assert read_other_ids(layout.other_ids_csv) == {"UCSF-100101": {"BraTS-MET-00012", "BraTS-MET-00013"}}


def test_the_training_folder_alone_can_be_given(tree):
    assert len(UcsfBmsr().read(tree / "UCSF_BrainMetastases_v1.3" / TRAIN).scans) == 4


def test_another_folder_is_refused_with_what_was_looked_for(tmp_path):
    put_unused(tmp_path / "P01" / "t1c.nii.gz")
    with pytest.raises(DatasetError, match="no folder is named as 100101A"):
        UcsfBmsr().read(tmp_path)
