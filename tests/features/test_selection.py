from __future__ import annotations

import math
import time

import numpy as np
import pytest

from rnnet.core.codec import from_plain, to_plain
from rnnet.core.errors import DatasetError
from rnnet.features.selection import FittedSelection, select_features
from rnnet.features.sparse import FALLBACK_COUNT
from rnnet.features.table import FeatureTable
from rnnet.planning.plan import FeaturesPlan
from tests.features.rows import make_rows, table_of

PLAN = FeaturesPlan()


def with_column(table: FeatureTable, name: str, column: np.ndarray) -> FeatureTable:
    return table.join(FeatureTable(table.case_ids, (name,), np.reshape(column, (-1, 1))))


def counts(selection: FittedSelection) -> list[int]:
    return [count for _, count in selection.remaining]


def test_the_informative_feature_is_kept_with_the_largest_weight() -> None:
    selection = select_features(*make_rows(), PLAN, 0)
    assert selection.names[int(np.argmax(np.abs(selection.weights)))] == "f0"
    assert selection.note == ""


def test_kept_training_columns_are_z_scored() -> None:
    table, y, groups = make_rows()
    x = select_features(table, y, groups, PLAN, 0).transform(table)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-12)


def test_low_variance_constant_and_empty_features_are_dropped() -> None:
    table, y, groups = make_rows()
    signal = np.array(y, dtype=float)
    table = with_column(table, "small_unit", signal * 0.15)  # variance .0050
    table = with_column(table, "constant", np.full(len(y), 1e6))
    table = with_column(table, "empty", np.full(len(y), math.nan))
    selection = select_features(table, y, groups, PLAN, 0)
    assert counts(selection)[:3] == [15, 14, 12]
    free_of_units = FeaturesPlan(minimum_variance=0.0)
    assert "small_unit" in select_features(table, y, groups, free_of_units, 0).names


def test_of_two_correlated_features_the_more_associated_one_stays() -> None:
    table, y, groups = make_rows()
    weaker = table.values[:, 0] - 0.7 * np.array(y)
    assert np.corrcoef(weaker, table.values[:, 0])[0, 1] > PLAN.maximum_correlation
    selection = select_features(with_column(table, "a_weaker_f0", weaker), y, groups, PLAN, 0)
    assert counts(selection)[2] - counts(selection)[3] == 1
    assert "f0" in selection.names
    assert "a_weaker_f0" not in selection.names


def test_identical_features_are_decided_by_name() -> None:
    table, y, groups = make_rows()
    selection = select_features(with_column(table, "a_twin", 5 * table.values[:, 0] + 3), y, groups, PLAN, 0)
    assert "a_twin" in selection.names
    assert "f0" not in selection.names


def test_no_kept_pair_is_correlated_above_the_limit() -> None:
    rng = np.random.default_rng(3)
    values = rng.standard_normal((50, 4)) @ rng.standard_normal((4, 30)) + 0.2 * rng.standard_normal((50, 30))
    y = [int(v > 0) for v in values[:, 0] + rng.standard_normal(50)]
    table = table_of(values)
    selection = select_features(table, y, None, PLAN, 0)
    r = np.atleast_2d(np.corrcoef(table.select(selection.names).values.T))
    assert np.abs(r - np.eye(len(r))).max() <= PLAN.maximum_correlation + 1e-9
    assert counts(selection)[3] < 30


def test_the_order_of_columns_does_not_matter() -> None:
    table, y, groups = make_rows()
    shuffled = table.select([table.names[i] for i in np.random.default_rng(5).permutation(len(table.names))])
    assert select_features(shuffled, y, groups, PLAN, 0) == select_features(table, y, groups, PLAN, 0)


def test_forty_percent_missing_values_leave_a_working_selection() -> None:
    table, y, groups = make_rows(n=100)
    holes = np.random.default_rng(2).random(table.values.shape) < 0.4
    table = table_of(np.where(holes, math.nan, table.values))
    selection = select_features(table, y, groups, PLAN, 0)
    assert "f0" in selection.names
    assert np.isfinite(selection.transform(table)).all()


def test_missing_values_of_new_rows_become_the_training_median() -> None:
    table, y, groups = make_rows()
    selection = select_features(table, y, groups, PLAN, 0)
    place = selection.names.index("f0")
    new = selection.transform(table_of(np.full((1, 12), math.nan)))
    median = float(np.median(table.values[:, 0]))
    assert new[0, place] == pytest.approx((median - table.values[:, 0].mean()) / table.values[:, 0].std())


def test_when_lasso_keeps_nothing_the_best_few_stay_and_it_is_said() -> None:
    table, _, _ = make_rows(n=8)
    selection = select_features(table, [0, 0, 0, 0, 1, 1, 1, 1], ["p"] * 4 + ["q"] * 4, PLAN, 0)
    assert len(selection.names) == FALLBACK_COUNT
    assert "LASSO needs two patients of each outcome" in selection.note


def test_the_same_seed_gives_the_same_selection() -> None:
    assert select_features(*make_rows(), PLAN, 4) == select_features(*make_rows(), PLAN, 4)


def test_one_outcome_or_constant_features_are_errors() -> None:
    table, y, groups = make_rows()
    with pytest.raises(DatasetError, match="both outcomes"):
        select_features(table, [1] * len(y), groups, PLAN, 0)
    with pytest.raises(DatasetError, match="None of the 1 features varies"):
        select_features(table_of(np.ones((len(y), 1))), y, groups, PLAN, 0)


def test_a_lacking_column_is_an_error() -> None:
    table, y, groups = make_rows()
    selection = select_features(table, y, groups, PLAN, 0)
    with pytest.raises(DatasetError, match="no column"):
        selection.transform(table.select([n for n in table.names if n != selection.names[0]]))


def test_the_fitted_selection_survives_json_types() -> None:
    selection = select_features(*make_rows(), PLAN, 0)
    assert from_plain(FittedSelection, to_plain(selection)) == selection


def test_a_full_radiomics_table_is_selected_within_seconds() -> None:
    table, y, groups = make_rows(n=80, f=1130)
    started = time.perf_counter()
    select_features(table, y, groups, PLAN, 0)
    assert time.perf_counter() - started < 10  # .3 s when idle; the generous limit still catches a quadratic loop
