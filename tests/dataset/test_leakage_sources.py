import pytest

from rnnet.dataset.case import read_dataset
from rnnet.dataset.integrity import check_dataset
from rnnet.dataset.leakage import overlaps
from rnnet.dataset.leakage_sources import names_to_carry, scans_exposure
from tests.dataset.shared_data import selection_of, write_followed
from tests.factories import write_raw_dataset

EARLY, LATE = ({f"P00{n}_s1" for n in numbers} for numbers in (range(4), range(4, 8)))


def exposure(layout):
    return scans_exposure(layout.folder.name, layout, read_dataset(layout).scans)


@pytest.fixture
def home(tmp_path):
    return write_followed(tmp_path)


def test_two_selections_of_other_scans_have_their_patients_in_common(tmp_path, home):
    first = selection_of(tmp_path, home, "Dataset006_A", EARLY)
    second = selection_of(tmp_path, home, "Dataset007_B", LATE)
    found = overlaps(exposure(first), exposure(second))
    assert {(o.kind, o.held_out) for o in found} == {("other name", f"Dataset007_B/P00{n}") for n in range(4)}


@pytest.mark.parametrize("seen_first", [True, False])
def test_a_selection_has_its_patients_in_common_with_the_data_set_it_was_made_from(tmp_path, home, seen_first):
    pair = (exposure(selection_of(tmp_path, home, "Dataset006_A", LATE)), exposure(home))
    found = overlaps(*(pair if seen_first else reversed(pair)))
    assert sum(o.kind == "other name" for o in found) == 4
    assert sum(o.kind == "image" for o in found) == 4


def test_a_selection_of_a_selection_still_knows_the_first_data_set(tmp_path, home):
    first = selection_of(tmp_path, home, "Dataset006_A", EARLY | LATE)
    second = selection_of(tmp_path, first, "Dataset007_B", EARLY)
    assert names_to_carry(second, {"P001"}) == {
        "P001": {"Dataset005_Home/P001", "Dataset006_A/P001", "Dataset007_B/P001"}
    }
    assert {o.kind for o in overlaps(exposure(second), exposure(home))} == {"other name", "image"}


def test_ids_that_a_converter_made_are_carried_as_names(tmp_path, home):
    home.conversion_json.write_text('{"source": "molab"}')
    assert names_to_carry(home, {"P001"}) == {"P001": {"P001", "Dataset005_Home/P001"}}


def test_lesions_that_a_selection_leaves_out_of_shared_masks_are_no_finding(tmp_path):
    home = write_raw_dataset(tmp_path, name="Dataset005_Home", n_patients=4, n_test=0, lesions_per_patient=2)
    chosen = selection_of(tmp_path, home, "Dataset006_A", {"P000_s1", "P001_s1", "P002_s1", "P003_s1"})
    rows = chosen.cases_csv.read_text().splitlines()
    chosen.cases_csv.write_text("\n".join(r for r in rows if "_s1_2," not in r) + "\n")
    assert "mask-without-case" not in {p.code for p in check_dataset(chosen).problems}
    rows = home.cases_csv.read_text().splitlines()
    home.cases_csv.write_text("\n".join(r for r in rows if "_s1_2," not in r) + "\n")
    assert "mask-without-case" in {p.code for p in check_dataset(home).problems}
