"""How often intervals and conformal sets hold what they promise, on scores that were made up for it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from rnnet.evaluation import clustered_bootstrap, conformal_set, delong_ci, obuchowski_auc

pytestmark = pytest.mark.slow
N_RUNS = 200


def holds(y: np.ndarray, scores: np.ndarray, patients: np.ndarray, true: float, seed: int) -> bool:
    found = clustered_bootstrap(y, scores, patients, n_resamples=300, seed=seed)
    return found.low <= true <= found.high


def pooled_out_of_fold(y: np.ndarray, x: np.ndarray, seed: int) -> np.ndarray:
    """Logits (n,) of a logistic regression, each lesion by the model of five that never saw it."""
    logits = np.zeros(y.size)
    for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
        logits[test] = LogisticRegression().fit(x[train], y[train]).decision_function(x[test])
    return logits


def test_the_bootstrap_covers_fixed_scores_but_too_seldom_pooled_folds_of_outcomes_that_nothing_predicts() -> None:
    rng = np.random.default_rng(0)
    y = np.r_[np.ones(10, int), np.zeros(20, int)]
    patients = np.arange(30)
    fixed = [holds(y, rng.normal(size=30), patients, 0.5, i) for i in range(N_RUNS)]
    pooled = [holds(y, pooled_out_of_fold(y, rng.normal(size=(30, 5)), i), patients, 0.5, i) for i in range(N_RUNS)]
    assert np.mean(fixed) >= 0.91
    assert 0.76 <= np.mean(pooled) <= 0.91  # what the note below a cross-validation table says


def test_by_patient_the_bootstrap_and_obuchowski_cover_clustered_lesions_where_delong_does_not() -> None:
    rng = np.random.default_rng(1)
    patient, shift = np.repeat(np.arange(40), 3), 1.2
    y = patient % 2
    true, found = stats.norm.cdf(shift / np.sqrt(2)), []
    for i in range(N_RUNS):
        scores = np.sqrt(0.5) * (rng.normal(size=40)[patient] + rng.normal(size=120)) + shift * y
        clustered, plain = obuchowski_auc(y, scores, patient), delong_ci(y, scores)
        found.append((holds(y, scores, patient, true, i), clustered.low <= true <= clustered.high,
                      plain.low <= true <= plain.high))
    by_bootstrap, by_obuchowski, by_delong = np.mean(found, axis=0)
    assert min(by_bootstrap, by_obuchowski) >= 0.90
    assert by_delong <= 0.88


@pytest.mark.parametrize(("n_positive", "n_negative", "alpha"), [(11, 30, 0.1), (20, 15, 0.2), (8, 40, 0.1)])
def test_conformal_sets_cover_each_outcome_as_promised(n_positive: int, n_negative: int, alpha: float) -> None:
    rng = np.random.default_rng(2)
    y = np.r_[np.ones(n_positive, int), np.zeros(n_negative, int)]
    covered = []
    for _ in range(2000):
        scores, new = rng.normal(size=y.size) + 1.2 * y, rng.normal(loc=(0.0, 1.2))  # one new lesion an outcome
        covered.append(np.diag(conformal_set(y, scores, new, alpha=alpha)))
    assert (np.mean(covered, axis=0) >= 1 - alpha - 0.02).all()  # two percent: three standard errors
