"""The data set of the selected samples: rows, shared images, nothing changed where they came from."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rnnet.core.errors import DatasetError
from rnnet.core.files import file_digest
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import read_dataset
from rnnet.dataset.cohort.candidates import CohortSettings
from rnnet.dataset.cohort.derived import write_derived
from rnnet.dataset.cohort.from_dataset import dataset_candidates
from rnnet.dataset.cohort.select import select
from rnnet.dataset.identity import read_other_ids
from rnnet.dataset.integrity import check_dataset
from rnnet.dataset.manifest import ClinicalColumn
from tests.dataset.cohort.scans import write_followed_dataset
from tests.dataset.shared_data import selection_of

RN, PD = "radiation_necrosis", "progression"


def rows():
    found = []
    for number in range(8):
        outcome, split = (RN, PD)[number % 2], "train" if number < 6 else "test"
        common = {"patient": f"P{number}", "split": split, "outcome": outcome, "label_source": "histology"}
        sizes = {0: 11, 90: 17, 180: 30}
        found += [{**common, "day": day, "value": 1, "length": length} for day, length in sizes.items()]
        found += [{**common, "day": day, "value": 2, "length": 6, "start": (30, 4)} for day in (0, 90)]
    return found


@pytest.fixture
def workspace(tmp_path):
    found = Workspace.under(tmp_path)
    layout = write_followed_dataset(found.raw, rows())
    layout.other_ids_csv.write_text("patient_id,other_id\nP0,UCSF-9\n", encoding="utf-8")
    return found


def derive(workspace, unit, number=2, source="Dataset001_Followed"):
    dataset = read_dataset(workspace.raw_dataset(source))
    settings = CohortSettings(unit)
    selection = select(dataset_candidates(dataset, settings, n_processes=1), settings)
    layout = workspace.new_raw_dataset(number, "Cohort")
    return layout, write_derived(dataset, selection, layout)


def test_samples_have_outcomes_and_other_lesions_of_training_scans_stand_unlabelled(workspace):
    layout, (n_samples, n_unlabelled) = derive(workspace, "lesion")
    made = read_dataset(layout)
    assert [c.case_id for c in made.labelled()] == [f"P{n}_d90_1" for n in range(8)]
    assert {c.label_source for c in made.labelled()} == {"histology"}
    assert (n_samples, n_unlabelled) == (8, 12)
    unlabelled = [c for c in made.cases if c.outcome is None]
    # Not the baseline and the later scan of a selected lesion, and nothing unlabelled of test patients.
    assert {c.lesion_value for c in unlabelled} == {2}
    assert {c.split for c in unlabelled} == {"train"}
    assert {c.information["cohort"] for c in unlabelled} == {"no earlier measured scan", "growth below 20 % or 5 mm"}


def test_with_the_unit_lesion_scan_every_qualifying_scan_is_a_sample(workspace):
    layout, _ = derive(workspace, "lesion_scan")
    made = read_dataset(layout)
    assert [c.case_id for c in made.labelled()][:2] == ["P0_d90_1", "P0_d180_1"]
    assert "sample unit lesion_scan" in made.manifest.information["cohort"]
    assert "Dataset001_Followed" in made.manifest.information["cohort"]


def test_the_recurrence_time_of_a_sample_ends_at_its_scan_whatever_diameter_chose_it(workspace):
    dataset = read_dataset(workspace.raw_dataset("Dataset001_Followed"))
    days = ClinicalColumn("numeric", "days")
    clinical = {"days_since_srs": 70.0, "recurrence_time": None}
    dataset = replace(
        dataset, cases=tuple(replace(c, clinical=clinical) for c in dataset.cases),
        manifest=replace(dataset.manifest, clinical=dict.fromkeys(clinical, days)),
    )
    selection = select(dataset_candidates(dataset, CohortSettings("lesion"), n_processes=1), CohortSettings("lesion"))
    layout = workspace.new_raw_dataset(2, "Cohort")
    write_derived(dataset, selection, layout)
    cases = read_dataset(layout).cases
    assert {c.clinical["recurrence_time"] for c in cases if c.outcome is not None} == {70.0}
    assert {c.clinical["recurrence_time"] for c in cases if c.outcome is None} == {None}


def test_the_data_set_shares_its_images_and_verifies(workspace):
    layout, _ = derive(workspace, "lesion_scan")
    made = read_dataset(layout)
    assert {scan.image_path.parent.parent.name for scan in made.scans} == {"Dataset001_Followed"}
    assert not layout.images("train").exists()
    problems = check_dataset(layout).problems
    assert not [p for p in problems if p.level == "error"]
    # The masks have the rows' lesions at other times too: left out on purpose, and no finding.
    assert {p.code for p in problems} == {"few-patients"}
    others = read_other_ids(layout.other_ids_csv)
    assert others["P0"] == {"UCSF-9", "Dataset001_Followed/P0"}
    assert others["P1"] == {"Dataset001_Followed/P1"}


def test_a_selection_from_a_data_set_that_shares_images_names_their_first_home(workspace):
    home = workspace.raw_dataset("Dataset001_Followed")
    shared = selection_of(workspace.raw, home, "Dataset002_Shared", {s.scan_id for s in read_dataset(home).scans})
    dataset, settings = read_dataset(shared), CohortSettings("lesion_scan")
    selection = select(dataset_candidates(dataset, settings, n_processes=1), settings)
    again = workspace.new_raw_dataset(3, "Again")
    write_derived(dataset, selection, again)
    assert ",Dataset001_Followed/P0_d180\n" in again.cases_csv.read_text()


def test_the_source_is_not_changed_and_nothing_else_is_left_behind(workspace):
    source = workspace.raw_dataset("Dataset001_Followed").folder
    before = file_digest(source)
    derive(workspace, "lesion")
    assert file_digest(source) == before
    assert sorted(p.name for p in workspace.raw.iterdir()) == ["Dataset001_Followed", "Dataset002_Cohort"]


def test_a_selection_without_a_sample_writes_nothing(workspace):
    dataset = read_dataset(workspace.raw_dataset("Dataset001_Followed"))
    settings = CohortSettings("lesion", absolute_mm=500.0)
    selection = select(dataset_candidates(dataset, settings, n_processes=1), settings)
    with pytest.raises(DatasetError, match="No sample was selected"):
        write_derived(dataset, selection, workspace.new_raw_dataset(2, "Cohort"))
    assert not (workspace.raw / "Dataset002_Cohort").exists()


def test_the_manifest_counts_the_scans(workspace):
    layout, _ = derive(workspace, "lesion")
    document = json.loads(layout.dataset_json.read_text())
    assert (document["name"], document["numTraining"], document["numTest"]) == ("Cohort", 12, 2)


def test_a_cohort_is_not_selected_from_a_cohort(workspace):
    derive(workspace, "lesion")
    with pytest.raises(DatasetError, match="Dataset002_Cohort is a selected cohort"):
        derive(workspace, "lesion", number=3, source="Dataset002_Cohort")
