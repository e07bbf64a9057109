from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnet import pipeline
from rnnet.core.errors import CaseFailedError
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import read_dataset
from rnnet.inference import external
from rnnet.preprocessing.runner import PreprocessReport
from rnnet.preprocessing.state import StepRecord
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed
from tests.logs import own_messages

OTHER = "Dataset003_Other"
BROKEN = PreprocessReport(0, 3, (CaseFailedError("T003_s1: The image is damaged.", where="T003_s1_0000.nii.gz"),))
HD_BET = StepRecord("skull_strip", {"stripper": "hd_bet", "version": "2.0.1"})


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A data set with a trained configuration, and another centre's, of which one scan always fails."""
    made = Workspace.under(tmp_path)
    dataset = write_dataset(made)
    write_planned(made, dataset)
    write_preprocessed(made, dataset)
    for fold in (0, 1):
        pipeline.train(made, NAME, fold, config="clinical", plan_name=PLAN.name)
    write_dataset(made, OTHER, n_patients=0, n_test=4, seed=50)
    monkeypatch.setattr(external, "workspace_atlas", lambda _: None)
    monkeypatch.setattr(external, "preprocess_missing", lambda *_, **__: BROKEN)
    return made


def evaluate(workspace: Workspace) -> Any:
    return pipeline.evaluate(workspace, NAME, external=[OTHER], plan_name=PLAN.name)


def test_the_report_says_what_failed_of_an_external_data_set_and_how_it_was_stripped(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    monkeypatch.setattr(external, "trained_configs", lambda _: ("clinical", "clinical"))
    dataset = read_dataset(workspace.raw_dataset(OTHER))
    store = write_preprocessed(workspace, dataset, failed=["T003_s1"])
    for scan_id in ("T000_s1", "T001_s1"):
        store.write_scan(replace(store.read_scan(scan_id), history=(HD_BET,)), {})
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        result = evaluate(workspace).external[OTHER]
    assert result.report == BROKEN
    assert result.strippers == {"hd_bet 2.0.1": 2, "unknown": 1}
    (warning,) = [text for text in own_messages(caplog) if "skull-stripped with hd_bet" in text]
    assert "2 of 3 scans: T000_s1, T001_s1" in warning
    page = workspace.results_dataset(NAME, PLAN.name).report_html.read_text(encoding="utf-8")
    for text in ("hd_bet 2.0.1", "T003_s1: The image is damaged.", f"{OTHER}: 1 scan(s) failed in preprocessing"):
        assert text in page


def test_an_external_data_set_without_any_scan_is_a_failed_case_with_its_reason(workspace: Workspace) -> None:
    with pytest.raises(CaseFailedError, match=OTHER) as caught:
        evaluate(workspace)
    assert "T003_s1: The image is damaged." in caught.value.fix


def test_an_external_data_set_that_is_there_already_has_no_failure(workspace: Workspace) -> None:
    write_preprocessed(workspace, read_dataset(workspace.raw_dataset(OTHER)))
    assert evaluate(workspace).external[OTHER].report == PreprocessReport(0, 4, ())
