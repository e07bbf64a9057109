from __future__ import annotations

import math

import pytest

from rnnet.core.errors import DatasetError, FileFormatError, RnnetError
from rnnet.core.types import LesionPrediction
from rnnet.evaluation.predictions import COLUMNS, ensemble, out_of_fold, read_predictions, sigmoid, write_predictions


def lesion(case_id: str, logit: float, outcome: int | None = 1, patient: str = "P1") -> LesionPrediction:
    return LesionPrediction(case_id, patient, "A", "train", outcome, logit, sigmoid(logit))


def test_a_file_gives_back_every_digit_and_the_unknown_outcome(tmp_path):
    path = tmp_path / "predictions_test.csv"
    rows = (lesion("a_1", 1 / 3, 1), lesion('b, "2"', -math.pi * 1e-7, 0), lesion("c_1", 12.5, None))
    write_predictions(path, rows, positive_outcome="radiation_necrosis")
    assert path.read_text().splitlines()[0] == ",".join(COLUMNS)
    assert read_predictions(path) == rows
    assert read_predictions(path, positive_outcome="radiation_necrosis") == rows
    assert [p.name for p in tmp_path.iterdir()] == ["predictions_test.csv"]


def test_a_file_without_lesions_is_readable(tmp_path):
    write_predictions(tmp_path / "p.csv", (), positive_outcome="rn")
    assert read_predictions(tmp_path / "p.csv") == ()


def test_a_diverged_model_is_not_written(tmp_path):
    with pytest.raises(RnnetError, match="'a_1' is not a number"):
        write_predictions(tmp_path / "p.csv", [LesionPrediction("a_1", "P", "A", "train", 1, math.nan, 0.5)],
                          positive_outcome="rn")
    assert list(tmp_path.iterdir()) == []


def test_another_positive_outcome_is_refused(tmp_path):
    write_predictions(tmp_path / "p.csv", [lesion("a_1", 0.0)], positive_outcome="progression")
    with pytest.raises(FileFormatError, match="must be 'radiation_necrosis'"):
        read_predictions(tmp_path / "p.csv", positive_outcome="radiation_necrosis")


@pytest.mark.parametrize(("column", "cell", "message"), [
    ("outcome", "2", "Column 'outcome': must be 0, 1 or empty. Got '2'"),
    ("logit", "high", "Column 'logit': must be a number"),
    ("logit", "nan", "Column 'logit': must be a finite number"),
    ("probability", "1.5", "Column 'probability': must be between 0 and 1"),
    ("patient_id", "", "Column 'patient_id': the cell is empty"),
    ("case_id", "a_1", "Column 'case_id': 'a_1' stands in line 2 already"),
])
def test_a_wrong_cell_is_named_with_line_and_column(tmp_path, column, cell, message):
    path = tmp_path / "p.csv"
    row = {"case_id": "a_2", "patient_id": "P", "center": "A", "split": "test", "outcome": "1", "logit": "0.5",
           "probability": "0.6", "positive_outcome": "rn"}
    lines = [row | {"case_id": "a_1"}, row | {column: cell}]
    path.write_text("\n".join([",".join(COLUMNS), *(",".join(line.values()) for line in lines)]) + "\n")
    with pytest.raises(FileFormatError, match="line 3") as error:
        read_predictions(path)
    assert message in error.value.problem


def test_a_missing_column_or_file_is_named(tmp_path):
    with pytest.raises(FileFormatError, match="no such predictions file"):
        read_predictions(tmp_path / "none.csv")
    (tmp_path / "p.csv").write_text("case_id,patient_id\na,b\n")
    with pytest.raises(FileFormatError, match="column 'center' is missing"):
        read_predictions(tmp_path / "p.csv")


def test_the_ensemble_is_the_sigmoid_of_the_mean_logit():
    first, second = [lesion("a", 2.0), lesion("b", -1.0, 0)], [lesion("b", -3.0, 0), lesion("a", 0.0)]
    joined = ensemble([first, second])
    assert [p.case_id for p in joined] == ["a", "b"]
    assert [p.logit for p in joined] == [1.0, -2.0]
    assert joined[0].probability == pytest.approx(1 / (1 + math.exp(-1.0)))


def test_folds_with_different_lesions_are_refused_and_the_difference_is_listed():
    with pytest.raises(DatasetError, match=r"only in fold model 0: b; only in fold model 1: c"):
        ensemble([[lesion("a", 0.0), lesion("b", 0.0)], [lesion("a", 0.0), lesion("c", 0.0)]])


def test_folds_with_different_outcomes_are_refused():
    with pytest.raises(DatasetError, match="different outcomes for a"):
        ensemble([[lesion("a", 0.0, 1)], [lesion("a", 0.0, 0)]])


def test_an_ensemble_of_nothing_or_of_doubled_lesions_is_refused():
    with pytest.raises(DatasetError, match="at least one"):
        ensemble([])
    with pytest.raises(DatasetError, match="stand there twice: a"):
        ensemble([[lesion("a", 0.0), lesion("a", 0.0)]])


def test_out_of_fold_joins_the_folds_and_refuses_a_lesion_twice():
    assert [p.case_id for p in out_of_fold([[lesion("a", 0.0)], [lesion("b", 0.0)]])] == ["a", "b"]
    with pytest.raises(DatasetError, match="twice: a"):
        out_of_fold([[lesion("a", 0.0)], [lesion("a", 1.0)]])


def test_the_sigmoid_does_not_overflow():
    assert (sigmoid(1000.0), sigmoid(-1000.0), sigmoid(0.0)) == (1.0, 0.0, 0.5)
