from __future__ import annotations

from pathlib import Path

import pytest

from rnnet.core.codec import read_artefact, write_artefact
from rnnet.core.errors import SettingError
from rnnet.evaluation.decision import Decision, fit_threshold


def test_the_threshold_is_the_middle_of_the_gap_between_the_outcomes() -> None:
    decision = fit_threshold([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9], positive_outcome="rn")
    assert decision.threshold == pytest.approx(0.4)
    assert (decision.n_cases, decision.positive_outcome) == (4, "rn")
    assert "Youden" in decision.rule
    assert decision.is_positive(0.4000001)
    assert not decision.is_positive(0.3999)


def test_the_order_of_cases_does_not_matter() -> None:
    y, p = [0, 1, 0, 1, 1, 0], [0.3, 0.35, 0.4, 0.7, 0.2, 0.1]
    assert fit_threshold(y, p, positive_outcome="rn") == fit_threshold(y[::-1], p[::-1], positive_outcome="rn")


@pytest.mark.parametrize("p", [[0.3, 0.3, 0.3, 0.3], [0.8, 0.9, 0.1, 0.2]])
def test_uninformative_predictions_fall_back_to_one_half_and_say_so(p: list[float]) -> None:
    decision = fit_threshold([0, 0, 1, 1], p, positive_outcome="rn")
    assert decision.threshold == 0.5
    assert "no threshold" in decision.rule


def test_one_outcome_alone_is_an_error() -> None:
    with pytest.raises(SettingError):
        fit_threshold([1, 1], [0.2, 0.3], positive_outcome="rn")


def test_a_decision_is_stored_as_json(tmp_path: Path) -> None:
    decision = fit_threshold([0, 1], [0.1, 0.7], positive_outcome="rn")
    write_artefact(tmp_path / "decision.json", decision)
    assert read_artefact(tmp_path / "decision.json", Decision, made_by="rnnet_evaluate") == decision
