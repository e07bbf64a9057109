"""Controls, seeds and a share of the labels, by the commands' functions on a tiny data set."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.core.errors import MissingStageError, SettingError, StaleArtefactError
from rnnet.core.types import Fold
from rnnet.core.workspace import DEFAULT_PLAN, ResultsLayout, Workspace
from rnnet.dataset.case import read_dataset
from rnnet.dataset.splits import write_splits
from rnnet.evaluation.names import MODEL_NAMES
from rnnet.evaluation.predictions import read_predictions
from rnnet.experiment.data import ExperimentData
from rnnet.inference.bundle import ModelBundle
from rnnet.inference.unlike import unlike_runs
from rnnet.training import folds
from rnnet.training.checkpoint import read_checkpoint, write_checkpoint
from rnnet.training.fold_record import ENCODER_INPUT
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed
from tests.factories import write_raw_dataset

pytestmark = pytest.mark.slow

OTHER = "Dataset003_Other"
CONTROL = "vit_scratch.control_mask_only"
FAST = ("finetune.epochs=1", "finetune.mirror_tta=false", "finetune.intensity_augmentation=false")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace.under(tmp_path_factory.mktemp("repeats"))
    dataset = write_dataset(workspace, n_patients=8)
    write_planned(workspace, dataset)
    write_preprocessed(workspace, dataset)
    write_preprocessed(workspace, read_dataset(write_raw_dataset(
        workspace.raw, name=OTHER, n_patients=0, n_test=4, shape_zyx=(20, 22, 24), seed=50
    )), seed=50)
    for fold in (0, 1):
        train(workspace, fold, seeds=2)
        train(workspace, fold, control="mask_only")
    return workspace


def train(workspace: Workspace, fold: int, *settings: str, config: str = "vit_scratch", **arguments: object) -> None:
    of_training = () if arguments.get("validate_only") else FAST
    pipeline.train(
        workspace, NAME, fold, config=config, plan_name=PLAN.name, settings=(*of_training, *settings),
        **arguments,  # type: ignore[arg-type]
    )


@pytest.fixture
def own(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A copy, for tests that train over what is there."""
    shutil.copytree(workspace.raw.parent, tmp_path, dirs_exist_ok=True)
    return Workspace.under(tmp_path)


@pytest.fixture
def results(workspace: Workspace) -> ResultsLayout:
    return workspace.results_dataset(NAME, PLAN.name)


def test_further_seeds_stand_below_the_fold_and_differ(results: ResultsLayout) -> None:
    first = results.fold("vit_scratch", 0)
    assert set(first.seeds()) == {1}
    a, b = (read_predictions(run.predictions("test")) for run in (first, first.seed(1)))
    assert [p.case_id for p in a] == [p.case_id for p in b]
    assert [p.logit for p in a] != [p.logit for p in b]
    stored = [read_checkpoint(run.checkpoint_best, made_by="rnnet_train") for run in (first, first.seed(1))]
    assert [c.plan["seed"] for c in stored] == [0, 1]


