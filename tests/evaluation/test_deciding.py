from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rnnet.core.errors import MissingStageError
from rnnet.core.layouts import ResultsLayout
from rnnet.evaluation.deciding import Decisions, cross_decisions, decide, fit_on
from rnnet.evaluation.predictions import write_predictions
from rnnet.planning.tabular_plan import DecisionPlan
from tests.evaluation.lesions import predictions
from tests.factories import make_plan

PLAN = make_plan()


def trained(tmp_path: Path, n_folds: int = 2) -> ResultsLayout:
    results = ResultsLayout(tmp_path, PLAN.name)
    for fold in range(n_folds):
        layout = results.fold("clinical", fold)
        rows = predictions(20, seed=fold, prefix=f"f{fold}_")
        write_predictions(layout.predictions("validation"), rows, positive_outcome=PLAN.positive_outcome)
        layout.tabular_model.touch()
    return results


def test_the_decision_is_fitted_once_and_read_from_then_on(tmp_path: Path) -> None:
    results = trained(tmp_path)
    first = decide(results, "clinical", PLAN)
    path = results.decision_json("clinical")
    path.write_text(path.read_text().replace(first.rule, "read, not fitted"))
    assert decide(results, "clinical", PLAN).rule == "read, not fitted"


def test_new_predictions_or_settings_make_a_new_decision(tmp_path: Path) -> None:
    results = trained(tmp_path)
    first = decide(results, "clinical", PLAN)
    other = replace(PLAN, decision=DecisionPlan(threshold="sensitivity", sensitivity=0.8))
    assert "sensitivity" in decide(results, "clinical", other).rule
    rows = predictions(20, seed=7, prefix="f1_")
    validation = results.fold("clinical", 1).predictions("validation")
    write_predictions(validation, rows, positive_outcome=PLAN.positive_outcome)
    assert decide(results, "clinical", PLAN).calibration != first.calibration


def test_nothing_trained_is_an_error_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingStageError, match="No fold"):
        decide(ResultsLayout(tmp_path, PLAN.name), "clinical", PLAN)


def test_the_decision_of_a_fold_does_not_see_its_lesions() -> None:
    by_fold = {k: predictions(20, seed=k, prefix=f"f{k}_") for k in range(3)}
    found = cross_decisions(by_fold, PLAN)
    turned = {**by_fold, 1: [replace(p, outcome=1 - p.outcome, logit=9 * p.logit) for p in by_fold[1]]}  # type: ignore[operator]
    again = cross_decisions(turned, PLAN)
    assert again[1] == found[1] == fit_on([*by_fold[0], *by_fold[2]], PLAN)
    assert again[0] != found[0]


def test_without_other_folds_the_own_decision_stands_in() -> None:
    rows = predictions(20)
    assert cross_decisions({0: rows}, PLAN) == {}
    own = fit_on(rows, PLAN)
    assert Decisions(own).of(0) == Decisions(own).of(None) == own
