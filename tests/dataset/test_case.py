from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.errors import DatasetError, LeakageError
from rnnet.core.volume import read_volume, write_volume
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import read_dataset, table_digests
from rnnet.dataset.integrity import check_dataset
from tests.factories import write_raw_dataset, write_scan
from tests.logs import own_messages


def edit(layout: RawLayout, old: str, new: str, *, count: int = 1) -> None:
    text = layout.cases_csv.read_text()
    assert old in text
    layout.cases_csv.write_text(text.replace(old, new, count))


@pytest.fixture
def layout(tmp_path: Path) -> RawLayout:
    return write_raw_dataset(tmp_path, n_patients=4, n_test=2)


def test_a_labelled_data_set_is_read(layout: RawLayout) -> None:
    dataset = read_dataset(layout)
    assert dataset.name == "Dataset001_Toy"
    assert (len(dataset.scans), len(dataset.cases)) == (6, 12)
    assert (len(dataset.training_cases()), len(dataset.test_cases())) == (8, 4)
    assert dataset.cases[0].clinical == {"age": 40.0, "sex": "female"}
    assert dataset.scan("T000_s1").image_path.parent.name == "imagesTs"
    assert not dataset.components


def test_empty_cells_are_missing(layout: RawLayout) -> None:
    edit(layout, "0,1,train,progression,made up,40.0,female", ",1,train,,,,")
    edit(layout, "0,2,train,progression", ",2,train,progression")
    dataset = read_dataset(layout)
    case = dataset.cases[0]
    assert case.outcome is None
    assert case.clinical == {"age": None, "sex": None}
    assert dataset.scans[0].days is None
    assert len(dataset.training_cases()) == 7


@pytest.mark.parametrize(("old", "new", "message", "where"), [
    (",40.0,", ",n/a,", "'n/a' is not a number, but 'age' is numeric", "line 2, column age"),
    (",40.0,", ',"40,5",', "'40,5' is not a number", "line 2, column age"),
    (",40.0,", ",inf,", "'inf' is not a number", "line 2, column age"),
    (",female", ",femal", "'femal' is not a declared category of 'sex'", "line 2, column sex"),
    (",progression,", ",necrosis,", "outcome 'necrosis' is unknown", "line 2, column outcome"),
    (",train,", ",training,", "split 'training' is unknown", "line 2, column split"),
    ("A,0,1,", "A,0,0,", "'0' is not a whole number above 0", "line 2, column lesion_value"),
    ("A,0,1,", "A,0,1.5,", "'1.5' is not a whole number", "line 2, column lesion_value"),
    ("A,0,1,", "A,day 3,1,", "'day 3' is not a number, but 'days' is numeric", "line 2, column days"),
    ("P000_s1_1,", "P000/s1,", "cannot be part of a file name", "line 2, column case_id"),
    ("P000_s1_2,", "P000_s1_1,", "'P000_s1_1' stands in several rows", "case P000_s1_1"),
    ("A,0,2,", "A,0,1,", "same lesion as case 'P000_s1_1'", "case P000_s1_2"),
    ("P000_s1,P000,A", "P000_s1,,A", "cell is empty", "line 2, column patient_id"),
    ("P000_s1,P000,", "P000_s1,P009,", "belongs to the patients 'P009' and 'P000'", "case P000_s1_2"),
    ("P000,A,0,", "P000,A,7,", "disagree about its centre, day or split", "case P000_s1_2"),
    ("days,", "", "Expected 10 fields in line 2, saw 11", "cases.csv"),
    ("label_source", "days", "column 'label_source' is missing", "cases.csv"),
    ("age,sex", "alter,sex", "column 'age' is missing", "cases.csv"),
    ("P000_s1_1,P000_s1,", "X_1,X,", "image of scan 'X' is missing", "imagesTr/X_0000.nii.gz"),
])
def test_a_wrong_row_is_named_with_line_and_column(
    layout: RawLayout, old: str, new: str, message: str, where: str
) -> None:
    edit(layout, old, new)
    with pytest.raises(DatasetError, match=message) as caught:
        read_dataset(layout)
    assert where in caught.value.where
    assert "rnnet_verify_dataset_integrity -d Dataset001_Toy" in caught.value.fix


def test_a_patient_in_both_splits_is_leakage(layout: RawLayout) -> None:
    edit(layout, "T000_s1,T000,", "T000_s1,P001,", count=2)
    with pytest.raises(LeakageError, match="'P001' has lesions in training and in test"):
        read_dataset(layout)


def test_semicolons_and_other_encodings_are_explained(layout: RawLayout) -> None:
    text = layout.cases_csv.read_text()
    layout.cases_csv.write_text(text.replace(",", ";"))
    with pytest.raises(DatasetError, match="not separated by commas"):
        read_dataset(layout)
    layout.cases_csv.write_bytes(text.replace("made up", "für").encode("latin-1"))
    with pytest.raises(DatasetError, match="Not a readable table"):
        read_dataset(layout)
    layout.cases_csv.write_text("")
    with pytest.raises(DatasetError, match="Not a readable table"):
        read_dataset(layout)
    layout.cases_csv.write_text(text.splitlines()[0])
    with pytest.raises(DatasetError, match="no rows"):
        read_dataset(layout)


def test_a_byte_order_mark_and_blank_lines_do_no_harm(layout: RawLayout) -> None:
    expected = read_dataset(layout).cases
    layout.cases_csv.write_text("\ufeff" + layout.cases_csv.read_text().replace("\n", "\n\n") + "\n,,,,,,,,,,\n")
    assert read_dataset(layout).cases == expected


