from __future__ import annotations

from pathlib import Path

import pytest

from rnnet.cli._failures import MOST_SHOWN, report_failures
from rnnet.core.errors import CaseFailedError
from rnnet.preprocessing.runner import PreprocessReport


def failed(count: int) -> tuple[CaseFailedError, ...]:
    return tuple(CaseFailedError(f"P{i}: broken.", where=f"P{i}.nii.gz", fix="Look.") for i in range(count))


def test_failures_are_listed_and_end_with_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    reports = {"Dataset001": PreprocessReport(1, 0, failed(2)), "Dataset002": PreprocessReport(1, 0, ())}
    assert report_failures(reports) == 3
    said = capsys.readouterr()
    assert "1 scan(s) preprocessed, 0 already there, 2 failed" in said.out
    assert said.err.splitlines() == [f"  failed: P{i}: broken. [P{i}.nii.gz] Look." for i in range(2)]


def test_nothing_failed_is_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert report_failures({"Dataset001": PreprocessReport(1, 0, ())}) == 0
    assert capsys.readouterr().err == ""


def test_of_many_failures_the_first_are_shown_and_the_file_that_has_all(capsys: pytest.CaptureFixture[str]) -> None:
    report = PreprocessReport(0, 0, failed(MOST_SHOWN + 5), Path("store/failures.json"))
    report_failures({"Dataset001": report})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == MOST_SHOWN + 1
    assert lines[-1] == "  ... and 5 more: see store/failures.json"
