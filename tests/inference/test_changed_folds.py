"""Models that were trained on other folds than those of now are refused wherever their predictions would be used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.core.errors import StaleArtefactError
from rnnet.core.workspace import FoldLayout, Workspace
from rnnet.experiment.data import ExperimentData
from rnnet.fusion.folds import imaging_logits
from rnnet.inference.exposures import leaks_of
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed

QUICK = ["finetune.epochs=1", "finetune.probe_epochs=0"]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace.under(tmp_path)
    dataset = write_dataset(made, n_test=0)
    write_planned(made, dataset)
    write_preprocessed(made, dataset)
    return made


def train(workspace: Workspace, config: str, *, validate_only: bool = False) -> None:
    of_training = {} if validate_only else {"settings": QUICK, "pretrained": "none"}
    for fold in (0, 1):
        pipeline.train(workspace, NAME, fold, config=config, plan_name=PLAN.name, validate_only=validate_only,
                       **of_training)  # type: ignore[arg-type]


def swap_patients(workspace: Workspace) -> None:
    """Other folds: two patients of different parts change places, as with another seed."""
    path = workspace.preprocessed_dataset(NAME).splits_json
    content = json.loads(path.read_text())
    first, second = (fold["validation_case_ids"] for fold in content["folds"])
    mine, other = first[0][:4], next(i[:4] for i in second if int(i[3]) % 2 == int(first[0][3]) % 2)
    text = path.read_text().replace(f'"{mine}', '"#').replace(f'"{other}', f'"{mine}').replace('"#', f'"{other}')
    path.write_text(text)


def opened(workspace: Workspace) -> ExperimentData:
    return ExperimentData.open(workspace, NAME, PLAN.name)


def fold(workspace: Workspace, config: str, name: int) -> FoldLayout:
    return workspace.results_dataset(NAME, PLAN.name).fold(config, name)


def audited(workspace: Workspace) -> set[str]:
    audit = pipeline.audit_leakage(workspace, pipeline.verify_dataset_integrity(workspace, [NAME]))
    return {problem.code for problem in audit.errors}


def test_a_transformer_of_other_folds_is_neither_validated_nor_fused_nor_evaluated(workspace: Workspace) -> None:
    train(workspace, "ssl_vit")
    train(workspace, "ssl_vit", validate_only=True)
    data = opened(workspace)
    assert leaks_of(data, allow_leakage=False) == ()
    assert len(imaging_logits(data, 0)[0]) == len(data.training_cases)
    assert audited(workspace) == set()
    half = ExperimentData.open(workspace, NAME, PLAN.name, ["finetune.label_share=0.5"])
    with pytest.raises(StaleArtefactError, match=r"with all labels.*asks for 50 % of the labels") as refused:
        imaging_logits(half, 0)
    assert refused.value.fix.startswith(f"Run rnnet_train {NAME} 0 -c ssl_vit --set finetune.label_share=0.5")
    written = fold(workspace, "ssl_vit", 0).predictions("validation").read_bytes()
    swap_patients(workspace)
    for use in (
        lambda: train(workspace, "ssl_vit", validate_only=True), lambda: imaging_logits(opened(workspace), 0),
        lambda: pipeline.evaluate(workspace, NAME, plan_name=PLAN.name),
    ):
        with pytest.raises(StaleArtefactError, match="Fold 0 of ssl_vit was trained on other cases") as caught:
            use()
        assert caught.value.fix == f"Run rnnet_train {NAME} 0 -c ssl_vit again."
    assert fold(workspace, "ssl_vit", 0).predictions("validation").read_bytes() == written
    assert audited(workspace) == {"made-with-other-splits"}


@pytest.mark.parametrize("is_older", [False, True])
def test_a_tabular_model_of_other_folds_is_not_evaluated(workspace: Workspace, is_older: bool) -> None:
    train(workspace, "clinical")
    if is_older:  # the record did not name the cases; the model names its patients
        for name in (0, 1):
            path = fold(workspace, "clinical", name).run_json
            content = json.loads(path.read_text())
            del content["inputs"]["training cases"], content["inputs"]["validation cases"]
            path.write_text(json.dumps(content))
    assert leaks_of(opened(workspace), allow_leakage=False) == ()
    swap_patients(workspace)
    with pytest.raises(StaleArtefactError, match="Fold 0 of clinical was trained on other cases"):
        pipeline.evaluate(workspace, NAME, plan_name=PLAN.name)
    train(workspace, "clinical")
    assert leaks_of(opened(workspace), allow_leakage=False) == ()


def test_a_fold_that_is_no_more_is_refused(workspace: Workspace) -> None:
    train(workspace, "clinical")
    shutil.copytree(fold(workspace, "clinical", 1).folder, fold(workspace, "clinical", 2).folder)
    with pytest.raises(StaleArtefactError, match="there is no such fold now") as caught:
        leaks_of(opened(workspace), allow_leakage=False)
    assert caught.value.fix.startswith("Delete the folder")
    assert audited(workspace) == {"made-with-other-splits"}


def test_a_corrected_outcome_makes_a_fold_stale(workspace: Workspace) -> None:
    train(workspace, "clinical")
    path = workspace.raw_dataset(NAME).cases_csv
    header, first, *rest = path.read_text().splitlines()
    other = first.replace("progression", "#").replace("radiation_necrosis", "progression").replace(
        "#", "radiation_necrosis")
    assert other != first
    path.write_text("\n".join([header, other, *rest]) + "\n")
    with pytest.raises(StaleArtefactError, match="or other outcomes"):
        leaks_of(opened(workspace), allow_leakage=False)