def test_images_of_another_ending_are_found(layout: RawLayout) -> None:
    path = layout.images("train") / "P000_s1_0000.nii.gz"
    write_volume(path.with_name("P000_s1_0000.nrrd"), read_volume(path))
    path.unlink()
    assert read_dataset(layout).scan("P000_s1").image_path.suffix == ".nrrd"


def test_an_unknown_scan_is_an_error(layout: RawLayout) -> None:
    with pytest.raises(DatasetError, match="no scan 'nobody'"):
        read_dataset(layout).scan("nobody")


def test_a_binary_mask_in_pieces_beside_masks_of_several_values_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=2, n_test=0, labelled=False)
    path = layout.label_path("P000_s1", "train", ".nii.gz")
    mask = read_volume(path)
    write_volume(path, mask.with_array((mask.array > 0).astype(np.uint8)))
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        cases = read_dataset(layout).cases
    assert [c.case_id for c in cases] == ["P000_s1_1", "P001_s1_1", "P001_s1_2"]
    (said,) = own_messages(caplog, level=logging.WARNING)
    assert said.startswith("Dataset001_Toy: 1 of 2 masks have one value and several separate pieces")
    assert "P000_s1" in said


@pytest.mark.parametrize("binary", [False, True])
def test_a_pool_has_one_unlabelled_case_per_value_or_component(tmp_path: Path, binary: bool) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=2, n_test=1, labelled=False, binary_masks=binary)
    dataset = read_dataset(layout)
    assert [c.case_id for c in dataset.cases] == [
        "P000_s1_1", "P000_s1_2", "P001_s1_1", "P001_s1_2", "T000_s1_1", "T000_s1_2",
    ]
    assert dataset.components is binary
    assert dataset.labelled() == ()
    assert {c.patient_id for c in dataset.cases} == {"P000_s1", "P001_s1", "T000_s1"}
    assert dataset.cases[-1].split == "test"


def test_patients_csv_says_whose_scan_it_is(tmp_path: Path) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=2, n_test=0, labelled=False)
    layout.patients_csv.write_text("scan_id,patient_id,center,days\nP000_s1,anna,north,0\nP001_s1,anna,,90\n")
    dataset = read_dataset(layout)
    assert [(s.patient_id, s.center, s.days) for s in dataset.scans] == [("anna", "north", 0.0), ("anna", "Toy", 90.0)]
    layout.patients_csv.write_text("scan_id,patient_id\nP000_s1,anna\nP000_s1,otto\n")
    with pytest.raises(DatasetError, match="stands twice"):
        read_dataset(layout)
    layout.patients_csv.write_text("scan,patient_id\nP000_s1,anna\n")
    with pytest.raises(DatasetError, match="'scan_id' is missing"):
        read_dataset(layout)


def test_a_pool_patient_on_both_sides_is_leakage(tmp_path: Path) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=1, n_test=1, labelled=False)
    layout.patients_csv.write_text("scan_id,patient_id\nP000_s1,anna\nT000_s1,anna\n")
    with pytest.raises(LeakageError, match="anna"):
        read_dataset(layout)


def test_a_pool_scan_without_a_mask_has_no_lesion(tmp_path: Path) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=2, n_test=0, labelled=False)
    layout.label_path("P000_s1", "train", ".nii.gz").unlink()
    dataset = read_dataset(layout)
    assert dataset.scan("P000_s1").mask_path is None
    assert {c.scan_id for c in dataset.cases} == {"P001_s1"}


def test_an_empty_pool_is_refused(tmp_path: Path) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=1, n_test=0, labelled=False)
    layout.image_path("P000_s1", "train", ".nii.gz").unlink()
    with pytest.raises(DatasetError, match=r"neither cases\.csv nor images"):
        read_dataset(layout)


def test_one_scan_in_two_files_is_refused(tmp_path: Path) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=1, n_test=0, labelled=False)
    write_scan(layout, "P000_s1", file_ending=".nrrd")
    with pytest.raises(DatasetError, match="stands in two image files"):
        read_dataset(layout)


def test_the_digests_follow_the_tables(layout: RawLayout) -> None:
    before = table_digests(layout)
    assert set(before) == {"dataset.json", "cases.csv"}
    edit(layout, "P000_s1_1,", "P000_first,")
    after = table_digests(layout)
    assert {k for k in before if before[k] != after[k]} == {"cases.csv"}


@pytest.mark.parametrize(
    ("folder", "name", "ending"), [("imagesTr", "P000_s1_0000", ".nrrd"), ("labelsTr", "P000_s1", ".nii.gz")]
)
def test_a_link_whose_target_is_gone_is_named_with_its_target(tmp_path, folder, name, ending):
    layout = write_raw_dataset(tmp_path, n_patients=2, n_test=0)
    (layout.folder / folder / f"{name}.nii.gz").unlink()
    (layout.folder / folder / f"{name}{ending}").symlink_to(tmp_path / "moved" / "a.nii.gz")
    with pytest.raises(DatasetError, match=f"is a link to {tmp_path}/moved/a.nii.gz, which is gone") as caught:
        read_dataset(layout)
    assert "--link" in caught.value.fix
    codes = [p.code for p in check_dataset(layout).problems]
    assert "image-without-case" not in codes
    assert codes[0].startswith("missing-")


def test_a_conversion_that_was_interrupted_is_not_called_a_missing_dataset_json(tmp_path):
    layout = write_raw_dataset(tmp_path, n_patients=1, n_test=0)
    layout.dataset_json.unlink()
    layout.conversion_json.write_text("{}")
    with pytest.raises(DatasetError, match="interrupted") as caught:
        read_dataset(layout)
    assert "rnnet_convert_dataset" in caught.value.fix
    assert [p.code for p in check_dataset(layout).problems] == ["dataset-json-missing"]
