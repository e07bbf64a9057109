from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnet.core.errors import SettingError
from rnnet.evaluation import decision_curve, net_benefit

Y, P = [1, 1, 0, 0, 0], [0.9, 0.3, 0.6, 0.2, 0.1]


def test_net_benefit_weighs_false_positives_by_the_odds_of_the_threshold() -> None:
    # At 0.25: two true and one false positive of five lesions, odds 1/3. A probability on the threshold counts.
    assert net_benefit(Y, P, [0.25, 0.6]).tolist() == pytest.approx([2 / 5 - 1 / 5 / 3, 1 / 5 - 1 / 5 * 1.5])
    assert net_benefit(Y, P, 0.25) == pytest.approx(1 / 3)


def test_at_threshold_zero_the_model_treats_all() -> None:
    curve = decision_curve(Y, P, [0.0, 0.5])
    assert curve.model[0] == curve.treat_all[0] == pytest.approx(2 / 5)
    assert curve.treat_all[1] == pytest.approx(2 / 5 - 3 / 5)
    assert curve.treat_none.tolist() == [0.0, 0.0]


def test_a_probability_of_zero_is_never_treated_as_in_dcurves() -> None:
    # dcurves 1.1.7 gives these values.
    found = net_benefit([1, 0, 1, 0, 1, 0], [0.0, 0.0, 1.0, 1.0, 0.6, 0.2], [0.0, 0.5, 0.99])
    assert found.tolist() == pytest.approx([1 / 3, 1 / 6, 1 / 6 - 99 / 6])


def test_the_default_curve_has_99_finite_points() -> None:
    curve = decision_curve(Y, P)
    assert curve.thresholds.shape == (99,)
    assert np.isfinite(curve.model).all()


@pytest.mark.parametrize(("y", "p", "cuts", "message"), [
    (Y, P, [1.0], "below 1"), (Y, P, [-0.1], "at least 0"), (Y, P, [], "at least 0"),
    (Y, P, [float("nan")], "at least 0"),
    ([1, 1], [0.1, 0.2], [0.5], "same outcome"), (Y, [2, 1, 1, 1, 1], [0.5], "between 0 and 1"), ([], [], [0.5], "no"),
])
def test_degenerate_input_is_a_clear_error(y: Any, p: Any, cuts: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        net_benefit(y, p, cuts)
