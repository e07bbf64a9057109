from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from rnnet.core.errors import SettingError
from rnnet.evaluation import delong_ci, delong_test, obuchowski_auc

Y = [0, 0, 1, 1, 1]
A = [0.1, 0.4, 0.35, 0.8, 0.9]
BAD: list[tuple[Any, Any, str]] = [
    ([], [], "no lesion"),
    ([1, 1], [0.1, 0.2], "same outcome"),
    ([0, 1, 1], [0.1, 0.2], "equal length"),
    ([0, 1, 1], [0.1, float("nan"), 0.2], "not finite"),
    ([0, 1, 2], [0.1, 0.2, 0.3], "0 or 1"),
    ([0, float("nan"), 1], [0.1, 0.2, 0.3], "0 or 1"),
    ([0, 1, 1], ["low", "high", "high"], "must be numbers"),
    ([0, 1, 1], [[0.1], [0.2, 0.3]], "must be numbers"),
    ([[0], [1, 1]], [0.1, 0.2, 0.3], "list of 0 and 1"),
    ([0, 1, 1], np.ma.masked_array([0.1, 0.2, 0.3], mask=[0, 1, 0]), "masked"),
    (np.ma.masked_array([0, 1, 1], mask=[0, 1, 0]), [0.1, 0.2, 0.3], "masked"),
]


@pytest.mark.parametrize("function", [lambda y, p: delong_ci(y, p), lambda y, p: delong_test(y, p, p)])
@pytest.mark.parametrize(("y", "p", "message"), BAD)
def test_degenerate_input_is_a_clear_error(
    function: Callable[[Any, Any], object], y: Any, p: Any, message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        function(y, p)


def test_identical_scores_have_p_one() -> None:
    found = delong_test(Y, A, A)
    assert (found.z, found.p_value, found.difference) == (0.0, 1.0, 0.0)


def test_scores_of_one_order_have_p_one_whatever_their_size() -> None:
    assert delong_test(Y, A, np.log(A)).p_value == 1.0


def test_aucs_that_differ_without_variance_have_no_z() -> None:
    with pytest.raises(SettingError, match="variance is 0"):
        delong_test([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], [0.9, 0.8, 0.2, 0.1])


def test_the_test_is_antisymmetric() -> None:
    b = [0.3, 0.2, 0.6, 0.1, 0.7]
    one, other = delong_test(Y, A, b), delong_test(Y, b, A)
    assert (one.auc_a, one.auc_b) == (other.auc_b, other.auc_a)
    assert one.z == pytest.approx(-other.z)
    assert one.p_value == pytest.approx(other.p_value)
    assert one.low < one.difference < one.high


def test_perfect_separation_has_an_interval_without_width_and_says_so() -> None:
    found = delong_ci([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert (found.auc, found.low, found.high) == (1.0, 1.0, 1.0)
    assert "standard error is 0" in found.note


def test_all_scores_tied_is_one_half_without_width() -> None:
    found = delong_ci(Y, [0.3] * 5)
    assert (found.auc, found.low, found.high) == (0.5, 0.5, 0.5)
    assert found.note


@pytest.mark.parametrize("y", [[0, 0, 1], [1, 1, 0]])
def test_one_lesion_of_an_outcome_has_no_variance(y: list[int]) -> None:
    with pytest.raises(SettingError, match="two lesions of each"):
        delong_ci(y, [0.1, 0.3, 0.2])


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_a_level_outside_zero_to_one_is_refused(level: float) -> None:
    with pytest.raises(SettingError, match="level"):
        delong_ci(Y, A, level)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=30))
def test_aucs_are_those_of_scikit_learn_and_no_value_is_nan(rows: list[tuple[int, int, int]]) -> None:
    y, a, b = (np.array(column) for column in zip(*rows, strict=True))
    try:
        found, interval = delong_test(y, a, b), delong_ci(y, a)
    except SettingError:
        return
    assert found.auc_a == pytest.approx(roc_auc_score(y, a))
    assert found.auc_b == pytest.approx(roc_auc_score(y, b))
    assert 0 <= found.p_value <= 1
    assert np.isfinite(found.z)
    assert 0 <= interval.low <= interval.auc <= interval.high <= 1
    assert obuchowski_auc(y, a, np.arange(len(y))).standard_error == pytest.approx(interval.standard_error)
