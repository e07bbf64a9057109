import json
from dataclasses import replace

import pytest

from rnnet.core.errors import DatasetError, LeakageError
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import read_dataset
from rnnet.dataset.combine import write_combined
from rnnet.dataset.identity import read_other_ids
from rnnet.dataset.integrity import check_dataset
from rnnet.dataset.splits import hold_out
from tests.dataset.shared_data import selection_of, write_followed
from tests.factories import write_raw_dataset


@pytest.fixture
def members(tmp_path):
    first = write_raw_dataset(tmp_path, name="Dataset001_A", n_patients=4, n_test=1, centers=("A",))
    second = write_raw_dataset(tmp_path, name="Dataset002_B", n_patients=4, n_test=0, centers=("B",), seed=50)
    return first, second


def combined(tmp_path, *layouts):
    layout = RawLayout(tmp_path / "Dataset010_Both")
    write_combined(layout, [read_dataset(x) for x in layouts], name="Both")
    return layout


def test_the_combined_data_set_verifies_and_has_all_cases(tmp_path, members):
    layout = combined(tmp_path, *members)
    assert check_dataset(layout).errors == ()
    both = read_dataset(layout)
    assert len(both.cases) == sum(len(read_dataset(m).cases) for m in members)
    assert {c.center for c in both.cases} == {"A", "B"}


def test_nothing_is_copied(tmp_path, members):
    layout = combined(tmp_path, *members)
    assert sorted(p.name for p in layout.folder.iterdir()) == ["cases.csv", "dataset.json", "other_ids.csv"]
    assert all(s.image_path.parent.parent.name in ("Dataset001_A", "Dataset002_B") for s in read_dataset(layout).scans)


def test_patients_of_equal_names_stay_two_patients(tmp_path, members):
    patients = {c.patient_id for c in read_dataset(combined(tmp_path, *members)).cases}
    assert {"D001-P000", "D002-P000"} <= patients


def test_a_combined_data_set_can_be_combined_again(tmp_path, members):
    both = combined(tmp_path, *members)
    third = write_raw_dataset(tmp_path, name="Dataset003_C", n_patients=2, n_test=0, centers=("C",), seed=90)
    layout = RawLayout(tmp_path / "Dataset011_Three")
    write_combined(layout, [read_dataset(both), read_dataset(third)], name="Three")
    assert check_dataset(layout).errors == ()
    assert {c.center for c in read_dataset(layout).cases} == {"A", "B", "C"}


def test_a_member_without_a_clinical_column_has_empty_cells(tmp_path, members):
    plain = write_raw_dataset(tmp_path, name="Dataset004_D", n_patients=2, n_test=0, clinical=False, seed=70)
    both = read_dataset(combined(tmp_path, members[0], plain))
    ages = {c.clinical["age"] for c in both.cases if c.case_id.startswith("D004")}
    assert ages == {None}


def test_other_outcomes_are_refused_with_both_names(tmp_path, members):
    other = write_raw_dataset(tmp_path, name="Dataset005_E", n_patients=2, n_test=0, outcomes=("stable", "recurrence"))
    with pytest.raises(DatasetError, match="recurrence"):
        combined(tmp_path, members[0], other)


def test_a_column_of_another_type_is_refused(tmp_path, members):
    document = json.loads(members[1].dataset_json.read_text())
    document["clinical"]["age"]["unit"] = "days"
    members[1].dataset_json.write_text(json.dumps(document))
    with pytest.raises(DatasetError, match="'age' is numeric in days"):
        combined(tmp_path, *members)


def test_a_pool_is_refused(tmp_path, members):
    pool = write_raw_dataset(tmp_path, name="Dataset006_Pool", n_patients=2, n_test=0, labelled=False)
    with pytest.raises(DatasetError, match="pool"):
        combined(tmp_path, members[0], pool)


def test_one_data_set_is_too_few(tmp_path, members):
    with pytest.raises(DatasetError, match="Only one"):
        combined(tmp_path, members[0])


