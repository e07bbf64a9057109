from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rnnet.benchmark import statistics
from rnnet.benchmark.statistics import compare_values, measure_agreement, rnnet_values
from rnnet.benchmark.statistics_cases import made_up_cases, read_cases, write_cases
from rnnet.benchmark.statistics_reference import write_reference
from rnnet.cli.benchmark import main
from rnnet.core.errors import MissingDependencyError, SettingError


def test_scipy_agrees_and_what_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    found = {a.peer.split()[0]: a for a in measure_agreement(None)}
    assert found["scipy"].n_values > 5
    assert found["scipy"].largest < 1e-12
    assert "no Rscript" in found["R,"].missing
    assert all(a.n_values or a.missing for a in found.values())


def test_a_value_that_differs_ends_the_command_with_an_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "run_r", lambda *_: "# R\ncase,name,value\nmany,auc_a,0.5\n")
    assert main(["statistics", "--rscript", "R"]) == 2
    said = capsys.readouterr()
    assert "many auc_a" in said.out
    assert "differ by more than 1e-06 from R" in said.err


def test_a_value_that_rnnet_lacks_is_an_error() -> None:
    with pytest.raises(SettingError, match="no value for"):
        compare_values("R", {}, {("many", "new"): 1.0})


def test_made_up_cases_survive_their_file(tmp_path: Path) -> None:
    cases = made_up_cases(3)
    write_cases(tmp_path / "cases.csv", cases)
    assert rnnet_values(read_cases(tmp_path / "cases.csv")) == rnnet_values(cases)


def test_without_r_no_reference_is_written(tmp_path: Path) -> None:
    with pytest.raises(MissingDependencyError, match="no Rscript"):
        write_reference(tmp_path, None)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_gives_the_stored_reference_again(tmp_path: Path) -> None:
    rscript = shutil.which("Rscript")
    assert rscript is not None
    _, reference = write_reference(tmp_path, Path(rscript))
    stored = Path(__file__).parents[1] / "evaluation" / "reference" / "reference.csv"
    assert reference.read_text().splitlines()[1:] == stored.read_text().splitlines()[1:]
