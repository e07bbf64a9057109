"""Imaging models that have seen neither of two folds, and what the fusion makes of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.core.codec import read_artefact
from rnnet.core.errors import LeakageError, MissingStageError, SettingError
from rnnet.core.provenance import RunRecord
from rnnet.core.workspace import FoldLayout, Workspace
from rnnet.evaluation.predictions import read_predictions
from rnnet.experiment.data import ExperimentData
from rnnet.fusion.folds import IMAGING_PART, imaging_logits, imaging_seen
from rnnet.fusion.nested import nested_checkpoints, nested_logits
from tests.experiment.workspaces import NAME, write_dataset, write_planned, write_preprocessed
from tests.factories import make_plan

PLAN = make_plan(n_folds=3)
QUICK = ["finetune.epochs=1", "finetune.probe_epochs=0"]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace.under(tmp_path)
    dataset = write_dataset(made, n_patients=6, n_test=0)
    write_planned(made, dataset, PLAN)
    write_preprocessed(made, dataset)
    return made


def opened(workspace: Workspace, *settings: str) -> ExperimentData:
    return ExperimentData.open(workspace, NAME, PLAN.name, settings)


def train(workspace: Workspace, fold: int | str, without: int | None = None, config: str = IMAGING_PART) -> Path:
    return pipeline.train(workspace, NAME, fold, config=config, plan_name=PLAN.name, settings=QUICK,
                          pretrained="none", without=without)


def test_models_that_are_not_trained_are_counted_and_the_command_is_named(workspace: Workspace) -> None:
    with pytest.raises(MissingStageError, match="without the folds 1 and 0; 3 of 3") as caught:
        nested_logits(opened(workspace), 1, IMAGING_PART)
    assert caught.value.fix.startswith(f"Run rnnet_train {NAME} 0 -c ssl_vit --without 1")
    assert nested_checkpoints(opened(workspace), IMAGING_PART) == {}


@pytest.mark.parametrize(("fold", "without", "config", "text"), [
    (0, 0, "ssl_vit", "two different ones"), (0, 7, "ssl_vit", "There is no fold 7"),
    ("all", 1, "ssl_vit", "one fold of an imaging configuration"),
    (0, 1, "clinical", "one fold of an imaging configuration"),
])
def test_what_cannot_be_left_out_is_an_error(
    workspace: Workspace, fold: int | str, without: int, config: str, text: str
) -> None:
    with pytest.raises(SettingError, match=text):
        train(workspace, fold, without, config)


@pytest.mark.slow
def test_an_encoder_that_outcomes_of_the_folds_left_out_chose_is_refused(workspace: Workspace) -> None:
    chosen = (*QUICK, "pretrain.epochs=1", "pretrain.probe.every_epochs=1", "pretrain.probe.patience=1")
    pipeline.pretrain(workspace, [NAME], plan_name=PLAN.name, settings=chosen)
    # The probe has looked at the training rows of fold 0, which are those of folds 1 and 2.
    nested = partial(pipeline.train, workspace, NAME, 0, config=IMAGING_PART, plan_name=PLAN.name, settings=chosen)
    with pytest.raises(LeakageError, match=r"probe that chose .* has seen 2 patient\(s\) of the folds left out"):
        nested(without=1)
    run = read_artefact(FoldLayout(nested(without=1, allow_leakage=True)).run_json, RunRecord, made_by="rnnet_train")
    assert any("of the folds left out" in leak for leak in run.leaks)
    # Whoever uses the model hears of it.
    assert set(run.leaks) <= set(imaging_seen(opened(workspace, "fusion.nested=true")).leaks)
    audit = pipeline.audit_leakage(workspace, pipeline.verify_dataset_integrity(workspace, [1]))
    assert set(run.leaks) <= {problem.message for problem in audit.problems}


@pytest.mark.slow
def test_training_rows_get_logits_of_models_that_saw_neither_them_nor_the_validation_rows(
    workspace: Workspace,
) -> None:
    for fold in range(3):
        train(workspace, fold)
    folders = {(a, b): train(workspace, a, b) for a, b in ((0, 1), (2, 0), (1, 2))}
    plain, nested = opened(workspace), opened(workspace, "fusion.nested=true")
    of = {(min(p), max(p)): {r.case_id: r.logit for r in read_predictions(f / "predictions_validation.csv")}
          for p, f in folders.items()}
    usual = imaging_logits(plain, 0)[0]
    found = imaging_logits(nested, 0)[0]
    assert set(found) == set(usual)
    for fold in nested.folds:
        for case_id in fold.validation_case_ids:
            expected = usual if fold.index == 0 else of[0, fold.index]
            assert found[case_id] == expected[case_id]
    assert imaging_logits(nested, "all") == imaging_logits(plain, "all")
    # Who has seen whom, as the checkpoints themselves recorded it.
    patients = {f.index: {f"{NAME}/{i[:4]}" for i in f.validation_case_ids} for f in nested.folds}
    seen = imaging_seen(nested).exposures[3:]
    for exposure, (a, b) in zip(seen, ((0, 1), (0, 2), (1, 2)), strict=True):
        assert exposure.name == f"ssl_vit without the folds {a} and {b}, or its pretraining,"
        assert exposure.patients == patients[3 - a - b]
