from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from rnnet import pipeline
from rnnet.core.workspace import Workspace
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed
from tests.networks.foreign_states import medicalnet


@pytest.mark.slow
def test_the_report_and_the_audit_say_that_nobody_knows_whom_imported_weights_saw(tmp_path: Path) -> None:
    workspace = Workspace.under(tmp_path)
    dataset = write_dataset(workspace)
    write_planned(workspace, dataset)
    write_preprocessed(workspace, dataset)
    torch.save(medicalnet()[1], tmp_path / "resnet_50.pth")
    path, result = pipeline.import_weights(workspace, NAME, tmp_path / "resnet_50.pth", plan_name=PLAN.name)
    for fold in (0, 1):
        pipeline.train(
            workspace, NAME, fold, config="resnet50", plan_name=PLAN.name, pretrained=str(path),
            settings=["finetune.epochs=1"],
        )
    pipeline.evaluate(workspace, NAME, plan_name=PLAN.name)
    report = workspace.results_dataset(NAME, PLAN.name).report
    facts = json.loads(report.facts_json.read_text(encoding="utf-8"))
    said_in_report = [w for w in facts["warnings"] if w.endswith(result.origin)]
    assert said_in_report == [f"3D ResNet50, folds 0, 1: {result.origin}"]
    assert result.sha256[:16] in report.report_html.read_text(encoding="utf-8")
    audit = pipeline.audit_leakage(workspace, pipeline.verify_dataset_integrity(workspace, [1]))
    said = [p for p in audit.problems if p.code == "origin-unknown"]
    assert {p.level for p in said} == {"warning"}
    assert {p.message for p in said} == {result.origin}
