from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rnnet.core.errors import DatasetError, FileFormatError, LeakageError, SettingError
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import RawDataset
from rnnet.dataset.splits import read_splits, read_test_patients
from rnnet.experiment.access import held_out_patients, read_raw
from rnnet.experiment.data import ExperimentData
from rnnet.experiment.held_out import held_out_input
from rnnet.experiment.split_dataset import SplitResult, split_dataset
from rnnet.planning.plan import write_plan
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed
from tests.factories import make_cases, write_cases_csv


def write_many(workspace: Workspace, n_test: int = 0) -> RawDataset:
    """Twenty training patients on the images of two."""
    dataset = write_dataset(workspace, n_patients=1, n_test=n_test, lesions_per_patient=1)
    for p in range(1, 20):
        for folder, end in ((dataset.layout.images("train"), "_0000"), (dataset.layout.labels("train"), "")):
            shutil.copy(folder / f"P000_s1{end}.nii.gz", folder / f"P{p:03d}_s1{end}.nii.gz")
    cases = (*make_cases(20, 1), *make_cases(n_test, 1, split="test", prefix="T"))
    write_cases_csv(dataset.layout, cases, clinical=["age", "sex"])
    return read_raw(workspace, NAME)


def split(workspace: Workspace, **settings: Any) -> SplitResult:
    return split_dataset(workspace, NAME, **settings)


def test_held_out_patients_are_test_patients_for_every_reader(workspace: Workspace) -> None:
    write_many(workspace)
    result = split(workspace, test_share=0.2)
    path = workspace.preprocessed_dataset(NAME).splits_json
    held_out = read_test_patients(path)
    raw = read_raw(workspace, NAME)
    assert result.path == path
    assert len(held_out) == 4
    assert held_out_patients(raw) == held_out
    assert {c.patient_id for c in raw.test_cases()} == held_out
    assert {s.patient_id for s in raw.scans if s.split == "test"} == held_out
    # The files stay where they are.
    assert all(s.image_path.parent.name == "imagesTr" for s in raw.scans)
    assert not {i.split("_")[0] for f in read_splits(path, raw.cases) for i in f.train_case_ids} & held_out
    assert "4 patients held out" in json.loads(path.read_text())["rule"]
    assert {p.part: p.total.patients for p in result.balance}["test"] == 4


def test_training_data_opened_under_the_splits_has_the_test_patients(workspace: Workspace) -> None:
    dataset = write_dataset(workspace, n_patients=6, n_test=0)
    split(workspace, n_folds=2, test_share=0.34)
    folds = workspace.preprocessed_dataset(NAME).splits_json.read_text()
    write_planned(workspace, dataset)
    layout = workspace.preprocessed_dataset(NAME)
    layout.splits_json.write_text(folds)
    write_plan(layout.plans_json(PLAN.name), PLAN, inputs=held_out_input(workspace, NAME))
    write_preprocessed(workspace, dataset)
    data = ExperimentData.open(workspace, NAME, PLAN.name)
    assert len({c.patient_id for c in data.test_cases}) == 2
    assert not {c.patient_id for c in data.test_cases} & {c.patient_id for c in data.training_cases}


def test_the_splits_are_the_same_again_and_those_of_planning_without_a_test_share(workspace: Workspace) -> None:
    write_many(workspace)
    path = split(workspace, test_share=0.2).path
    first = path.read_bytes()
    split(workspace, test_share=0.2, overwrite=True)
    assert path.read_bytes() == first
    split(workspace, test_share=0.2, seed=1, overwrite=True)
    assert path.read_bytes() != first


def test_the_number_of_folds_falls_with_the_rarer_outcome(workspace: Workspace) -> None:
    write_dataset(workspace, n_patients=6, n_test=0)
    split(workspace)
    assert len(read_splits(workspace.preprocessed_dataset(NAME).splits_json, read_raw(workspace, NAME).cases)) == 3


