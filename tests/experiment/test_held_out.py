"""A fingerprint or plan that was made from patients who are held out now is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.core.errors import StaleArtefactError
from rnnet.core.workspace import Workspace
from rnnet.experiment.data import ExperimentData
from rnnet.experiment.held_out import check_plan
from rnnet.experiment.pretraining_corpus import pretraining_corpus
from rnnet.experiment.pretraining_exposure import check_pretraining
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace.under(tmp_path)
    write_dataset(made, n_patients=8, n_test=0)
    return made


def hold_out(workspace: Workspace) -> None:
    pipeline.make_splits(workspace, NAME, n_folds=2, test_share=0.25, overwrite=True)


def plan(workspace: Workspace) -> None:
    pipeline.plan_experiment(workspace, [NAME], settings=["network.width=24"])


def without_record(path: Path) -> None:
    """As older versions wrote it."""
    content = json.loads(path.read_text())
    del content["inputs"]["held_out_patients"]
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("is_older", [False, True])
def test_a_fingerprint_of_patients_who_are_held_out_now_makes_no_plan(workspace: Workspace, is_older: bool) -> None:
    pipeline.extract_fingerprint(workspace, [NAME])
    if is_older:
        without_record(workspace.preprocessed_dataset(NAME).fingerprint_json)
    plan(workspace)  # nobody is held out
    hold_out(workspace)
    with pytest.raises(StaleArtefactError, match="when other patients were held out") as caught:
        plan(workspace)
    assert caught.value.fix == f"Run rnnet_extract_fingerprint -d {NAME} again."
    pipeline.extract_fingerprint(workspace, [NAME])
    plan(workspace)


def test_patients_that_cases_csv_holds_out_count_as_well(workspace: Workspace) -> None:
    pipeline.extract_fingerprint(workspace, [NAME])
    write_dataset(workspace, n_patients=7, n_test=1)
    with pytest.raises(StaleArtefactError):
        plan(workspace)


@pytest.mark.parametrize("is_older", [False, True])
def test_a_plan_of_patients_who_are_held_out_now_is_refused_or_the_leak_is_recorded(
    workspace: Workspace, is_older: bool
) -> None:
    pipeline.extract_fingerprint(workspace, [NAME])
    plan(workspace)
    if is_older:
        without_record(workspace.preprocessed_dataset(NAME).plans_json())
    hold_out(workspace)
    with pytest.raises(StaleArtefactError, match=r"plan .* was made when other patients were held out") as caught:
        ExperimentData.open(workspace, NAME, "rnnet_plans")
    assert caught.value.fix.startswith(f"Run rnnet_plan_and_preprocess -d {NAME} again")
    assert check_plan(workspace, NAME, "rnnet_plans", allow_leakage=True) == (caught.value.problem,)


def test_an_older_plan_goes_on_while_splits_hold_nobody_out(workspace: Workspace) -> None:
    dataset = write_dataset(workspace)  # cases.csv holds two out
    write_planned(workspace, dataset)  # a plan without the record
    write_preprocessed(workspace, dataset)
    assert ExperimentData.open(workspace, NAME, PLAN.name).leaks == ()
    corpus = pretraining_corpus(workspace, [NAME], PLAN).corpus
    assert check_pretraining(workspace, [NAME], PLAN, corpus)[1] == ()
    path = workspace.preprocessed_dataset(NAME).splits_json
    path.write_text(path.read_text().replace('"test_patient_ids": []', '"test_patient_ids": ["T000"]'))
    with pytest.raises(StaleArtefactError):
        ExperimentData.open(workspace, NAME, PLAN.name)
    allowed = ExperimentData.open(workspace, NAME, PLAN.name, allow_leakage=True)
    assert len(allowed.leaks) == 1
    with pytest.raises(StaleArtefactError):
        check_pretraining(workspace, [NAME], PLAN, corpus)
