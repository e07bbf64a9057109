from __future__ import annotations

from pathlib import Path

from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import read_dataset
from rnnet.dataset.people import people_across
from tests.dataset.shared_data import selection_of, write_followed
from tests.factories import write_raw_dataset


def write(root: Path, name: str, other_ids: str = "") -> RawLayout:
    layout = write_raw_dataset(root, name=name, n_patients=3, n_test=0, lesions_per_patient=1, shape_zyx=(6, 7, 8))
    if other_ids:
        layout.other_ids_csv.write_text("patient_id,other_id\n" + other_ids)
    return layout


def people(*layouts: RawLayout) -> set[tuple[str, ...]]:
    """Those who are one person, by data set number and patient."""
    found: dict[str, list[str]] = {}
    for patient, person in people_across({layout: read_dataset(layout).scans for layout in layouts}).items():
        found.setdefault(person, []).append(f"{patient[9:10]} {patient.partition('/')[2]}")
    return {tuple(names) for names in found.values() if len(names) > 1}


def test_an_equal_id_alone_is_not_one_person(tmp_path: Path) -> None:
    assert people(write(tmp_path, "Dataset001_A"), write(tmp_path, "Dataset002_B")) == set()


def test_other_ids_tie_patients_of_two_data_sets_and_of_one(tmp_path: Path) -> None:
    first, second = write(tmp_path, "Dataset001_A", "P000,P002\n"), write(tmp_path, "Dataset002_B", "P001,anna\n")
    # A name that other_ids.csv gives holds in every data set.
    assert people(first, second) == {("1 P000", "1 P002", "2 P002")}
    first.other_ids_csv.write_text("patient_id,other_id\nP000,anna\n")
    assert people(first, second) == {("1 P000", "2 P001")}


def test_ids_of_converters_are_one_person_everywhere(tmp_path: Path) -> None:
    layouts = [write(tmp_path, "Dataset001_A"), write(tmp_path, "Dataset002_B")]
    for layout in layouts:
        layout.conversion_json.write_text('{"source": "molab"}')
    assert people(*layouts) == {(f"1 P00{p}", f"2 P00{p}") for p in range(3)}


def test_selections_of_one_home_know_its_patients_by_name_or_by_file(tmp_path: Path) -> None:
    home = write_followed(tmp_path)
    early, late = (selection_of(tmp_path, home, name, {scan})
                   for name, scan in (("Dataset006_E", "P001_s1"), ("Dataset007_L", "P005_s1")))
    assert people(early, late) == {("6 P001", "7 P001")}
    for layout in (early, late):
        layout.other_ids_csv.unlink()
    assert people(early, late) == set()
    assert people(home, early, late) == {("5 P001", "6 P001", "7 P001")}
