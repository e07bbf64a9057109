from __future__ import annotations

from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.cli.evaluate import main
from rnnet.core.errors import CaseFailedError
from rnnet.core.workspace import Workspace
from rnnet.evaluation.results import ModelComparison
from rnnet.evaluation.statistics import Interval
from rnnet.inference.external import ExternalResult
from rnnet.preprocessing.runner import PreprocessReport
from rnnet.reporting.evaluation_report import EvaluationReport
from tests.experiment.workspaces import write_dataset, write_planned, write_preprocessed
from tests.reporting.results import made_up_summaries


@pytest.mark.parametrize("n_failed", [0, 1])
def test_external_scans_that_fail_are_printed_and_end_with_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, n_failed: int
) -> None:
    failed = (CaseFailedError("X1: broken.", where="X1.nii.gz"),) * n_failed
    external = {"Dataset003_Other": ExternalResult(PreprocessReport(2, 1, failed), {"none": 3})}
    report = EvaluationReport(
        tuple(made_up_summaries()), tmp_path / "report.html", external, warnings=("SSL ViT: 1 of 5 folds are trained.",)
    )
    monkeypatch.setattr(pipeline, "evaluate", lambda *_, **__: report)
    assert main(["1", "--external", "3", "--root", str(tmp_path), "-device", "cpu"]) == (3 if n_failed else 0)
    said = capsys.readouterr()
    assert f"Dataset003_Other: 2 scan(s) preprocessed, 1 already there, {n_failed} failed" in said.out
    assert "- SSL ViT: 1 of 5 folds are trained." in said.err
    assert ("X1: broken." in said.err) == bool(n_failed)


def test_comparisons_are_printed_and_the_filter_is_passed_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = ModelComparison(
        "multimodal", "clinical", "test", "Same-centre test", "radiation_necrosis", "progression", 11, 17, 20, 0.9, 0.7,
        Interval(0.2, 0.05, 0.4, 2000), 0.03,
    )
    report = EvaluationReport(tuple(made_up_summaries()), tmp_path / "report.html", comparisons=(comparison,))
    asked: dict[str, object] = {}
    monkeypatch.setattr(pipeline, "evaluate", lambda *_, **settings: asked.update(settings) or report)
    typed = ["--compare", "multimodal", "clinical", "--label_source", "histology", "--root", str(tmp_path)]
    assert main(["1", *typed, "-device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "Comparison of models, same-centre test" in said
    assert "[+0.050, +0.400]" in said
    assert (asked["compare"], asked["label_sources"]) == (["multimodal", "clinical"], ["histology"])


def test_an_unknown_model_to_compare_is_refused_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["1", "--compare", "vit"])
    assert "invalid choice: 'vit'" in capsys.readouterr().err


def test_a_data_set_is_not_external_to_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace.under(tmp_path)
    dataset = write_dataset(workspace)
    write_planned(workspace, dataset)
    write_preprocessed(workspace, dataset)
    assert main(["1", "--external", "1", "--root", str(tmp_path), "-device", "cpu"]) == 2
    assert "Dataset001_Toy cannot be external to itself." in capsys.readouterr().err
