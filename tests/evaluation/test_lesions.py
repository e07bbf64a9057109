from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rnnet.core.errors import DatasetError, FileFormatError, MissingStageError
from rnnet.evaluation.deciding import Decisions
from rnnet.evaluation.decision import fit_decision
from rnnet.evaluation.lesions import by_patient, evaluated_lesions, read_lesions, write_lesions
from rnnet.evaluation.results import EvaluatedLesion
from tests.evaluation.lesions import predictions


def decisions() -> Decisions:
    rows = predictions(60, seed=9)
    own = fit_decision([p.outcome for p in rows], [p.logit for p in rows], positive_outcome="rn",  # type: ignore[misc]
                       negative_outcome="progression")
    other = replace(own, threshold=0.9)
    return Decisions(own, {0: other, 1: own})


def test_the_ensemble_is_calibrated_after_averaging() -> None:
    folds = {k: predictions(10, seed=k) for k in (0, 1)}
    d = decisions()
    found = evaluated_lesions("ssl_vit", "test", folds, d, is_cross_validation=False, facts={"c0": {"sex": "female"}})
    mean = (folds[0][0].logit + folds[1][0].logit) / 2
    assert found[0].logit == pytest.approx(mean)
    assert found[0].probability == pytest.approx(d.own.calibrated(mean))
    assert found[0].threshold == d.own.threshold
    assert (found[0].facts, found[1].facts) == ({"sex": "female"}, {})


def test_validation_lesions_are_decided_by_the_decision_of_their_fold() -> None:
    folds = {k: predictions(10, seed=k, prefix=f"f{k}_") for k in (0, 1)}
    found = evaluated_lesions("ssl_vit", "cross-validation", folds, decisions(), is_cross_validation=True)
    assert {(x.fold, x.threshold) for x in found} == {(0, 0.9), (1, decisions().own.threshold)}
    assert all(x.positive == (x.probability >= x.threshold) for x in found)


def test_a_lesion_in_two_validation_folds_is_an_error() -> None:
    folds = {k: predictions(10, seed=k) for k in (0, 1)}
    with pytest.raises(DatasetError, match="twice"):
        evaluated_lesions("ssl_vit", "cross-validation", folds, decisions(), is_cross_validation=True)


def test_a_patient_is_positive_if_any_lesion_is_and_scores_as_the_highest() -> None:
    def lesion(case: str, patient: str, outcome: int, logit: float, *, positive: bool) -> EvaluatedLesion:
        return EvaluatedLesion("test", "clinical", case, patient, "A", None, outcome, logit, 0.5, 0.5, positive, ())

    joined = by_patient([
        lesion("a1", "a", 1, -1.0, positive=False), lesion("a2", "a", 0, 2.0, positive=True),
        lesion("b1", "b", 0, 0.3, positive=False),
    ])
    assert [(p.case_id, p.outcome, p.logit, p.positive) for p in joined] == [("a", 1, 2.0, True), ("b", 0, 0.3, False)]


def test_stored_lesions_read_back_equal(tmp_path: Path) -> None:
    folds = {0: predictions(10)}
    facts = {"c1": {"sex": "male", "centre": "A, B"}}
    found = evaluated_lesions("ssl_vit", "test", folds, decisions(), is_cross_validation=False, facts=facts)
    cross = evaluated_lesions("ssl_vit", "cross-validation", folds, decisions(), is_cross_validation=True)
    write_lesions(tmp_path / "lesions.csv", [*found, *cross], positive_outcome="rn")
    assert read_lesions(tmp_path / "lesions.csv") == (*found, *cross)
    assert "positive_outcome" in (tmp_path / "lesions.csv").read_text().splitlines()[0]


def test_a_damaged_file_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "lesions.csv"
    with pytest.raises(MissingStageError, match="not there"):
        read_lesions(path)
    found = evaluated_lesions("ssl_vit", "test", {0: predictions(4)}, decisions(), is_cross_validation=False)
    write_lesions(path, found, positive_outcome="rn")
    path.write_text(path.read_text().replace(repr(found[1].logit), "much"))
    with pytest.raises(FileFormatError) as caught:
        read_lesions(path)
    assert "line 3" in str(caught.value)
