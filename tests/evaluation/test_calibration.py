from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnet.core.errors import SettingError
from rnnet.evaluation import calibration_slope_intercept
from rnnet.evaluation.calibration import fit_calibration


def sample(n: int, slope: float, intercept: float) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes that come true with sigmoid(slope x logit + intercept)."""
    rng = np.random.default_rng(1)
    logits = rng.normal(size=n) * 2
    return (rng.random(n) < 1 / (1 + np.exp(-(slope * logits + intercept)))).astype(int), logits


def test_slope_and_intercept_of_overconfident_predictions_are_found() -> None:
    y, logits = sample(20000, 0.5, -0.7)
    found = calibration_slope_intercept(y, 1 / (1 + np.exp(-logits)))
    slope, intercept = found
    assert (slope, intercept) == (found.slope, found.intercept)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert intercept == pytest.approx(-0.7, abs=0.05)
    assert found.in_the_large < 0


def test_two_groups_have_the_line_through_their_observed_odds() -> None:
    # Closed form: predicted odds 1/3 and 3, observed odds 1/4 and 4.
    y, p = [1] + [0] * 4 + [1] * 4 + [0], [0.25] * 5 + [0.75] * 5
    found = calibration_slope_intercept(y, p)
    assert found.slope == pytest.approx(np.log(4) / np.log(3))
    assert found.intercept == pytest.approx(0, abs=1e-12)
    assert found.in_the_large == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("y", "p", "message"), [
    ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], "separate"),
    ([0, 0, 1, 1], [0.1, 0.2, 0.2, 0.4], "separate"),
    ([1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4], "separate"),
    ([0, 1, 0, 1], [0.3, 0.3, 0.3, 0.3], "equal"),
    ([0, 1, 0, 1], [0.0, 0.3, 0.5, 0.2], "exactly 0 or 1"),
    ([0, 1, 0, 1], [0.1, 1.3, 0.5, 0.2], "between 0 and 1"),
    ([1, 1], [0.1, 0.3], "same outcome"),
    ([], [], "no lesion"),
    ([0, 1], [0.1, float("nan")], "not finite"),
    ([0, 1], [0.1], "equal length"),
])
def test_what_has_no_slope_is_a_clear_error(y: Any, p: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        calibration_slope_intercept(y, p)


@pytest.mark.parametrize("method", ["platt", "temperature"])
def test_calibration_undoes_overconfidence(method: Any) -> None:
    y, logits = sample(20000, 0.4, 0.0)
    found = fit_calibration(y, logits, method)
    assert found.slope == pytest.approx(0.4, abs=0.03)
    assert found.intercept == pytest.approx(0.0, abs=0.05)


def test_separated_outcomes_keep_finite_probabilities_by_platts_targets() -> None:
    found = fit_calibration([0, 0, 1, 1], [-4.0, -3.0, 3.0, 4.0], "platt")
    p = found.probabilities([-3.5, 3.5])
    # Platt's targets for two lesions of each outcome: 1/4 and 3/4.
    assert p.tolist() == pytest.approx([0.25, 0.75], abs=0.02)


def test_equal_logits_give_the_share_of_the_positive_outcome() -> None:
    found = fit_calibration([0, 0, 0, 1], [2.0] * 4, "platt")
    assert found.slope == 0
    assert found.probabilities([2.0]).tolist() == pytest.approx([(3 * 1 / 5 + 2 / 3) / 4])


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_size_of_the_logits_does_not_matter(scale: float) -> None:
    y, logits = sample(200, 0.5, 0.3)
    one, other = (fit_calibration(y, logits * s, "platt") for s in (1.0, scale))
    assert other.slope * scale == pytest.approx(one.slope)
    assert other.intercept == pytest.approx(one.intercept)
