"""The t-test over folds: as it is usually published, and corrected for folds that share training lesions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnnet.core.errors import SettingError
from rnnet.evaluation.checks import numbers


@dataclass(frozen=True, slots=True)
class FoldTTest:
    """Mean difference a - b over folds. t, p_value, low, high: corrected; t_uncorrected, p_uncorrected: as published.

    low and high: the corrected interval of the mean difference at `level`.
    """

    difference: float
    t: float
    p_value: float
    degrees_of_freedom: int
    low: float
    high: float
    t_uncorrected: float
    p_uncorrected: float
    n_folds: int
    test_train_ratio: float
    level: float = 0.95


def nadeau_bengio_ttest(
    a: ArrayLike, b: ArrayLike, n_train: ArrayLike, n_test: ArrayLike, *, level: float = 0.95
) -> FoldTTest:
    """The corrected resampled t-test of two models over k folds, two-sided (Nadeau and Bengio 2003).

    Folds share training lesions, so that the k differences are not independent and the paired t-test finds too much.
    The variance of their mean is s^2 (1/k + n_test/n_train) instead of s^2/k; there are k - 1 degrees of freedom.

    Args:
        a: a figure, such as the AUC, of the first model in each fold (k,).
        b: of the second model (k,).
        n_train: training lesions of a fold: one number, or one for each fold.
        n_test: test lesions of a fold, likewise. The mean of n_test/n_train is taken.
        level: of the interval.

    Raises:
        SettingError: fewer than two folds, different lengths, figures that are not finite, sizes that are not positive,
            or a difference that is the same in every fold and not 0: its t has no finite value. Where all differences
            are 0, t is 0 and p is 1.
    """
    from scipy import stats

    differences = _differences(a, b)
    if not 0 < level < 1:
        raise SettingError(f"level must lie between 0 and 1. Got {level} instead.")
    k, ratio = differences.size, _ratio(n_train, n_test, differences.size)
    mean = float(differences.mean())
    # Equal differences of binary fractions leave a spread of a rounding step.
    spread = 0.0 if np.ptp(differences) <= 1e-15 * max(1.0, abs(mean)) else float(differences.std(ddof=1))
    if spread == 0:
        if abs(mean) > 1e-15:
            raise SettingError(f"The difference is {mean:g} in every fold: its t has no finite value.",
                               fix="Compare the models by delong_test or clustered_bootstrap.")
        return FoldTTest(0.0, 0.0, 1.0, k - 1, 0.0, 0.0, 0.0, 1.0, k, ratio, float(level))
    error, plain_error = spread * np.sqrt(1 / k + ratio), spread / np.sqrt(k)
    t, plain_t = mean / error, mean / plain_error
    half = float(stats.t.ppf((1 + level) / 2, k - 1)) * error
    return FoldTTest(
        difference=mean, t=float(t), p_value=float(2 * stats.t.sf(abs(t), k - 1)), degrees_of_freedom=k - 1,
        low=float(mean - half), high=float(mean + half), t_uncorrected=float(plain_t),
        p_uncorrected=float(2 * stats.t.sf(abs(plain_t), k - 1)), n_folds=k, test_train_ratio=ratio, level=float(level),
    )


def holm(p_values: ArrayLike) -> tuple[float, ...]:
    """p-values adjusted for being several, in their order (Holm 1979).

    Raises:
        SettingError: a value that is not between 0 and 1.
    """
    p = numbers(p_values, "p-values")
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise SettingError(f"p-values must be a list of numbers between 0 and 1. Got {p.tolist()} instead.")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty(p.size)
    adjusted[order] = np.minimum(stepped, 1.0)
    return tuple(adjusted.tolist())


def _differences(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    first, second = numbers(a, "Figures"), numbers(b, "Figures")
    if first.ndim != 1 or first.shape != second.shape:
        raise SettingError(f"Both models need one figure per fold. Got shapes {first.shape} and {second.shape}.")
    if first.size < 2:
        raise SettingError(f"A t-test over folds needs at least two of them. Got {first.size}.",
                           fix="Train more folds.")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise SettingError("A figure of a fold is not a finite number.",
                           fix="Leave out the folds in which it is undefined, for both models.")
    return first - second


def _ratio(n_train: ArrayLike, n_test: ArrayLike, k: int) -> float:
    """Mean of n_test / n_train over the folds."""
    sizes = [numbers(n, "n_train and n_test") for n in (n_train, n_test)]
    for name, size in zip(("n_train", "n_test"), sizes, strict=True):
        if size.shape not in ((), (k,)):
            raise SettingError(f"{name} must be one number, or one for each of the {k} folds. Got shape {size.shape}.")
        if not (np.isfinite(size).all() and (size > 0).all()):
            raise SettingError(f"{name} must be above 0. Got {size.tolist()} instead.")
    return float(np.mean(sizes[1] / sizes[0]))
