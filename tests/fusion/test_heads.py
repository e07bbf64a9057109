from __future__ import annotations

import numpy as np
import pytest

from rnnet.core.errors import DatasetError, UnknownComponentError
from rnnet.fusion.random_forest import forest_of
from rnnet.fusion.table import FUSION_HEADS, balanced_weights
from rnnet.fusion.tuning import ForestSettings
from rnnet.planning.plan import FusionPlan

HEADS = ("logistic", "mlp", "random_forest")
PLAN = FusionPlan(hidden=(6,), l2_penalty=1.0, trees=30, tune=False)


def make_rows(n: int = 60, share: float = 0.5, signal: float = 2.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (np.arange(n) < share * n).astype(np.int64)
    x = rng.standard_normal((n, 4))
    x[:, 1] += signal * y
    return x, y


def auc(y: np.ndarray, score: np.ndarray) -> float:
    return float((score[y == 1][:, None] > score[y == 0]).mean())


def test_the_table_names_its_heads() -> None:
    assert set(HEADS) <= set(FUSION_HEADS)
    with pytest.raises(UnknownComponentError, match="Did you mean 'logistic'"):
        FUSION_HEADS.get("logistics")


@pytest.mark.parametrize("name", HEADS)
def test_a_head_separates_new_rows(name: str) -> None:
    head = FUSION_HEADS.get(name)(PLAN).fit(*make_rows(), seed=0)
    x, y = make_rows(seed=1)
    logits = head.logit(x)
    assert logits.shape == (60,)
    assert auc(y, logits) > 0.8
    assert logits[y == 1].mean() > 0 > logits[y == 0].mean()


@pytest.mark.parametrize("name", HEADS)
def test_arrays_restore_the_head_exactly(name: str) -> None:
    kind = FUSION_HEADS.get(name)
    head = kind(PLAN).fit(*make_rows(), seed=0)
    arrays = head.to_arrays()
    assert all(array.dtype.kind in "fi" for array in arrays.values())
    x, _ = make_rows(seed=1)
    np.testing.assert_array_equal(kind.load(arrays).logit(x), head.logit(x))


@pytest.mark.parametrize("name", HEADS)
def test_the_same_seed_gives_the_same_numbers(name: str) -> None:
    x, _ = make_rows(seed=1)
    first, second = (FUSION_HEADS.get(name)(PLAN).fit(*make_rows(), seed=5).logit(x) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["mlp", "random_forest"])
def test_another_seed_gives_other_numbers(name: str) -> None:
    x, _ = make_rows(seed=1)
    first, second = (FUSION_HEADS.get(name)(PLAN).fit(*make_rows(), seed=s).logit(x) for s in (5, 6))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("name", ["logistic", "mlp"])
def test_a_rare_outcome_is_not_voted_down(name: str) -> None:
    x, y = make_rows(n=200, share=0.1, signal=1.0)
    new_x, new_y = make_rows(n=200, share=0.1, signal=1.0, seed=1)
    sensitivity = (FUSION_HEADS.get(name)(PLAN).fit(x, y, seed=0).logit(new_x)[new_y == 1] > 0).mean()
    assert sensitivity >= 0.5  # without weights: below 0.2


def test_balanced_weights_give_both_outcomes_the_same_total() -> None:
    y = np.array([1, 0, 0, 0])
    weights = balanced_weights(y)
    assert weights[y == 1].sum() == weights[y == 0].sum() == 2.0


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("only", [0, 1])
def test_one_outcome_alone_is_an_error(name: str, only: int) -> None:
    with pytest.raises(DatasetError, match="both outcomes"):
        FUSION_HEADS.get(name)(PLAN).fit(np.zeros((4, 2)), np.full(4, only), seed=0)


def test_forest_arrays_give_scikit_learns_probabilities() -> None:
    from sklearn.ensemble import RandomForestClassifier

    x, y = make_rows(n=80, signal=0.7)
    for settings in ({}, {"max_depth": 3}, {"min_samples_leaf": 5}):
        model = RandomForestClassifier(25, class_weight="balanced", random_state=0, **settings).fit(x, y)
        forest = forest_of(model, ForestSettings())
        new_x, _ = make_rows(n=200, seed=1)
        np.testing.assert_allclose(forest.probability(new_x), model.predict_proba(new_x)[:, 1], atol=1e-12)
        splits = np.concatenate([tree.tree_.threshold for tree in model.estimators_])
        on_the_split = np.repeat(splits[:, None], 4, axis=1)
        np.testing.assert_allclose(
            forest.probability(on_the_split), model.predict_proba(on_the_split)[:, 1], atol=1e-12)


def test_forest_logits_stay_finite_where_all_trees_agree() -> None:
    x, y = make_rows(signal=50.0)
    logits = FUSION_HEADS.get("random_forest")(PLAN).fit(x, y, seed=0).logit(x)
    assert np.isfinite(logits).all()
    assert (1 / (1 + np.exp(-logits))).max() == pytest.approx(1 - 0.5 / PLAN.trees)


def test_mlp_logits_give_scikit_learns_probabilities() -> None:
    from sklearn.neural_network import MLPClassifier

    from rnnet.fusion.mlp import FittedMlp

    x, y = make_rows()
    model = MLPClassifier((5, 3), solver="lbfgs", alpha=1.0, max_iter=2000, random_state=0).fit(x, y)
    logits = FittedMlp(tuple(model.coefs_), tuple(model.intercepts_)).logit(x)
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), model.predict_proba(x)[:, 1], atol=1e-12)
