from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

from rnnet.core.errors import DatasetError, MissingStageError, SettingError, UnknownComponentError
from rnnet.core.workspace import Workspace
from rnnet.experiment.data import ExperimentData
from rnnet.planning.plan import with_settings
from rnnet.preprocessing.state import StepRecord
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed
from tests.preprocessing.scans import make_scan


@pytest.fixture
def data(workspace: Workspace) -> ExperimentData:
    dataset = write_dataset(workspace)
    write_planned(workspace, dataset)
    write_preprocessed(workspace, dataset)
    return ExperimentData.open(workspace, NAME, PLAN.name)


def test_what_earlier_commands_left_is_opened_together(data: ExperimentData, workspace: Workspace) -> None:
    assert data.plan == PLAN
    assert [c.case_id for c in data.training_cases] == [f"P00{p}_s1_{v}" for p in range(4) for v in (1, 2)]
    assert [c.case_id for c in data.test_cases] == [f"T00{p}_s1_{v}" for p in range(2) for v in (1, 2)]
    assert data.results.folder == workspace.results / NAME
    crop = data.corpus.read_array(data.training_cases[0])
    assert crop.shape == (2, 16, 16, 16)
    assert set(np.unique(crop[1])) == {0, 1}


def test_the_users_settings_change_the_plan(workspace: Workspace, data: ExperimentData) -> None:
    changed = ExperimentData.open(workspace, NAME, PLAN.name, ["crop.edge_vox=8"])
    assert changed.corpus.read_array(changed.training_cases[0]).shape == (2, 8, 8, 8)


@pytest.mark.parametrize("fold", [0, 1, "1"])
def test_the_sides_of_a_fold_share_no_patient_and_hold_every_training_case(
    data: ExperimentData, fold: int | str
) -> None:
    train, validation = data.sides(fold)
    assert train
    assert validation
    assert not {c.patient_id for c in train} & {c.patient_id for c in validation}
    assert sorted(c.case_id for c in (*train, *validation)) == sorted(c.case_id for c in data.training_cases)


def test_the_folds_validate_every_training_case_once(data: ExperimentData) -> None:
    validated = [c for fold in data.folds for c in data.sides(fold.index)[1]]
    assert sorted(c.case_id for c in validated) == sorted(c.case_id for c in data.training_cases)


def test_all_trains_on_every_training_case(data: ExperimentData) -> None:
    assert data.fold("all") is None
    assert data.sides("all") == (data.training_cases, ())


@pytest.mark.parametrize("fold", [0, "all"])
def test_a_share_of_the_labels_leaves_the_validation_side_whole(
    data: ExperimentData, workspace: Workspace, fold: int | str
) -> None:
    half = ExperimentData.open(workspace, NAME, PLAN.name, ["finetune.label_share=0.5"])
    (used, validated), (there, all_validated) = half.sides(fold), data.sides(fold)
    assert validated == all_validated
    assert {c.case_id for c in used} <= {c.case_id for c in there}
    assert half.sides(fold, labels=data.labels)[0] == there
    assert half.training_inputs(fold)["label share"] == "0.5"
    assert data.training_inputs(fold) == data.skull_strippers()
    if fold == "all":
        assert len({c.patient_id for c in used}) == 2
        assert {c.outcome for c in used} == {c.outcome for c in there}


@pytest.mark.parametrize(("share", "more"), [(0.01, " (at least one of each outcome stays)"), (0.5, "")])
def test_the_log_says_why_more_labels_are_left_than_the_share(
    data: ExperimentData, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, share: float, more: str
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    few = replace(data, plan=with_settings(data.plan, [f"finetune.label_share={share}"]))
    with caplog.at_level(logging.INFO, logger="rnnet"):
        few.training_inputs("all")
    assert f"2 of 4 patients{more}." in caplog.text


@pytest.mark.parametrize("fold", [2, "7", -1, "first"])
def test_an_unknown_fold_is_an_error_that_names_the_folds(data: ExperimentData, fold: int | str) -> None:
    with pytest.raises(SettingError, match=f"no fold {fold}") as caught:
        data.sides(fold)
    assert "0, 1" in caught.value.fix
    assert "'all'" in caught.value.fix


def test_cases_are_found_by_id_and_an_unknown_one_by_the_nearest(data: ExperimentData) -> None:
    assert [c.case_id for c in data.cases_named(["T000_s1_2", "P000_s1_1"])] == ["T000_s1_2", "P000_s1_1"]
    with pytest.raises(UnknownComponentError, match="P000_s1_") as caught:
        data.cases_named(["P000_s1_9"])
    assert caught.value.fix.startswith("Did you mean 'P000_s1_")


def test_held_out_patients_carry_the_name_of_the_data_set(data: ExperimentData) -> None:
    assert data.held_out().patients == {f"{NAME}/T000", f"{NAME}/T001"}


def test_cases_of_failed_scans_are_left_out_of_every_side_and_that_is_said(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = write_dataset(workspace)
    write_planned(workspace, dataset)
    write_preprocessed(workspace, dataset, failed=["P003_s1"])
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        data = ExperimentData.open(workspace, NAME, PLAN.name)
    assert "P003_s1_1, P003_s1_2" in caplog.text
    used = {c.scan_id for fold in (0, 1) for side in data.sides(fold) for c in side}
    assert used == {"P000_s1", "P001_s1", "P002_s1"}


def test_an_unplanned_data_set_names_the_command(workspace: Workspace) -> None:
    write_dataset(workspace)
    with pytest.raises(MissingStageError) as caught:
        ExperimentData.open(workspace, NAME, PLAN.name)
    assert "rnnet_plan_experiment" in caught.value.fix


def test_missing_folds_name_the_command(workspace: Workspace) -> None:
    dataset = write_dataset(workspace)
    write_planned(workspace, dataset)
    workspace.preprocessed_dataset(NAME).splits_json.unlink()
    with pytest.raises(MissingStageError) as caught:
        ExperimentData.open(workspace, NAME, PLAN.name)
    assert caught.value.where.endswith("splits_final.json")
    assert "rnnet_plan_experiment" in caught.value.fix


def test_a_data_set_that_was_not_preprocessed_names_the_command(workspace: Workspace) -> None:
    write_planned(workspace, write_dataset(workspace))
    with pytest.raises(MissingStageError) as caught:
        ExperimentData.open(workspace, NAME, PLAN.name)
    assert caught.value.fix == f"Run rnnet_preprocess -d {NAME}."


def test_a_pool_without_labels_is_refused(workspace: Workspace) -> None:
    labelled = write_dataset(workspace)
    write_planned(workspace, labelled)
    labelled.layout.cases_csv.unlink()
    with pytest.raises(DatasetError, match="no labelled case") as caught:
        ExperimentData.open(workspace, NAME, PLAN.name)
    assert "rnnet_pretrain" in caught.value.fix


def test_the_strippers_of_the_training_scans_are_known_to_a_training_run(data: ExperimentData) -> None:
    for scan_id, name in {"P000_s1": "deepbet", "P001_s1": "none", "P002_s1": "deepbet", "T000_s1": "hd_bet"}.items():
        step = StepRecord("skull_strip", {"stripper": name, "version": "1.0.2" if name != "none" else ""})
        data.store.write_scan(make_scan(np.ones((4, 4, 4)), scan_id=scan_id, history=(step,)), {})
    # P003 was stored without the step; the test scan does not count.
    assert data.skull_strippers() == {"skull_strippers": "deepbet 1.0.2; none; unknown"}
