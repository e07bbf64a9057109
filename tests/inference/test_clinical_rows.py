from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnet.core.errors import DatasetError
from rnnet.core.types import LesionCase
from rnnet.dataset.manifest import ClinicalColumn, Manifest
from rnnet.inference.clinical_rows import with_clinical_rows
from tests.factories import make_cases
from tests.logs import own_messages

MANIFEST = Manifest("Toy", {"0": "T1CE"}, clinical={
    "age": ClinicalColumn("numeric"), "sex": ClinicalColumn("categorical", ("female", "male")),
})
# Scans P000_s1 and P001_s1 with the lesions 1 and 2 each.
CASES = make_cases(2, 2)
Joined = Callable[[str], tuple[LesionCase, ...]]


@pytest.fixture
def joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Joined:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)

    def join(text: str) -> tuple[LesionCase, ...]:
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return with_clinical_rows(CASES, path, MANIFEST)

    return join


def test_without_a_table_every_column_is_missing() -> None:
    assert all(case.clinical == {"age": None, "sex": None} for case in with_clinical_rows(CASES, None, MANIFEST))


@pytest.mark.parametrize("value", ["2", "2.0", " 2 "])
def test_a_lesions_own_row_goes_before_its_scans_however_the_number_is_written(value: str, joined: Joined) -> None:
    found = joined(f"scan_id,lesion_value,age,sex\nP000_s1,,50,male\nP000_s1,{value},51,male\nP001_s1,,60,female\n")
    assert [case.clinical["age"] for case in found] == [50.0, 51.0, 60.0, 60.0]


def test_a_category_that_training_does_not_know_is_kept_for_the_model_to_name(joined: Joined) -> None:
    found = joined("scan_id,age,sex\nP000_s1,50,other\nP001_s1,60,male\n")
    assert [case.clinical["sex"] for case in found] == ["other", "other", "male", "male"]


def test_the_table_may_name_the_centre_and_nothing_else(joined: Joined, caplog: pytest.LogCaptureFixture) -> None:
    found = joined("scan_id,center\nP000_s1,A\nP001_s1,\n")
    assert [case.center for case in found] == ["A", "A", CASES[2].center, CASES[3].center]


def test_equal_rows_for_one_lesion_are_one(joined: Joined) -> None:
    assert joined("scan_id,age,sex\nP000_s1,50,male\nP000_s1,50,male\n")[0].clinical["age"] == 50


@pytest.mark.parametrize(("text", "problem", "where"), [
    ("scan_id,age\nP000_s1,50\nP000_s1,51\n", "two different rows", "line 3"),
    ("scan_id,age\nP000_s1,old\nP001_s1,x\n", r"'old' is not a number.*\(2 problems in the table\)", "line 2"),
    ("scan_id,lesion_value,age\nP000_s1,x,50\n", "'x' is not a whole number", "lesion_value"),
    ("id,age\nP000_s1,50\n", "column 'scan_id' is missing", "table.csv"),
    ("scan_id;age\nP000_s1;50\n", "not separated by commas", "table.csv"),
    ("scan_id,Alter\nP000_s1,50\n", "none of the columns that training knows", "table.csv"),
    ("scan_id,age\nT1,50\n", "the first is of T1, the first lesion is P000_s1 lesion 1", "table.csv"),
])
def test_a_table_of_no_use_is_one_line_that_says_why(text: str, problem: str, where: str, joined: Joined) -> None:
    with pytest.raises(DatasetError, match=problem) as caught:
        joined(text)
    assert where in str(caught.value.where)
    assert caught.value.fix


def test_rows_of_a_scan_that_failed_are_no_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    path = tmp_path / "table.csv"
    path.write_text("scan_id,age,sex\nP009_s1,50,male\n", encoding="utf-8")
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        found = with_clinical_rows(CASES, path, MANIFEST, failed_scans={"P009_s1"})
    assert {case.clinical["age"] for case in found} == {None}
    (said,) = own_messages(caplog)
    assert said.startswith("4 lesion(s) have no row")


def test_a_training_without_clinical_data_uses_no_column(joined: Joined, tmp_path: Path) -> None:
    joined("scan_id,age\nP000_s1,50\nP001_s1,60\n")
    none = Manifest("Toy", {"0": "T1CE"}, clinical={})
    assert all(case.clinical == {} for case in with_clinical_rows(CASES, tmp_path / "table.csv", none))


def test_what_of_a_table_is_not_used_and_what_it_lacks_is_said(
    joined: Joined, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        found = joined("scan_id,lesion_value,age,Sex\nP000_s1,,50,male\nP009_s1,,60,male\nP001_s1,2,70,male\n")
    assert [case.clinical["age"] for case in found] == [50.0, 50.0, None, 70.0]
    assert own_messages(caplog) == [
        "The clinical table lacks sex: missing for every lesion. Its columns Sex are not used.",
        "1 row(s) of the clinical table are of no lesion here: P009_s1.",
        f"1 lesion(s) have no row in the clinical table: {CASES[2].case_id}.",
    ]
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        joined("scan_id,age,sex,name\nP000_s1,50,male,A\nP001_s1,60,male,B\n")
    assert own_messages(caplog) == []
