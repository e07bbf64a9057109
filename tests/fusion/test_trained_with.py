from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.core.codec import write_artefact
from rnnet.core.errors import SettingError, StaleArtefactError
from rnnet.core.files import write_text
from rnnet.core.provenance import make_run_record
from rnnet.core.workspace import ResultsLayout, Workspace
from rnnet.features import radiomics_cache
from rnnet.fusion import folds
from rnnet.fusion.artefact import load_tabular, save_tabular
from rnnet.fusion.tabular import fit_tabular
from rnnet.fusion.trained_with import (
    IMAGING_INPUT,
    check_imaging_models,
    imaging_models,
    load_trained,
    outdated_fusions,
)
from rnnet.inference.bundle import ModelBundle
from rnnet.planning.plan import write_plan
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed
from tests.fusion.tabular_data import COLUMNS, make_data, make_fusion_plan

DATA = make_data(radiomics_signal=1.0)
TRAINED_UNDER = make_fusion_plan()


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of radiomics and clinical data."""
    model = fit_tabular("radiomics_clinical_logistic", DATA.train, radiomics=DATA.radiomics, columns=COLUMNS,
                        imaging_logits=None, plan=TRAINED_UNDER, seed=0)
    path = tmp_path_factory.mktemp("fold_0") / "tabular_model.npz"
    save_tabular(path, model)
    return path


@pytest.mark.parametrize("setting", [
    "features.bin_width=10", "features.bin_count=32", "features.normalize=image", "features.normalize_scale=50",
    "features.voxel_array_shift=0", "features.minimum_roi_voxels=20", "features.log_sigma_mm=[2.0]",
    "features.wavelet=true", "preprocessing.bias_field.enabled=true",
])
def test_a_model_of_other_radiomics_is_refused_in_one_line(stored: Path, setting: str) -> None:
    with pytest.raises(StaleArtefactError, match="trained on other radiomics") as caught:
        load_trained(stored, make_fusion_plan(setting))
    assert "rnnet_fuse Dataset001_Toy -c radiomics_clinical_logistic" in caught.value.fix
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("setting", [
    "features.selector=elastic_net", "features.minimum_icc=0.5", "fusion.trees=3", "decision.threshold=sensitivity",
])
def test_settings_that_do_not_touch_radiomics_refuse_nothing(stored: Path, setting: str) -> None:
    assert load_trained(stored, make_fusion_plan(setting)).config == "radiomics_clinical_logistic"


def test_another_version_of_pyradiomics_counts_as_other_radiomics(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radiomics_cache, "package_version", lambda _: "0.0.1")
    with pytest.raises(StaleArtefactError, match="version of pyradiomics"):
        load_trained(stored, TRAINED_UNDER)


def test_a_model_that_did_not_record_its_radiomics_is_refused(stored: Path, tmp_path: Path) -> None:
    model = load_tabular(stored)
    save_tabular(tmp_path / "model.npz", replace(model, radiomics=replace(model.radiomics, made_with="")))
    with pytest.raises(StaleArtefactError):
        load_trained(tmp_path / "model.npz", TRAINED_UNDER)


def test_a_model_without_radiomics_does_not_ask_for_their_settings(tmp_path: Path) -> None:
    model = fit_tabular("clinical_logistic", DATA.train, radiomics=None, columns=COLUMNS, imaging_logits=None,
                        plan=TRAINED_UNDER, seed=0)
    save_tabular(tmp_path / "model.npz", model)
    assert load_trained(tmp_path / "model.npz", make_fusion_plan("features.bin_width=10")).config == model.config


def test_another_positive_outcome_is_refused(stored: Path) -> None:
    other = replace(TRAINED_UNDER, positive_outcome="progression", negative_outcome="radiation_necrosis")
    with pytest.raises(SettingError, match="positive outcome is 'radiation_necrosis'"):
        load_trained(stored, other)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A preprocessed data set without a model."""
    made = Workspace.under(tmp_path_factory.mktemp("root"))
    dataset = write_dataset(made)
    write_planned(made, dataset)
    write_preprocessed(made, dataset)
    return made


def test_training_with_radiomics_that_prediction_would_not_make_is_refused(workspace: Workspace) -> None:
    with pytest.raises(SettingError, match="--set changes how radiomics") as caught:
        pipeline.fuse(workspace, NAME, config="radiomics_logistic", plan_name=PLAN.name,
                      settings=["features.bin_width=10"])
    assert "rnnet_plan_experiment" in caught.value.fix


def test_prediction_and_evaluation_refuse_a_model_once_the_plan_has_other_radiomics(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    original = folds.lesion_radiomics
    monkeypatch.setattr(folds, "lesion_radiomics",
                        lambda cases, *rest, **named: asked.append(len(cases)) or original(cases, *rest, **named))
    pipeline.fuse(workspace, NAME, config="radiomics_logistic", plan_name=PLAN.name,
                  settings=["features.selector=elastic_net"])
    assert asked == [12]  # once for all folds
    path = workspace.preprocessed_dataset(NAME).plans_json(PLAN.name)
    kept = path.read_bytes()
    write_plan(path, replace(PLAN, features=replace(PLAN.features, bin_width=10.0)), inputs={})
    try:
        with pytest.raises(StaleArtefactError, match="trained on other radiomics"):
            ModelBundle.load(workspace, NAME, PLAN.name, config="radiomics_logistic", folds=None, device="cpu")
        with pytest.raises(StaleArtefactError, match="trained on other radiomics"):
            pipeline.evaluate(workspace, NAME, plan_name=PLAN.name)
    finally:
        path.write_bytes(kept)
    ModelBundle.load(workspace, NAME, PLAN.name, config="radiomics_logistic", folds=None, device="cpu")


def test_a_model_is_refused_once_the_imaging_part_was_trained_again(tmp_path: Path) -> None:
    results = Workspace.under(tmp_path).results_dataset(NAME, PLAN.name)
    train_imaging(results, "first")
    layout = results.fold("multimodal", 0)
    write_text(layout.tabular_model, "")
    record = make_run_record("rnnet_train", inputs={IMAGING_INPUT: imaging_models(results)})
    write_artefact(layout.run_json, record, inputs=record.inputs)
    check_imaging_models(results, "multimodal", ["0"])
    assert list(outdated_fusions(results)) == []
    train_imaging(results, "again")
    with pytest.raises(StaleArtefactError, match="other ssl_vit models") as caught:
        check_imaging_models(results, "multimodal", ["0"])
    assert "rnnet_fuse" in caught.value.fix
    assert [config for config, _ in outdated_fusions(results)] == ["multimodal"]
    check_imaging_models(results, "radiomics_clinical", ["0"])  # it has no imaging logit


def train_imaging(results: ResultsLayout, content: str) -> None:
    for fold in (0, 1):
        write_text(results.fold("ssl_vit", fold).checkpoint_best, f"{content} {fold}")
