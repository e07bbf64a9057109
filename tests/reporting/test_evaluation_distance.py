from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import read_dataset
from rnnet.reporting import report as report_module
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed
from tests.factories import write_raw_dataset

FAR = "Dataset003_Far"


def test_the_report_says_that_an_external_set_lies_far_from_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    monkeypatch.setattr(report_module, "draw_figures", lambda *_: {})  # pictures have tests of their own
    workspace = Workspace.under(tmp_path)
    dataset = write_dataset(workspace)
    write_planned(workspace, dataset)
    write_preprocessed(workspace, dataset)
    for fold in (0, 1):
        pipeline.train(workspace, NAME, fold, config="clinical", plan_name=PLAN.name)
    layout = write_raw_dataset(workspace.raw, name=FAR, n_patients=0, n_test=6, spacing_zyx_mm=(6.0, 1.0, 1.0), seed=50)
    write_preprocessed(workspace, read_dataset(layout))
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        pipeline.evaluate(workspace, NAME, external=[FAR], plan_name=PLAN.name)
    assert any(f"{FAR} lies far from the training data ({NAME})" in r.getMessage() for r in caplog.records)
    report = workspace.results_dataset(NAME, PLAN.name).report
    facts = json.loads(report.facts_json.read_text(encoding="utf-8"))
    assert any(w.startswith(f"{FAR} lies far") and "largest voxel edge" in w for w in facts["warnings"])
    (table,) = [v for k, v in facts["dataset_facts"].items() if k.startswith("Distance of external")]
    assert {row["quantity"] for row in table if row["far"]} >= {"largest voxel edge (mm)"}
    assert [flow["dataset"] for flow in facts["flows"]] == [NAME, FAR]
    assert [box["title"] for box in facts["flows"][0]["parts"]] == ["Training, 2 folds by patient", "Same-centre test"]
    assert [fold["fold"] for fold in facts["splits"]["folds"]] == [0, 1]
    assert len(facts["splits"]["checks"]) == 2
    assert [kept["config"] for kept in facts["kept"]] == ["clinical"]
    files = dict(facts["digests"])
    assert {"dataset.json", "cases.csv", "splits_final.json", "record of Clinical, fold 1"} <= files.keys()
    page = report.report_html.read_text(encoding="utf-8")
    assert "Distance of external data sets from the training data" in page
    assert "lies far from the training data" in page
