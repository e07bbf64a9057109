from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import check_estimator

from rnnet.features.filters import CorrelationFilter, VarianceFilter, association
from rnnet.features.selection import select_features, selection_pipeline
from rnnet.features.sparse import PenalisedSelector, StabilitySelector
from rnnet.planning.plan import FeaturesPlan
from tests.features.rows import make_rows, table_of


def check(estimator: BaseEstimator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)  # checks that need a package that is not there
        check_estimator(estimator)


@pytest.mark.parametrize("estimator", [VarianceFilter(), CorrelationFilter(), StabilitySelector(n_pairs=3)])
def test_the_transformers_pass_scikit_learns_checks(estimator: BaseEstimator) -> None:
    check(estimator)


@pytest.mark.slow
@pytest.mark.parametrize("penalty", ["lasso", "elastic_net"])
def test_the_penalised_selectors_pass_scikit_learns_checks(penalty: str) -> None:
    check(PenalisedSelector(penalty, n_folds=2))  # type: ignore[arg-type]


@st.composite
def tables(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """(x (n, f), y (n,), order of the columns): with copies, mirror images and near copies of columns, and ties."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, f = draw(st.integers(6, 20)), draw(st.integers(2, 5))
    x = rng.standard_normal((n, f))
    if draw(st.booleans()):
        x = np.round(x)
    x = np.hstack([x, x[:, :2], -x[:, :1], x[:, :1] + 0.1 * rng.standard_normal((n, 1))])
    y = rng.integers(0, 2, n)
    y[:2] = 0, 1
    return x, y, draw(st.permutations(range(x.shape[1])))


@settings(max_examples=25, deadline=None)
@given(tables())
def test_which_of_a_correlated_pair_stays_does_not_depend_on_the_order_of_columns(
    drawn: tuple[np.ndarray, np.ndarray, list[int]]
) -> None:
    x, y, order = drawn
    names = np.array([f"f{i}" for i in range(x.shape[1])])
    kept = CorrelationFilter().fit(pd.DataFrame(x, columns=names), y).get_feature_names_out()
    shuffled = CorrelationFilter().fit(pd.DataFrame(x[:, order], columns=names[order]), y).get_feature_names_out()
    assert set(kept) == set(shuffled)
    # Without names the content decides: the same columns come out.
    one, two = (CorrelationFilter().fit_transform(rows, y) for rows in (x, x[:, order]))
    assert sorted(map(tuple, one.T)) == sorted(map(tuple, two.T))


@settings(max_examples=6, deadline=None)
@given(st.permutations(range(8)), st.sampled_from(["lasso", "elastic_net", "stability"]))
def test_the_whole_selection_does_not_depend_on_the_order_of_columns(order: list[int], selector: str) -> None:
    table, y, groups = make_rows(n=24, f=8)
    plan = FeaturesPlan(selector=selector, lasso_folds=2)  # type: ignore[arg-type]
    shuffled = table.select([table.names[i] for i in order])
    assert select_features(shuffled, y, groups, plan, 0) == select_features(table, y, groups, plan, 0)


def test_of_a_correlated_pair_the_more_associated_one_stays_then_the_first_name() -> None:
    y = np.array([0, 0, 0, 1, 1, 1])
    strong, weak = np.array([1.0, 2, 3, 4, 5, 6]), np.array([1.0, 2, 4, 3, 5, 6])
    rows = pd.DataFrame({"a": weak, "b": strong, "c": -strong})
    assert list(CorrelationFilter(0.9).fit(rows, y).get_feature_names_out()) == ["b"]
    assert list(CorrelationFilter(0.9).fit(rows[["c", "b", "a"]], y).get_feature_names_out()) == ["b"]


def test_association_is_the_distance_of_the_auc_from_one_half() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    y = (rng.random(40) < 0.3).astype(int)
    x = np.round(rng.standard_normal((40, 5)) + y[:, None] * np.arange(5), 1)
    expected = [abs(roc_auc_score(y, column) - 0.5) for column in x.T]
    np.testing.assert_allclose(association(x, y) / (y.mean() * (1 - y.mean())), expected, atol=1e-9)


def test_no_varying_column_is_an_error_of_the_variance_filter() -> None:
    with pytest.raises(ValueError, match="None of the 2 features varies"):
        VarianceFilter().fit(np.ones((4, 2)))


@pytest.mark.parametrize("selector", ["elastic_net", "stability"])
def test_each_selector_finds_the_informative_feature(selector: str) -> None:
    table, y, groups = make_rows()
    selection = select_features(table, y, groups, FeaturesPlan(selector=selector), 0)  # type: ignore[arg-type]
    assert "f0" in selection.names
    assert selection.remaining[-1] == (selector.replace("_", " ").replace("stability", "stability selection"),
                                       len(selection.names))


def test_elastic_net_keeps_correlated_features_together_where_lasso_takes_one() -> None:
    rng = np.random.default_rng(1)
    y = np.arange(120) % 2
    base = rng.standard_normal(120) + y
    x = np.column_stack([base + 0.5 * rng.standard_normal(120) for _ in range(4)] + [rng.standard_normal((120, 20))])
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    lasso, net = (PenalisedSelector(p, random_state=0).fit(x, y).get_support()[:4].sum()  # type: ignore[arg-type]
                  for p in ("lasso", "elastic_net"))
    assert net == 4
    assert lasso <= net


def test_stability_selection_keeps_hardly_any_noise() -> None:
    y = np.arange(60) % 2
    false = 0
    for seed in range(5):
        x = np.random.default_rng(seed).standard_normal((60, 50))
        selector = StabilitySelector(n_pairs=20, random_state=seed).fit(x, y)
        false += int((selector.weights_ > 0).sum())
    assert false <= 5  # expected_false is 1 a run


def test_a_selector_that_keeps_nothing_says_so_and_keeps_the_strongest() -> None:
    x = np.random.default_rng(0).standard_normal((40, 30))
    selector = StabilitySelector(threshold=1.0, n_pairs=5, random_state=0).fit(x, np.arange(40) % 2)
    assert selector.get_support().sum() == 5
    assert selector.note_ == (
        "No feature reached 1 of the subsamples. The 5 features with the strongest univariate association stay.")


def test_the_pipeline_is_the_published_order_of_steps() -> None:
    steps = selection_pipeline(FeaturesPlan(), 0)
    assert [type(step).__name__ for _, step in steps.steps] == [
        "SimpleImputer", "VarianceFilter", "CorrelationFilter", "StandardScaler", "PenalisedSelector"]
    table, y, groups = make_rows()
    x = steps.fit_transform(pd.DataFrame(table.values, columns=table.names), y, select__groups=groups)
    selection = select_features(table, y, groups, FeaturesPlan(), 0)
    assert tuple(x.columns) == selection.names
    np.testing.assert_allclose(x, selection.transform(table_of(table.values)), atol=1e-12)