def test_seeds_that_are_there_are_kept_when_more_are_asked_for(
    own: Workspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    first = own.results_dataset(NAME, PLAN.name).fold("vit_scratch", 1)
    before = first.predictions("test").read_text(), first.seed(1).predictions("test").read_text()
    with caplog.at_level(logging.INFO, logger="rnnet"):
        train(own, 1, seeds=3, resume=True)
    assert any(r.getMessage().startswith("vit_scratch, fold 1, seed 2, epoch 1 ") for r in caplog.records)
    assert set(first.seeds()) == {1, 2}
    assert (first.predictions("test").read_text(), first.seed(1).predictions("test").read_text()) == before


def test_the_report_shows_controls_and_seeds_on_every_test_set(workspace: Workspace, results: ResultsLayout) -> None:
    said = pipeline.evaluate(workspace, NAME, external=[OTHER], plan_name=PLAN.name)
    subsets = {"cross-validation", "test", OTHER}
    assert {s.config for s in said.summaries} == {"vit_scratch"}
    assert {(c.config, c.control, c.subset) for c in said.controls} == {
        ("vit_scratch", "mask_only", subset) for subset in subsets
    }
    assert {(s.config, s.subset) for s in said.seeds} == {("vit_scratch", subset) for subset in subsets}
    assert all(s.seeds == (0, 1) for s in said.seeds)
    page = results.report_html.read_text(encoding="utf-8")
    assert "Same-centre test: negative controls (positive class: radiation necrosis)" in page
    assert "Same-centre test: spread over seeds (positive class: radiation necrosis)" in page
    stored = json.loads(results.report.summary_json.read_text())
    assert len(stored["controls"]) == len(stored["seeds"]) == 3


def test_repeats_of_other_settings_are_left_out_and_named(own: Workspace) -> None:
    train(own, 0, "finetune.epochs=2")
    said = pipeline.evaluate(own, NAME, plan_name=PLAN.name)
    # Fold 1 alone is left of both: fold 0 was trained for another number of epochs since.
    assert {c.folds for c in said.controls} == {("1",)}
    assert {s.folds for s in said.seeds} == {("1",)}
    warnings = json.loads(own.results_dataset(NAME, PLAN.name).report.facts_json.read_text())["warnings"]
    seeds = "Further seeds of ViT from scratch are left out for fold 0 seed 1: finetune.epochs is 1 there and 2 in"
    assert any(w.startswith(seeds) for w in warnings)
    control = "Figures of the negative control ViT from scratch, mask only are left out for fold 0: finetune.epochs is"
    assert any(w.startswith(control) for w in warnings)
    folds = "ViT from scratch: fold 1 and fold 0 were not trained alike, and their figures are pooled: finetune.epochs"
    assert any(w.startswith(folds) for w in warnings)
    assert tuple(warnings) == said.warnings
    page = own.results_dataset(NAME, PLAN.name).report_html.read_text(encoding="utf-8")
    assert page.index("were not trained alike") < page.index("<main")
    otherwise = page[page.index("Trained with other values than those of the plan"):]
    assert all(f"ViT from scratch: {folds}<" in otherwise for folds in ("fold 1", "folds 0, 1"))


def test_repeats_from_another_encoder_are_left_out(own: Workspace) -> None:
    folder = own.results_dataset(NAME, PLAN.name).fold("vit_scratch", 1)
    stored = read_checkpoint(folder.checkpoint_best, made_by="rnnet_train")
    inputs = {**stored.inputs, ENCODER_INPUT: "another"}
    write_checkpoint(folder.checkpoint_best, replace(stored, inputs=inputs))
    unlike = unlike_runs(ExperimentData.open(own, NAME, PLAN.name))
    control = own.results_dataset(NAME, PLAN.name).fold(CONTROL, 1)
    assert unlike.folders == {folder.seed(1).folder, control.folder}
    assert len(unlike.sentences) == 3
    assert all("it started from another encoder than" in sentence for sentence in unlike.sentences)
    assert unlike.sentences[0].startswith("ViT from scratch: fold 1 and fold 0 were not trained alike")


def test_a_random_encoder_takes_no_checkpoint_and_has_the_models_length_of_training(own: Workspace) -> None:
    with pytest.raises(SettingError, match="takes no pretrained encoder"):
        train(own, 0, control="random_encoder", pretrained="some.pth")
    train(own, 0, control="random_encoder")
    assert unlike_runs(ExperimentData.open(own, NAME, PLAN.name)).folders == set()


def test_folds_that_were_trained_alike_are_not_named(workspace: Workspace) -> None:
    unlike = unlike_runs(ExperimentData.open(workspace, NAME, PLAN.name))
    assert unlike.sentences == ()
    assert {field for field, *_ in unlike.settings} == {s.split("=")[0] for s in FAST}


def test_a_field_that_the_network_does_not_have_makes_no_run_unlike(own: Workspace) -> None:
    first = own.results_dataset(NAME, PLAN.name).fold("vit_scratch", 1)
    for run, changed in ((first, {}), (first.seed(1), {"mlp_ratio": 3.0})):
        stored = read_checkpoint(run.checkpoint_best, made_by="rnnet_train")
        network = {**stored.plan["network"], "resnet_base_width": 8, **changed}
        write_checkpoint(run.checkpoint_best, replace(stored, plan={**stored.plan, "network": network}))
    unlike = unlike_runs(ExperimentData.open(own, NAME, PLAN.name))
    (sentence,) = unlike.sentences
    assert "network.mlp_ratio is 3.0 there" in sentence
    assert "resnet" not in sentence
    assert "network.resnet_base_width" not in {field for field, *_ in unlike.settings}


def test_predicting_again_names_the_whole_command_of_what_is_not_trained(workspace: Workspace) -> None:
    with pytest.raises(MissingStageError) as caught:
        train(workspace, 0, control="volume_only", seeds=3, validate_only=True)
    plan = "" if PLAN.name == DEFAULT_PLAN else f" -p {PLAN.name}"
    command = f"rnnet_train {NAME} 0 -c vit_scratch{plan} --control volume_only --seeds 3"
    assert f"Run {command} without --val" in str(caught.value)
    with pytest.raises(MissingStageError, match="with seed 2") as caught:
        train(workspace, 0, seeds=3, validate_only=True)
    assert "--seeds 3 --continue without --val" in str(caught.value)


def test_the_batch_is_confirmed_once_and_not_again_where_training_goes_on(
    own: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(folds, "confirm_batch_size", lambda *_, config, **__: asked.append(config))
    train(own, 0, seeds=2, resume=True)
    with pytest.raises(MissingStageError):
        train(own, 0, config="ssl_vit")
    assert asked == []
    train(own, 0, seeds=2)
    assert asked == ["vit_scratch"]


def test_a_control_in_the_place_of_a_model_is_refused(own: Workspace) -> None:
    results = own.results_dataset(NAME, PLAN.name)
    shutil.copy(results.fold(CONTROL, 0).checkpoint_best, results.fold("vit_scratch", 0).checkpoint_best)
    with pytest.raises(SettingError, match="negative control 'mask_only'"):
        ModelBundle.load(own, NAME, PLAN.name, config="vit_scratch", folds=["0"], device="cpu")


def test_a_control_predicts_again_on_its_own_input(workspace: Workspace, results: ResultsLayout) -> None:
    path = results.fold(CONTROL, 0).predictions("validation")
    before = path.read_text()
    path.unlink()
    train(workspace, 0, control="mask_only", validate_only=True)
    assert path.read_text() == before


@pytest.mark.parametrize("arguments", [{"control": "mask_only"}, {"seeds": 2}])
def test_tabular_configurations_have_neither_controls_nor_seeds(
    workspace: Workspace, arguments: dict[str, object]
) -> None:
    with pytest.raises(SettingError, match="imaging configurations"):
        train(workspace, 0, config="clinical", **arguments)


@pytest.mark.parametrize("config", ["vit_scratch", "clinical"])
def test_a_share_of_the_labels_is_used_said_and_found_again(
    own: Workspace, config: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    with caplog.at_level(logging.INFO, logger="rnnet"):
        train(own, 0, "finetune.label_share=0.5", config=config)
        train(own, 1, config=config)
    assert any("leaves 4 of 8 labelled training lesions, 2 of 4 patients" in r.getMessage() for r in caplog.records)
    found = pipeline.evaluate(own, NAME, plan_name=PLAN.name)  # with all labels: the folds are no stale ones
    facts = json.loads(own.results_dataset(NAME, PLAN.name).report.facts_json.read_text())
    assert {s.config for s in found.summaries} >= {config}
    said = f"{MODEL_NAMES[config]}: trained with a part of the labelled training patients: fold 0 with 2 of 4 (finetune"
    assert [w for w in facts["warnings"] if w.startswith(said)]


def test_a_control_of_other_folds_stops_the_evaluation(own: Workspace) -> None:
    first, second = ExperimentData.open(own, NAME, PLAN.name).folds
    write_splits(own.preprocessed_dataset(NAME).splits_json, (
        Fold(0, second.train_case_ids, second.validation_case_ids),
        Fold(1, first.train_case_ids, first.validation_case_ids),
    ))
    for fold in (0, 1):
        train(own, fold)
    shutil.rmtree(own.results_dataset(NAME, PLAN.name).fold("vit_scratch", 0).seed(1).folder)
    shutil.rmtree(own.results_dataset(NAME, PLAN.name).fold("vit_scratch", 1).seed(1).folder)
    with pytest.raises(StaleArtefactError, match="control_mask_only was trained on other cases") as caught:
        pipeline.evaluate(own, NAME, plan_name=PLAN.name)
    assert "--control mask_only" in str(caught.value)


def test_a_further_seed_of_other_folds_stops_the_evaluation(own: Workspace) -> None:
    results = own.results_dataset(NAME, PLAN.name)
    shutil.copytree(results.fold("vit_scratch", 1).seed(1).folder, results.fold("vit_scratch", 0).seed(1).folder,
                    dirs_exist_ok=True)
    with pytest.raises(StaleArtefactError, match="trained on other cases") as caught:
        pipeline.evaluate(own, NAME, plan_name=PLAN.name)
    assert "--seeds" in str(caught.value)