def test_an_existing_data_set_is_not_touched(tmp_path, members):
    layout = combined(tmp_path, *members)
    before = layout.cases_csv.read_bytes()
    with pytest.raises(DatasetError, match="already"):
        combined(tmp_path, *reversed(members))
    assert layout.cases_csv.read_bytes() == before


def test_categories_of_both_are_allowed(tmp_path, members):
    document = json.loads(members[1].dataset_json.read_text())
    document["clinical"]["sex"]["categories"] = ["female", "male", "diverse"]
    members[1].dataset_json.write_text(json.dumps(document))
    manifest = read_dataset(combined(tmp_path, *members)).manifest
    assert manifest.clinical["sex"] == replace(manifest.clinical["sex"], categories=("female", "male", "diverse"))


@pytest.fixture
def followed(tmp_path):
    return write_followed(tmp_path)


def test_a_patient_of_two_selections_from_one_data_set_is_one_patient(tmp_path, followed):
    first = selection_of(tmp_path, followed, "Dataset006_First", {f"P00{n}_s1" for n in range(4)})
    second = selection_of(tmp_path, followed, "Dataset007_Second", {f"P00{n}_s1" for n in range(4, 8)})
    cases = read_dataset(combined(tmp_path, first, second)).cases
    assert len(cases) == 8
    assert {c.patient_id for c in cases} == {f"D006-P00{n}" for n in range(4)}


def test_a_patient_whom_other_ids_join_is_one_patient_under_a_prefix_too(tmp_path, members):
    other = write_raw_dataset(tmp_path, name="Dataset003_C", n_patients=2, n_test=0, centers=("C",), seed=90)
    (members[0].folder / "other_ids.csv").write_text("patient_id,other_id\nP000,Dataset003_C/P001\n")
    ids = {c.case_id: c.patient_id for c in read_dataset(combined(tmp_path, members[0], other)).cases}
    assert ids["D003-P001_s1_1"] == ids["D001-P000_s1_1"] == "D001-P000"
    assert ids["D003-P000_s1_1"] == "D003-P000"


def test_a_plain_id_of_another_member_in_other_ids_joins_as_well(tmp_path, members):
    other = write_raw_dataset(tmp_path, name="Dataset003_C", n_patients=2, n_test=0, centers=("C",), seed=90)
    table = other.cases_csv.read_text().replace(",P001,", ",UCSF-7,")
    other.cases_csv.write_text(table)
    (members[0].folder / "other_ids.csv").write_text("patient_id,other_id\nP000,UCSF-7\n")
    ids = {c.case_id: c.patient_id for c in read_dataset(combined(tmp_path, members[0], other)).cases}
    assert ids["D003-P001_s1_1"] == "D001-P000"


def test_the_names_of_a_patient_are_carried_on(tmp_path, members):
    (members[0].folder / "other_ids.csv").write_text("patient_id,other_id\nP000,UCSF-7\n")
    layout = combined(tmp_path, *members)
    assert read_other_ids(layout.other_ids_csv)["D001-P000"] == {"UCSF-7", "Dataset001_A/P000"}


def test_a_scan_that_stands_in_two_data_sets_is_refused(tmp_path, followed):
    first = selection_of(tmp_path, followed, "Dataset006_First", {"P000_s1", "P001_s1"})
    with pytest.raises(DatasetError, match="Dataset005_Home/P000_s1"):
        combined(tmp_path, first, followed)


def test_a_patient_held_out_by_one_and_trained_on_by_the_other_is_refused(tmp_path, followed):
    first = selection_of(tmp_path, followed, "Dataset006_First", {f"P00{n}_s1" for n in range(4)})
    second = selection_of(tmp_path, followed, "Dataset007_Second", {f"P00{n}_s1" for n in range(4, 8)})
    held = hold_out_dataset(read_dataset(second), {"P002"})
    with pytest.raises(LeakageError, match="D006-P002"):
        write_combined(RawLayout(tmp_path / "Dataset010_Both"), [read_dataset(first), held], name="Both")


def hold_out_dataset(dataset, patients):
    return replace(dataset, scans=hold_out(dataset.scans, patients), cases=hold_out(dataset.cases, patients))
