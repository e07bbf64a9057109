from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from rnnet.evaluation import group_tests
from rnnet.evaluation.group_tests import FISHER, FISHER_DRAWN, compare_categories, compare_numeric


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_two_by_two_table_has_the_p_value_of_the_tea_tasting() -> None:
    found = compare_categories([[3, 1], [1, 3]], rng())
    assert found.test == FISHER
    assert found.value == pytest.approx(34 / 70)


def test_a_larger_table_has_its_exact_p_value() -> None:
    # Second columns (1,4,0), (1,0,4), (4,1,0), (4,0,1), (0,5,0), (0,0,5) are no more probable: 52 of C(14, 5) = 2002.
    found = compare_categories([[3, 1], [1, 4], [5, 0]], rng())
    assert found.test == FISHER
    assert found.value == pytest.approx(2 / 77)


@settings(max_examples=25, deadline=None)
@given(arrays(np.int64, st.tuples(st.integers(2, 4), st.integers(2, 3)), elements=st.integers(0, 3)))
def test_exact_p_values_agree_with_drawn_ones(table: np.ndarray) -> None:
    found = compare_categories(table, rng())
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    if (rows > 0).sum() < 2 or (columns > 0).sum() < 2:
        assert found.value is None
        return
    dist = stats.random_table(rows, columns)
    drawn = dist.logpmf(dist.rvs(4000, random_state=1)) <= dist.logpmf(table) + 1e-9
    assert found.value == pytest.approx(drawn.mean(), abs=0.04)


def test_a_table_with_very_many_others_is_compared_with_random_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    # The published p-value of this example (Agresti 2002, table 2.8, as given by R's fisher.test) is 0.7827.
    monkeypatch.setattr(group_tests, "DRAWN_TABLES", 5000)
    job = [[1, 2, 1, 0], [3, 3, 6, 1], [10, 10, 14, 9], [6, 7, 12, 11]]
    found = compare_categories(job, rng())
    assert found.test == FISHER_DRAWN
    assert found.value == pytest.approx(0.7827, abs=0.02)
    assert compare_categories(job, rng()) == found
    far = compare_categories(np.diag([12] * 4), rng())
    assert far.value == 1 / 5001  # never 0


def test_empty_categories_and_groups_take_no_part() -> None:
    assert compare_categories([[3, 0, 1], [0, 0, 0], [1, 0, 3]], rng()).value == pytest.approx(34 / 70)
    assert compare_categories([[3, 4], [0, 0]], rng()).reason == "constant"
    assert compare_categories([[3, 0], [4, 0]], rng()).reason == "one group"
    assert compare_categories([[0, 0], [0, 0]], rng()).reason == "one group"


def test_normal_groups_are_compared_by_welch_and_others_by_ranks() -> None:
    a, b = stats.norm.ppf(np.linspace(0.05, 0.95, 20)), 1 + 3 * stats.norm.ppf(np.linspace(0.05, 0.95, 15))
    found = compare_numeric([a, b])
    assert (found.test, found.value) == ("Welch t", pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue))
    skewed = np.exp(3 * a)
    found = compare_numeric([skewed, b])
    assert (found.test, found.value) == ("Mann-Whitney", pytest.approx(stats.mannwhitneyu(skewed, b).pvalue))
    assert compare_numeric([a, b, a + 1]).test == "ANOVA"
    assert compare_numeric([a, b, skewed]).test == "Kruskal-Wallis"


def test_fewer_than_three_values_are_not_taken_for_normal() -> None:
    found = compare_numeric([[1.0, 2.0], [3.0, 4.0, 5.5]])
    assert (found.test, found.value) == ("Mann-Whitney", pytest.approx(0.2))


def test_without_a_second_group_or_any_difference_there_is_a_reason() -> None:
    assert (compare_numeric([[1.0, 2.0], []]).value, compare_numeric([[1.0, 2.0], []]).reason) == (None, "one group")
    assert compare_numeric([[2.0, 2.0, 2.0], [2.0, 2.0]]).reason == "constant"
    one_constant = compare_numeric([[2.0, 2.0, 2.0], [1.0, 3.0, 4.0]])
    assert one_constant.test == "Mann-Whitney"
    assert one_constant.value is not None