def test_a_test_set_of_cases_csv_stays_and_further_patients_need_saying_so(workspace: Workspace) -> None:
    write_many(workspace, n_test=2)
    with pytest.raises(SettingError, match="holds out 2 patients") as caught:
        split(workspace, test_share=0.2)
    assert "--more_test" in caught.value.fix
    split(workspace)
    assert held_out_patients(read_raw(workspace, NAME)) == {"T000", "T001"}
    split(workspace, test_share=0.2, more_test=True, overwrite=True)
    assert len(held_out_patients(read_raw(workspace, NAME))) == 6


def test_two_ids_of_one_person_stay_together(workspace: Workspace) -> None:
    raw = write_many(workspace)
    pairs = "".join(f"P{p:03d},person{p // 4 * 2 + p % 2}\n" for p in range(20))  # P000 and P002, P001 and P003, ...
    raw.layout.other_ids_csv.write_text("patient_id,other_id\n" + pairs)
    split(workspace, n_folds=4, test_share=0.2)
    folds = read_splits(workspace.preprocessed_dataset(NAME).splits_json, read_raw(workspace, NAME).cases)

    def person(patient: str) -> tuple[int, int]:
        return int(patient[1:4]) // 4, int(patient[1:4]) % 2

    parts = [{person(i) for i in f.validation_case_ids} for f in folds]
    parts.append({person(p) for p in held_out_patients(read_raw(workspace, NAME))})
    assert sum(map(len, parts)) == len(set().union(*parts)) == 10


def test_what_would_go_stale_is_refused_and_with_overwrite_listed(workspace: Workspace) -> None:
    dataset = write_dataset(workspace)
    write_planned(workspace, dataset)
    workspace.preprocessed_dataset(NAME).fingerprint_json.write_text("{}")
    workspace.results_dataset(NAME).fold("ssl_vit", 0).folder.mkdir(parents=True)
    workspace.results_dataset(NAME).pretrain.folder.mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"splits_final.json; the plan .*ssl_vit__") as caught:
        split(workspace)
    assert "--overwrite" in caught.value.fix
    stale = "\n".join(split(workspace, overwrite=True).stale)
    assert f".json: run rnnet_plan_and_preprocess -d {NAME} again" in stale
    assert "the fingerprint" not in stale  # the same patients are left for training
    assert "delete ssl_vit__rnnet_plans" in stale
    assert "rnnet_pretrain" in stale


def test_who_is_held_out_stays_held_out_when_the_folds_are_made_again(workspace: Workspace) -> None:
    write_many(workspace)
    path = split(workspace, test_share=0.2, n_folds=3).path
    held_out = read_test_patients(path)
    again = split(workspace, overwrite=True, seed=-1)
    assert read_test_patients(path) == held_out
    assert {p.part: p.total.patients for p in again.balance}["test"] == 4
    assert "4 patients stay held out" in again.held_out[0]
    assert "4 patients held out for test (those of the splits before)" in again.rule
    nobody = split(workspace, overwrite=True, test_share=0)
    assert read_test_patients(path) == frozenset()
    assert "4 patients who were held out for test before are not any more: P0" in nobody.held_out[0]
    assert split(workspace, overwrite=True).held_out == ()


def test_a_kept_test_patient_brings_the_same_person_and_one_who_is_gone_is_named(workspace: Workspace) -> None:
    raw = write_many(workspace)
    path = split(workspace, n_folds=2).path
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "test_patient_ids": ["P003", "gone"]}))
    raw.layout.other_ids_csv.write_text("patient_id,other_id\nP003,anna\nP011,anna\n")
    result = split(workspace, n_folds=2, overwrite=True)
    assert read_test_patients(path) == {"P003", "P011"}
    assert "no longer in cases.csv: gone." in result.held_out[1]


def test_more_test_alone_is_an_error(workspace: Workspace) -> None:
    write_dataset(workspace)
    for share in (None, 0):
        with pytest.raises(SettingError, match="--more_test says nothing without --test_share"):
            split(workspace, more_test=True, test_share=share)


