"""Sampling intervals that respect that lesions of one patient are not independent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnnet.core.errors import SettingError
from rnnet.core.seeding import rng_for
from rnnet.evaluation.checks import FloatArray, IntArray, labels_and_scores

# Outcomes (n,), scores (n,) and how often each lesion stands in each resample (r, n) to one value each (r,);
# NaN where a resample has no lesion that the value needs.
WeightedStatistic = Callable[[IntArray, FloatArray, FloatArray], FloatArray]
# Weights of so many numbers are held at a time, so that a large set needs no more memory than a small one.
_NUMBERS_AT_A_TIME = 2_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and its bootstrap interval. Resamples in which the value is undefined were left out and counted."""

    value: float
    low: float
    high: float
    n_resamples_used: int
    n_resamples_omitted: int = 0
    level: float = 0.95


def clustered_bootstrap(
    y: ArrayLike, p: ArrayLike, groups: ArrayLike, statistic: WeightedStatistic, *,
    n_resamples: int = 2000, level: float = 0.95, seed: int,
) -> Interval:
    """Percentile interval of a statistic over resamples of whole patients, drawn with replacement.

    A resample in which the statistic is undefined (no lesion of one class) is omitted and counted. Where the
    classes are separated perfectly every resample agrees and the interval has no width: that is a limit of the
    bootstrap on few lesions, not certainty.

    Args:
        y: outcomes (n,) of 0 and 1.
        p: scores (n,) of the positive outcome.
        groups: patient (n,) of each lesion.
        statistic: `auc`, or the result of `accuracy_at`, `sensitivity_at`, `specificity_at`, or one's own.
        n_resamples: how many resamples are drawn.
        level: share of the resamples inside the interval.
        seed: same seed, same interval.

    Raises:
        SettingError: invalid y and p, fewer than two patients, a level or number out of range, or no resample in
            which the statistic is defined.
    """
    outcomes, scores = labels_and_scores(y, p)
    _, patient = np.unique(np.asarray(groups), return_inverse=True)
    n_patients = int(patient.max()) + 1
    if patient.shape != outcomes.shape:
        raise SettingError(f"There must be one patient per lesion. Got {patient.size} for {outcomes.size} lesions.")
    if n_patients < 2:
        raise SettingError("An interval by patient needs at least two patients.")
    if not (0 < level < 1 and n_resamples >= 1):
        raise SettingError(f"level must lie between 0 and 1 and n_resamples be at least 1. Got {level}, {n_resamples}.")
    rng = rng_for(seed, "bootstrap")
    rows = max(1, _NUMBERS_AT_A_TIME // outcomes.size)
    values = []
    for start in range(0, n_resamples, rows):
        shares = np.full(n_patients, 1 / n_patients)
        # Drawing patients with replacement is drawing how often each stands in the resample.
        times = rng.multinomial(n_patients, shares, size=min(rows, n_resamples - start))  # (r, patients)
        values.append(statistic(outcomes, scores, times[:, patient].astype(np.float64)))
    drawn = np.concatenate(values)
    defined = drawn[np.isfinite(drawn)]
    if defined.size == 0:
        raise SettingError(f"None of {n_resamples} resamples of the patients holds both classes.")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    whole = statistic(outcomes, scores, np.ones((1, outcomes.size)))
    return Interval(
        value=float(whole[0]), low=float(low), high=float(high), n_resamples_used=int(defined.size),
        n_resamples_omitted=int(drawn.size - defined.size), level=float(level),
    )


def auc(y: IntArray, p: FloatArray, weights: FloatArray) -> FloatArray:
    """Area under the ROC curve (r,): share of pairs in the right order, a tie counting half (Mann and Whitney 1947)."""
    order = np.argsort(p, kind="stable")
    starts = np.flatnonzero(np.diff(p[order], prepend=-np.inf))  # first lesion of each distinct score
    positive = np.add.reduceat(weights[:, order] * y[order], starts, axis=1)  # (r, distinct scores)
    negative = np.add.reduceat(weights[:, order] * (1 - y[order]), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative
    right = (positive * (below + negative / 2)).sum(axis=1)
    return _share(right, positive.sum(axis=1) * negative.sum(axis=1))


def accuracy_at(threshold: float) -> WeightedStatistic:
    """Statistic: share of lesions called rightly when positive means score >= threshold."""
    def accuracy(y: IntArray, p: FloatArray, weights: FloatArray) -> FloatArray:
        return _share(weights @ ((p >= threshold) == y).astype(np.float64), weights.sum(axis=1))
    return accuracy


def sensitivity_at(threshold: float) -> WeightedStatistic:
    """Statistic: share of the positive lesions that are called positive."""
    def sensitivity(y: IntArray, p: FloatArray, weights: FloatArray) -> FloatArray:
        return _share(weights @ ((p >= threshold) & (y == 1)).astype(np.float64), weights @ (y == 1).astype(np.float64))
    return sensitivity


def specificity_at(threshold: float) -> WeightedStatistic:
    """Statistic: share of the negative lesions that are called negative."""
    def specificity(y: IntArray, p: FloatArray, weights: FloatArray) -> FloatArray:
        return _share(weights @ ((p < threshold) & (y == 0)).astype(np.float64), weights @ (y == 0).astype(np.float64))
    return specificity


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    share: FloatArray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return share
