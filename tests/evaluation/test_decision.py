from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnet.core.codec import read_artefact, write_artefact
from rnnet.core.errors import SettingError
from rnnet.evaluation.decision import UNDECIDED, Decision, fit_decision, fixed_threshold
from rnnet.planning.tabular_plan import DecisionPlan

NAMES = {"positive_outcome": "rn", "negative_outcome": "progression"}
PLAIN = DecisionPlan(calibration="none")


def logits_of(n: int, seed: int = 0, strength: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return y, rng.normal(size=n) + strength * (y - 0.5)


def test_the_threshold_is_the_middle_of_the_gap_between_the_outcomes() -> None:
    decision = fit_decision([0, 0, 1, 1], [-2.0, -1.0, 1.0, 2.0], settings=PLAIN, **NAMES)
    assert decision.threshold == pytest.approx(0.5)
    assert (decision.n_cases, decision.positive_outcome, decision.negative_outcome) == (4, "rn", "progression")
    assert "Youden" in decision.rule
    assert decision.is_positive(0.5000001)
    assert not decision.is_positive(0.4999)


def test_the_order_of_cases_does_not_matter() -> None:
    y, z = logits_of(30)
    one, other = (fit_decision(y[::step], z[::step], **NAMES) for step in (1, -1))
    assert one.threshold == pytest.approx(other.threshold)
    assert one.calibration.slope == pytest.approx(other.calibration.slope)


@pytest.mark.parametrize("z", [[0.3, 0.3, 0.3, 0.3], [1.0, 2.0, -2.0, -1.0]])
@pytest.mark.parametrize("method", ["none", "platt", "temperature"])
def test_uninformative_predictions_fall_back_to_one_half_and_say_so(z: list[float], method: str) -> None:
    decision = fit_decision([0, 0, 1, 1], z, settings=DecisionPlan(calibration=method), **NAMES)  # type: ignore[arg-type]
    assert decision.threshold == 0.5
    assert "no threshold" in decision.rule


def test_a_model_that_ranks_the_wrong_way_round_is_not_turned_by_calibration() -> None:
    decision = fit_decision([0, 0, 0, 1], [1.0, 2.0, 3.0, -2.0], **NAMES)
    assert decision.calibration.slope == 0
    assert "no better than chance" in decision.calibration.note
    assert decision.calibrated(9.0) == decision.calibrated(-9.0) < 0.5


def test_a_sensitivity_that_is_wanted_is_reached_with_the_largest_threshold() -> None:
    y, z = logits_of(60)
    settings = DecisionPlan(threshold="sensitivity", sensitivity=0.9)
    decision = fit_decision(y, z, settings=settings, **NAMES)
    p = np.array([decision.calibrated(v) for v in z])
    assert (p[y == 1] >= decision.threshold).mean() == pytest.approx(0.9)
    assert (p[y == 1] > decision.threshold + 0.1).mean() < 0.9
    assert "sensitivity of at least 0.9" in decision.rule


def test_a_probability_between_or_beyond_the_limits_is_undecided_or_decided() -> None:
    y, z = logits_of(200)
    decision = fit_decision(y, z, **NAMES)
    assert decision.outcomes_possible(0.99) == ("rn",)
    assert decision.outcomes_possible(0.01) == ("progression",)
    assert decision.outcomes_possible(0.5) == ("rn", "progression")
    assert [decision.verdict(p) for p in (0.99, 0.01, 0.5)] == ["rn", "progression", UNDECIDED]


def test_a_probability_that_is_strange_for_either_outcome_is_undecided() -> None:
    y = np.repeat([0, 1], 20)
    decision = fit_decision(y, np.repeat([-3.0, 3.0], 20), settings=PLAIN, **NAMES)
    assert decision.conformal is not None
    assert decision.conformal.negative_up_to < 0.5 < decision.conformal.positive_from
    assert decision.outcomes_possible(0.5) == ("rn", "progression")


def test_with_few_lesions_both_outcomes_stay_possible() -> None:
    decision = fit_decision([0, 0, 1, 1], [-2.0, -1.0, 1.0, 2.0], **NAMES)
    assert decision.verdict(0.999) == decision.verdict(0.001) == UNDECIDED


def test_one_outcome_alone_is_an_error() -> None:
    with pytest.raises(SettingError, match="same outcome"):
        fit_decision([1, 1], [0.2, 0.3], **NAMES)


@pytest.mark.parametrize("n", [4, 60])
def test_a_decision_is_stored_as_json_without_infinity(tmp_path: Path, n: int) -> None:
    decision = fit_decision(*logits_of(n), **NAMES)
    write_artefact(tmp_path / "decision.json", decision)
    assert "Infinity" not in (tmp_path / "decision.json").read_text()
    assert read_artefact(tmp_path / "decision.json", Decision, made_by="rnnet_evaluate") == decision


def test_a_decision_of_an_older_version_has_its_threshold_alone(tmp_path: Path) -> None:
    path = tmp_path / "decision.json"
    path.write_text('{"schema_version": 1, "threshold": 0.4, "rule": "r", "n_cases": 9, "positive_outcome": "rn"}')
    old = read_artefact(path, Decision, made_by="rnnet_evaluate")
    assert old.calibrated(0.0) == 0.5
    assert old.verdict(0.9) == UNDECIDED
    assert fixed_threshold(0.4, positive_outcome="rn").is_positive(0.4)
