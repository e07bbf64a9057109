"""The last step of the selection as scikit-learn transformers: LASSO, elastic net and stability selection.

Import this module inside functions: it brings scikit-learn with it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import SelectorMixin
from sklearn.linear_model import ElasticNetCV, LassoCV, lars_path
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from rnnet.features.filters import association, strongest_first

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]

# How many features stay, the best by univariate association, when the selector leaves none or cannot be fitted.
FALLBACK_COUNT = 5
_ALPHA_COUNT = 40
_ALPHA_RANGE = 1e-2
# Share of the L1 part; 1 is LASSO itself, below .2 next to nothing is set to zero.
_L1_RATIOS = (0.2, 0.5, 0.8, 1.0)


class _Selector(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """What the selectors share: weights decide, and where there are none the strongest few features stay.

    Attributes after fit: weights_ (f,), support_ (f,) bool, note_: what was done out of the ordinary, or ''.
    """

    def fit(self, X: Any, y: Any, groups: Any = None) -> Any:
        """Learn from z-scored rows X (n, f), outcomes y (n,) and patients groups (n,), who are never divided."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        names = np.arange(len(y)) if groups is None else np.asarray(groups)
        with warnings.catch_warnings():
            # Only steps near interpolation can be slow or degenerate; they decide nothing.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.weights_, self.note_ = self._weights(X, y, names)
        self.support_ = self.weights_ != 0
        if not self.support_.any():
            strength = association(X, y)
            order = strongest_first(X, strength, getattr(self, "feature_names_in_", None))[:FALLBACK_COUNT]
            self.support_[order] = True
            self.note_ = f"{self.note_} The {len(order)} features with the strongest univariate association stay."
        return self

    def _weights(self, X: FloatArray, y: FloatArray, groups: npt.NDArray[Any]) -> tuple[FloatArray, str]:
        raise NotImplementedError

    def _get_support_mask(self) -> npt.NDArray[np.bool_]:
        check_is_fitted(self)
        return np.asarray(self.support_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class PenalisedSelector(_Selector):
    """Keeps what LASSO (Tibshirani 1996) or elastic net (Zou and Hastie 2005) give a coefficient.

    The penalty is the one with the smallest error in `n_folds`-fold cross-validation, folds stratified by outcome and
    grouped by patient, over 40 values down to a hundredth of the largest useful one. weights_ are the coefficients.
    """

    def __init__(
        self, penalty: Literal["lasso", "elastic_net"] = "lasso", n_folds: int = 5, random_state: Any = None,
    ) -> None:
        self.penalty = penalty
        self.n_folds = n_folds
        self.random_state = random_state

    def _weights(self, X: FloatArray, y: FloatArray, groups: npt.NDArray[Any]) -> tuple[FloatArray, str]:
        title = "LASSO" if self.penalty == "lasso" else "Elastic net"
        splits = list(_grouped_folds(y, groups, self.n_folds, self.random_state))
        if not splits:
            return np.zeros(X.shape[1]), f"{title} needs two patients of each outcome."
        settings = {"alphas": _ALPHA_COUNT, "eps": _ALPHA_RANGE, "cv": splits, "max_iter": 5000, "tol": 1e-3}
        model = LassoCV(**settings) if self.penalty == "lasso" else ElasticNetCV(l1_ratio=_L1_RATIOS, **settings)
        weights = np.asarray(model.fit(X, y).coef_, dtype=np.float64)
        return weights, "" if weights.any() else f"{title} kept no feature."


class StabilitySelector(_Selector):
    """Keeps what LASSO takes up early in at least `threshold` of random halves of the patients.

    Stability selection (Meinshausen and Bühlmann 2010) with complementary pairs (Shah and Samworth 2013): `n_pairs`
    times the patients are cut into two halves, and in each half the first q features of LASSO's path count. q is the
    largest number that keeps the expected number of falsely kept features at `expected_false` or below by Meinshausen
    and Bühlmann's bound q^2 / ((2 threshold - 1) f). weights_ are the shares of the halves, 0 below the threshold.
    """

    def __init__(
        self, threshold: float = 0.6, n_pairs: int = 50, expected_false: float = 1.0, random_state: Any = None,
    ) -> None:
        self.threshold = threshold
        self.n_pairs = n_pairs
        self.expected_false = expected_false
        self.random_state = random_state

    def _weights(self, X: FloatArray, y: FloatArray, groups: npt.NDArray[Any]) -> tuple[FloatArray, str]:
        n_features = X.shape[1]
        # One feature at least, even where the bound allows none.
        early = max(1, int(np.sqrt(self.expected_false * (2 * self.threshold - 1) * n_features)))
        taken, n_halves = np.zeros(n_features), 0
        for rows in _halves(y, groups, self.n_pairs, self.random_state):
            taken[_first_of_path(X[rows], y[rows], early)] += 1
            n_halves += 1
        if not n_halves:
            return taken, "Stability selection needs two patients of each outcome."
        share: FloatArray = taken / n_halves
        weights = np.where(share >= self.threshold, share, 0.0)
        return weights, "" if weights.any() else f"No feature reached {self.threshold:g} of the subsamples."


def _first_of_path(X: FloatArray, y: FloatArray, count: int) -> IndexArray:
    """Indices of the first features on LASSO's path (least angle regression, Efron 2004)."""
    centered = X - X.mean(axis=0)
    spread = centered.std(axis=0)
    _, active, _ = lars_path(centered / np.where(spread > 1e-9, spread, 1), y - y.mean(), method="lasso",
                             max_iter=count)
    return np.asarray(active, dtype=np.intp)


def _halves(y: FloatArray, groups: npt.NDArray[Any], n_pairs: int, random_state: Any) -> Iterator[IndexArray]:
    """Rows of both halves of each pair; patients with more and with less of the outcome are divided separately."""
    random = check_random_state(random_state)
    _, patient = np.unique(groups, return_inverse=True)
    mean = np.bincount(patient, y) / np.bincount(patient)
    strata = [np.flatnonzero(mean > y.mean()), np.flatnonzero(mean <= y.mean())]
    for _ in range(n_pairs):
        order = np.concatenate([random.permutation(stratum) for stratum in strata])
        for half in (order[::2], order[1::2]):
            rows = np.flatnonzero(np.isin(patient, half))
            if len(np.unique(y[rows])) > 1:
                yield rows


def _grouped_folds(
    y: FloatArray, groups: npt.NDArray[Any], n_folds: int, random_state: Any
) -> Iterator[tuple[IndexArray, IndexArray]]:
    """(training, held-out) rows; as many folds as every outcome has patients for, none where that is one."""
    discrete = type_of_target(y) in ("binary", "multiclass")
    counts = [len(np.unique(groups[y == value])) for value in np.unique(y)] if discrete else [len(np.unique(groups))]
    possible = min(n_folds, *counts)
    if possible < 2 or len(np.unique(y)) < 2:
        return
    kind = StratifiedGroupKFold if discrete else GroupKFold
    folds = kind(possible, shuffle=True, random_state=check_random_state(random_state))
    for train, held_out in folds.split(np.empty((len(y), 1)), y, groups):
        if len(train) and len(held_out):
            yield train, held_out
