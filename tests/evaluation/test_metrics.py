from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from rnnet.core.errors import SettingError
from rnnet.evaluation.metrics import classification_metrics


def test_the_figures_agree_with_scikit_learn():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 80)
    p = np.round(np.clip(rng.random(80) * 0.7 + 0.3 * y, 0, 1), 1)  # ties, also at the threshold
    m = classification_metrics(y, p, threshold=0.5)
    called = p >= 0.5
    assert m.auc == pytest.approx(sk.roc_auc_score(y, p))
    assert m.accuracy == pytest.approx(sk.accuracy_score(y, called))
    assert m.balanced_accuracy == pytest.approx(sk.balanced_accuracy_score(y, called))
    assert m.sensitivity == pytest.approx(sk.recall_score(y, called))
    assert m.specificity == pytest.approx(sk.recall_score(y, called, pos_label=0))
    assert m.ppv == pytest.approx(sk.precision_score(y, called))
    assert m.npv == pytest.approx(sk.precision_score(y, called, pos_label=0))
    assert m.f1 == pytest.approx(sk.f1_score(y, called))
    assert m.brier == pytest.approx(np.mean((p - y) ** 2))
    assert (m.n_positive, m.n_negative) == (y.sum(), 80 - y.sum())


def test_a_probability_on_the_threshold_is_called_positive():
    assert classification_metrics([0, 1], [0.2, 0.5], threshold=0.5).sensitivity == 1.0


def test_a_predictive_value_without_calls_is_undefined():
    none_positive = classification_metrics([0, 1], [0.1, 0.2], threshold=0.9)
    assert (none_positive.ppv, none_positive.npv, none_positive.f1) == (None, 0.5, 0.0)
    assert classification_metrics([0, 1], [0.1, 0.2], threshold=0.0).npv is None


@pytest.mark.parametrize(("y", "p", "threshold", "message"), [
    ([], [], 0.5, "no lesion to evaluate"),
    ([1, 1], [0.1, 0.2], 0.5, "same outcome \\(positive\\)"),
    ([0, 0], [0.1, 0.2], 0.5, "same outcome \\(negative\\)"),
    ([0, 2], [0.1, 0.2], 0.5, "must be 0 or 1"),
    ([0, 1], [0.1, float("nan")], 0.5, "1 scores are not finite"),
    ([0, 1], [-3.0, 2.0], 0.5, "between 0 and 1"),
    ([0, 1, 1], [0.1, 0.2], 0.5, "equal length"),
    ([0, 1], [0.1, 0.2], 1.5, "threshold must lie"),
    ([0, 1], [0.1, 0.2], float("nan"), "threshold must lie"),
])
def test_what_cannot_be_evaluated_is_named(y, p, threshold, message):
    with pytest.raises(SettingError, match=message):
        classification_metrics(y, p, threshold=threshold)