def test_too_few_patients_for_the_folds_are_cured_by_what_caused_it(workspace: Workspace) -> None:
    write_many(workspace)
    with pytest.raises(SettingError, match="-k must be at least 2"):
        split(workspace, n_folds=1)
    with pytest.raises(DatasetError, match="2 folds need at least 2 training patients") as caught:
        split(workspace, test_share=0.9)
    assert "smaller --test_share" in caught.value.fix
    assert "fewer folds" not in caught.value.fix
    with pytest.raises(DatasetError, match="15 folds") as caught:
        split(workspace, n_folds=15, test_share=0.2)  # too many without a test set as well
    assert "-k of rnnet_make_splits" in caught.value.fix
    assert "--test_share" not in caught.value.fix
    assert not workspace.preprocessed_dataset(NAME).splits_json.exists()


def test_a_fingerprint_alone_does_not_stand_in_the_way(workspace: Workspace) -> None:
    write_dataset(workspace, n_patients=6)
    layout = workspace.preprocessed_dataset(NAME)
    layout.fingerprint_json.parent.mkdir(parents=True)
    layout.fingerprint_json.write_text("{}")
    assert split(workspace).stale == ()
    (_, fingerprint) = split(workspace, test_share=0.3, overwrite=True, more_test=True).stale
    assert fingerprint.startswith("the fingerprint: other patients are held out now; run rnnet_plan_and_preprocess")


def test_a_data_set_of_test_patients_has_nobody_to_make_folds_of(workspace: Workspace) -> None:
    write_dataset(workspace, n_patients=0, n_test=3)
    with pytest.raises(DatasetError, match=r"All 3 patients .* are test patients"):
        split(workspace)


def test_splits_that_cannot_be_read_say_what_deleting_them_does(workspace: Workspace) -> None:
    write_dataset(workspace)
    path = split(workspace).path
    path.write_text('{"schema_version": 0}')
    with pytest.raises(FileFormatError) as caught:
        split(workspace, overwrite=True)
    assert "or delete it" in caught.value.fix


def test_k_and_leave_one_center_out_contradict_each_other(workspace: Workspace) -> None:
    write_dataset(workspace)
    with pytest.raises(SettingError, match="contradict"):
        split(workspace, n_folds=3, leave_one_center=True)
    assert "One centre left out in each fold: A, B." in split(workspace, leave_one_center=True).rule


def test_a_held_out_patient_who_is_not_there_is_an_error(workspace: Workspace) -> None:
    write_dataset(workspace)
    path = split(workspace).path
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "test_patient_ids": ["nobody"]}))
    with pytest.raises(DatasetError, match="nobody") as caught:
        read_raw(workspace, NAME)
    assert caught.value.where == str(path)


def test_a_held_out_patient_in_a_fold_is_a_leak_which_can_be_allowed(workspace: Workspace) -> None:
    dataset = write_dataset(workspace)
    write_planned(workspace, dataset)
    write_preprocessed(workspace, dataset)
    path = workspace.preprocessed_dataset(NAME).splits_json
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "test_patient_ids": ["P000"]}))
    with pytest.raises(LeakageError, match="P000_s1_1"):
        ExperimentData.open(workspace, NAME, PLAN.name)
    data = ExperimentData.open(workspace, NAME, PLAN.name, allow_leakage=True)
    assert any("P000_s1_1" in leak for leak in data.leaks)
    assert any(c.patient_id == "P000" for side in data.sides(0) for c in side)


def test_a_users_own_file_without_the_new_fields_is_read(workspace: Workspace) -> None:
    dataset = write_dataset(workspace)
    write_planned(workspace, dataset)
    path: Path = workspace.preprocessed_dataset(NAME).splits_json
    document = json.loads(path.read_text())
    path.write_text(json.dumps({"schema_version": 1, "folds": document["folds"]}))
    assert held_out_patients(read_raw(workspace, NAME)) == {"T000", "T001"}
