from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.image import imsave
from numpy import zeros

from rnnet.cli.report import main
from rnnet.core.codec import write_artefact
from rnnet.core.workspace import CohortLayout, Workspace
from rnnet.dataset.cohort.candidates import CohortSettings
from rnnet.dataset.cohort.report import report_of
from rnnet.dataset.cohort.select import select
from rnnet.reporting import report
from rnnet.reporting.markup import Figure
from tests.dataset.cohort.scans import candidates, lesion_over_time
from tests.reporting.results import store_made_up

NAME = "Dataset001_Toy"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[bool]:
    """Whether each page had a selection to draw; nothing is drawn."""
    imsave(tmp_path / "grey.png", zeros((4, 4)))
    found: list[bool] = []

    def without_drawing(_, stored):
        found.append(stored.selection is not None)
        return {"selection": Figure("Figure 1. Selection.", "", tmp_path / "grey.png")} if found[-1] else {}

    monkeypatch.setattr(report, "draw_figures", without_drawing)
    return found


def test_the_report_is_drawn_again_from_what_is_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], drawn: list[bool]
) -> None:
    layout = Workspace.under(tmp_path).results_dataset(NAME).report
    store_made_up(layout)
    assert main(["1", "--root", str(tmp_path)]) == 0
    assert f"Report: {layout.report_html}" in capsys.readouterr().out
    assert layout.report_html.is_file()
    assert layout.tables_tex.read_text(encoding="utf-8").count(r"\begin{table}") == 14
    assert drawn == [False]


def test_the_account_of_a_selection_is_kept_beside_the_report(tmp_path: Path, drawn: list[bool]) -> None:
    layout = Workspace.under(tmp_path).results_dataset(NAME).report
    store_made_up(layout)
    lesions = lesion_over_time("a", {0.0: 20.0, 90.0: 30.0}, outcome="progression", srs_days=(5.0,))
    cohort = select(candidates(lesions, srs=True), CohortSettings("lesion"))
    write_artefact(CohortLayout(tmp_path / "cohort").cohort_json, report_of(cohort))
    assert main(["1", "--cohort", str(tmp_path / "cohort"), "--root", str(tmp_path)]) == 0
    assert main(["1", "--root", str(tmp_path)]) == 0
    assert drawn == [True, True]
    assert layout.selection_json.is_file()
    lines = layout.checklists_csv.read_text(encoding="utf-8").splitlines()
    (line,) = (x for x in lines if x.startswith("CLAIM 2024,8,"))
    assert "in part,Figure 1," in line


def test_what_is_missing_is_named_with_the_command_that_makes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace.under(tmp_path)
    workspace.results_dataset(NAME).folder.mkdir(parents=True)
    assert main(["1", "--root", str(tmp_path)]) == 2
    assert f"Run rnnet_evaluate {NAME}." in capsys.readouterr().err
    assert main(["1", "-p", "mine.json", "--label_source", "follow up", "--root", str(tmp_path)]) == 2
    assert f"Run rnnet_evaluate {NAME} -p mine --label_source 'follow up'." in capsys.readouterr().err
    store_made_up(workspace.results_dataset(NAME).report)
    assert main(["1", "--cohort", str(tmp_path / "none"), "--root", str(tmp_path)]) == 2
    assert "rnnet_select_cohort" in capsys.readouterr().err
