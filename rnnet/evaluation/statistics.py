"""Sampling intervals that respect that lesions of one patient are not independent."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from rnnet.core.errors import RnnetError, SettingError
from rnnet.core.seeding import rng_for
from rnnet.evaluation.checks import FloatArray, IntArray, clusters, labels_and_scores

# Outcomes (n,), scores (n,) and how often each lesion stands in each resample (r, n) to one value each (r,);
# NaN where a resample has no lesion that the value needs.
WeightedStatistic = Callable[[IntArray, FloatArray, FloatArray], FloatArray]
PlainStatistic = Callable[[IntArray, FloatArray], float]
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
    y: ArrayLike, p: ArrayLike, groups: ArrayLike, statistic: WeightedStatistic | PlainStatistic | None = None, *,
    n_resamples: int = 2000, level: float = 0.95, seed: int = 0,
) -> Interval:
    """Percentile interval of a statistic over resamples of whole patients, drawn with replacement.

    A resample in which the statistic is undefined (no lesion of one class) is omitted and counted. Where the
    classes are separated perfectly every resample agrees and the interval has no width: that is a limit of the
    bootstrap on few lesions, not certainty.

    Args:
        y: outcomes (n,) of 0 and 1.
        p: scores (n,) of the positive outcome.
        groups: patient (n,) of each lesion.
        statistic: the AUC by default. Any function of (y, p) that gives a number, such as one of sklearn.metrics; or,
            much faster, one of (y, p, weights (r, n)) that gives (r,) numbers: `auc`, or the result of `accuracy_at`,
            `sensitivity_at`, `specificity_at`.
        n_resamples: how many resamples are drawn.
        level: share of the resamples inside the interval.
        seed: same seed, same interval.

    Raises:
        SettingError: invalid y and p, fewer than two patients, a level or number out of range, or a statistic that is
            not defined on the lesions or in any resample.
    """
    if not 0 < level < 1:
        raise SettingError(f"level must lie between 0 and 1. Got {level} instead.")
    outcomes, scores = labels_and_scores(y, p)
    clusters(groups, outcomes.size)
    weighted = auc if statistic is None else _weighted(statistic)
    whole = float(weighted(outcomes, scores, np.ones((1, outcomes.size)))[0])
    if not np.isfinite(whole):
        raise SettingError("The statistic is not a finite number on these lesions.", fix="Give another statistic.")
    return interval_of(whole, clustered_draws(outcomes, scores, groups, weighted, n_resamples=n_resamples, seed=seed),
                       level=level)


def clustered_draws(
    y: ArrayLike, p: ArrayLike, groups: ArrayLike, statistic: WeightedStatistic, *, n_resamples: int = 2000,
    seed: int = 0,
) -> FloatArray:
    """The statistic (n_resamples,) in each resample of whole patients; NaN where it is undefined.

    Same patients and seed, same resamples: differences of two models come from the same patients. Several numbers at
    once are a statistic that gives (r, k): the result is then (n_resamples, k).

    Raises:
        SettingError: as clustered_bootstrap.
    """
    outcomes, scores = labels_and_scores(y, p)
    patient, n_patients = clusters(groups, outcomes.size)
    if n_resamples < 1:
        raise SettingError(f"n_resamples must be at least 1. Got {n_resamples} instead.")
    rng = rng_for(seed, "bootstrap")
    rows = max(1, _NUMBERS_AT_A_TIME // outcomes.size)
    values = []
    for start in range(0, n_resamples, rows):
        shares = np.full(n_patients, 1 / n_patients)
        # Drawing patients with replacement is drawing how often each stands in the resample.
        times = rng.multinomial(n_patients, shares, size=min(rows, n_resamples - start))  # (r, patients)
        values.append(statistic(outcomes, scores, times[:, patient].astype(np.float64)))
    drawn: FloatArray = np.concatenate(values)
    return drawn


def interval_of(value: float, draws: FloatArray, *, level: float = 0.95) -> Interval:
    """The percentile interval of resampled values (r,), of which NaN are left out and counted.

    Raises:
        SettingError: not one of them is defined.
    """
    defined = draws[np.isfinite(draws)]
    if defined.size == 0:
        raise SettingError(f"None of {draws.size} resamples of the patients holds both classes.",
                           fix="Evaluate on more patients.")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(
        value=value, low=float(low), high=float(high), n_resamples_used=int(defined.size),
        n_resamples_omitted=int(draws.size - defined.size), level=float(level),
    )


def _weighted(statistic: WeightedStatistic | PlainStatistic) -> WeightedStatistic:
    """The statistic as one of weighted lesions: itself, or called for each resample with its lesions repeated."""
    try:
        parameters = inspect.signature(statistic).parameters.values()
    except (TypeError, ValueError):  # a built-in function that does not say what it takes
        parameters = {}.values()
    needed = [q for q in parameters if q.default is q.empty and q.kind in (q.POSITIONAL_ONLY, q.POSITIONAL_OR_KEYWORD)]
    if len(needed) == 3:
        return cast(WeightedStatistic, statistic)
    plain = cast(PlainStatistic, statistic)

    def each(y: IntArray, p: FloatArray, weights: FloatArray) -> FloatArray:
        return np.array([_of_resample(plain, y, p, row.astype(np.int64)) for row in weights], dtype=np.float64)
    return each


def _of_resample(statistic: PlainStatistic, y: IntArray, p: FloatArray, times: IntArray) -> float:
    """The statistic of the lesions, each standing there so many times; NaN where one class is missing and it fails."""
    outcomes, scores = np.repeat(y, times), np.repeat(p, times)
    if outcomes.size and 0 < outcomes.sum() < outcomes.size:
        return float(statistic(outcomes, scores))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what one class alone leaves undefined is counted, not said each time
            return float(statistic(outcomes, scores))
    except (ValueError, ZeroDivisionError, RnnetError):
        return float("nan")


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
