"""The first steps of the selection as scikit-learn transformers: variance, and correlated pairs.

Import this module inside functions: it brings scikit-learn with it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

FloatArray = npt.NDArray[np.float64]

# A spread below this share of the mean is rounding, not information.
_RELATIVE_SPREAD = 1e-9


class VarianceFilter(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Keeps features whose variance (divisor n) is at least `minimum`; constant ones are dropped in any case.

    As published, this comes before the z-score, so it is the variance in the feature's own unit: a feature in small
    units (a probability, a share) can fall to it however well it separates.

    Attributes after fit: variances_ (f,), support_ (f,) bool.

    Raises:
        ValueError: from fit, no feature varies that much.
    """

    def __init__(self, minimum: float = 0.01) -> None:
        self.minimum = minimum

    def fit(self, X: Any, y: Any = None) -> VarianceFilter:  # noqa: ARG002 (scikit-learn's signature)
        """Learn from rows X (n, f)."""
        X = validate_data(self, X, dtype=np.float64)
        self.variances_ = X.var(axis=0)
        spread = np.sqrt(self.variances_)
        self.support_ = (
            (self.variances_ >= self.minimum) & (spread > 0) & (spread > _RELATIVE_SPREAD * np.abs(X.mean(axis=0)))
        )
        if not self.support_.any():
            raise ValueError(
                f"None of the {X.shape[1]} features varies over the training rows (n_samples = {X.shape[0]})."
            )
        return self

    def _get_support_mask(self) -> npt.NDArray[np.bool_]:
        check_is_fitted(self)
        return np.asarray(self.support_)


class CorrelationFilter(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Of two features with |Pearson r| above `maximum`, keeps the one that is more strongly associated with y.

    Association is that of ranks: |AUC - 0.5| where y is 0 or 1, up to a factor that all features share, so it depends
    on no unit and on no outlier. Features are taken from the strongest down, and each drops what it is correlated
    with. Ties go to the name that comes first; where the rows have no names, to the smaller first differing value. The
    order of the columns therefore never decides.

    Attributes after fit: association_ (f,), support_ (f,) bool.
    """

    def __init__(self, maximum: float = 0.9) -> None:
        self.maximum = maximum

    def fit(self, X: Any, y: Any) -> CorrelationFilter:
        """Learn from rows X (n, f) and outcomes y (n,)."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self.association_ = association(X, y)
        centered = X - X.mean(axis=0)
        length = np.sqrt((centered**2).sum(axis=0))
        unit = centered / np.where(length > 0, length, 1)
        # Rounded, so that the last bit, which depends on the layout of the sum, decides nothing.
        correlation = np.abs(unit.T @ unit).round(12)
        available = np.ones(X.shape[1], dtype=bool)
        self.support_ = np.zeros(X.shape[1], dtype=bool)
        for column in strongest_first(X, self.association_, getattr(self, "feature_names_in_", None)):
            if available[column]:
                self.support_[column] = True
                available &= correlation[column] <= self.maximum
        return self

    def _get_support_mask(self) -> npt.NDArray[np.bool_]:
        check_is_fitted(self)
        return np.asarray(self.support_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def association(X: FloatArray, y: npt.ArrayLike) -> FloatArray:
    """(f,) strength of the monotone association of each column (n, f) with y (n,).

    The covariance of their ranks: for y of 0 and 1 it is |AUC - 0.5| times the share of the positive times the share
    of the negative rows, with ties counted half (Mann and Whitney 1947).
    """
    n = X.shape[0]
    outcome = rankdata(np.asarray(y, dtype=np.float64)) * 2 / n  # 0 and 1 then lie 1 apart
    strength: FloatArray = np.abs((rankdata(X, axis=0).T @ (outcome - outcome.mean())) / n**2)
    return strength.round(12)


def strongest_first(X: FloatArray, strength: FloatArray, names: Any = None) -> npt.NDArray[np.intp]:
    """(f,) indices of the columns, the strongest first; ties by name, or by the columns' values without names."""
    ties = np.lexsort(X[::-1]) if names is None else np.argsort(np.asarray(names, dtype=str), kind="stable")
    order: npt.NDArray[np.intp] = ties[np.argsort(-strength[ties], kind="stable")]
    return order
