from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from rnnet.core.errors import SettingError
from rnnet.evaluation import holm, nadeau_bengio_ttest

A, B = [0.91, 0.88, 0.95, 0.83, 0.90], [0.87, 0.86, 0.90, 0.84, 0.85]


def test_the_published_test_is_the_paired_t_test_and_the_corrected_one_is_smaller_by_the_ratio() -> None:
    found = nadeau_bengio_ttest(A, B, 80, 20)
    plain = stats.ttest_rel(A, B)
    assert (found.t_uncorrected, found.p_uncorrected) == pytest.approx((plain.statistic, plain.pvalue))
    # Five folds: the variance 1/5 becomes 1/5 + 1/4.
    assert found.t == pytest.approx(plain.statistic / 1.5)
    assert found.p_value == pytest.approx(2 * stats.t.sf(found.t, 4))
    assert found.low < 0 < found.difference < found.high


def test_sizes_may_differ_between_folds() -> None:
    found = nadeau_bengio_ttest(A, B, [80, 80, 80, 80, 100], [20, 20, 20, 20, 25])
    assert found == nadeau_bengio_ttest(A, B, 80, 20)


def test_equal_models_have_p_one() -> None:
    found = nadeau_bengio_ttest(A, A, 80, 20)
    assert (found.t, found.p_value, found.p_uncorrected) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize(("a", "b", "n_train", "n_test", "message"), [
    ([0.9, 0.8], [0.8, 0.7], 80, 20, "in every fold"),
    ([0.9], [0.8], 80, 20, "at least two"),
    ([], [], 80, 20, "at least two"),
    ([0.9, 0.8], [0.8], 80, 20, "one figure per fold"),
    ([0.9, float("nan")], [0.8, 0.7], 80, 20, "not a finite"),
    (A, B, 0, 20, "n_train must be above 0"),
    (A, B, 80, [20, 20], "n_test must be one number"),
])
def test_what_has_no_t_is_a_clear_error(a: Any, b: Any, n_train: Any, n_test: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        nadeau_bengio_ttest(a, b, n_train, n_test)


def test_holm_steps_down_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([0.5, 0.9]) == (1.0, 1.0)
    assert holm([]) == ()
    assert np.all(np.array(holm([0.2, 0.01])) >= [0.2, 0.01])


def test_holm_refuses_what_is_no_p_value() -> None:
    with pytest.raises(SettingError, match="between 0 and 1"):
        holm([0.2, float("nan")])
