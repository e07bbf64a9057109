from __future__ import annotations

from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.core.errors import LeakageError
from rnnet.core.workspace import Workspace
from rnnet.training.checkpoint import read_checkpoint
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed
from tests.training.histories import read_history


@pytest.mark.slow
def test_an_encoder_that_the_probe_of_a_fold_chose_serves_that_fold_alone(tmp_path: Path) -> None:
    workspace = Workspace.under(tmp_path)
    dataset = write_dataset(workspace, n_patients=8)
    write_preprocessed(workspace, dataset)
    write_planned(workspace, dataset)
    settings = ("pretrain.epochs=2", "pretrain.probe.every_epochs=1", "pretrain.probe.patience=1", "finetune.epochs=0")
    path = pipeline.pretrain(workspace, [1], plan_name=PLAN.name, settings=settings)
    stored = read_checkpoint(path, made_by="rnnet_pretrain")
    (row, *_) = read_history(workspace.results_dataset(NAME, PLAN.name).pretrain.metrics_jsonl)
    assert 0 <= row["probe_auc_low"] <= row["probe_auc"] <= row["probe_auc_high"] <= 1
    assert len(stored.steered_by) == 4
    assert set(stored.steered_by) < set(stored.patients_seen)
    assert set(stored.steered_scans) <= set(stored.images_seen or ())
    assert pipeline.train(workspace, 1, 0, plan_name=PLAN.name, settings=settings).is_dir()
    assert pipeline.train(workspace, 1, "all", plan_name=PLAN.name, settings=settings).is_dir()
    with pytest.raises(LeakageError, match=r"probe that chose the weights.*validation part of fold 1"):
        pipeline.train(workspace, 1, 1, plan_name=PLAN.name, settings=settings)
