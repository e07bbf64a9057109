"""The AUC's sampling error from the ranks themselves, and the test of two AUCs on the same lesions (DeLong 1988)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnnet.core.errors import SettingError
from rnnet.evaluation.checks import FloatArray, IntArray, labels_and_scores


@dataclass(frozen=True, slots=True)
class DelongTest:
    """AUC of two sets of scores on the same lesions; z and the two-sided p of their difference a - b.

    low, high: interval of the difference at `level`. z is 0 and p is 1 where both rank all lesions alike.
    """

    auc_a: float
    auc_b: float
    z: float
    p_value: float
    difference: float
    standard_error: float
    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class DelongInterval:
    """AUC and its interval at `level`, cut off at 0 and 1.

    note: says so where the standard error is 0, because all lesions lie in the right order or all in the wrong one. The
    interval then has no width, which is a limit of the method on few lesions, not certainty.
    """

    auc: float
    low: float
    high: float
    standard_error: float
    level: float = 0.95
    note: str = ""


@dataclass(frozen=True, slots=True)
class Placements:
    """Of every positive lesion the share of negative ones below it, of every negative one the share of positive ones
    above it; a tie counts half. Both have the AUC as their mean.

    They are kept as whole numbers, twice the count of lesions, so that equal ones are equal without rounding.
    """

    positive: IntArray  # (m,) 0 to 2n
    negative: IntArray  # (n,) 0 to 2m

    @property
    def auc(self) -> float:
        """The area under the ROC curve."""
        return float(int(self.positive.sum()) / (2 * self.positive.size * self.negative.size))

    @property
    def shares(self) -> tuple[FloatArray, FloatArray]:
        """(m,) and (n,) shares from 0 to 1."""
        return self.positive / (2 * self.negative.size), self.negative / (2 * self.positive.size)


def placements(outcomes: IntArray, scores: FloatArray) -> Placements:
    """The placements of checked scores (n,), in the order of the lesions."""
    positive, negative = scores[outcomes == 1], scores[outcomes == 0]
    ascending, others = np.sort(negative), np.sort(positive)
    below = np.searchsorted(ascending, positive, "left") + np.searchsorted(ascending, positive, "right")
    above = 2 * positive.size - np.searchsorted(others, negative, "left") - np.searchsorted(others, negative, "right")
    return Placements(below.astype(np.int64), above.astype(np.int64))


def delong_test(y: ArrayLike, a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> DelongTest:
    """DeLong's paired test of two AUCs on the same lesions, two-sided, as pROC's roc.test(paired, method delong).

    Lesions count as independent; where patients have several, clustered_bootstrap or obuchowski_auc do not.

    Args:
        y: outcomes (n,) of 0 and 1.
        a: scores (n,) of the positive outcome by the first model; higher means more positive.
        b: by the second model.
        level: of the interval of the difference.

    Raises:
        SettingError: invalid input, fewer than two lesions of an outcome, or AUCs that differ without any variance (for
            example 1 against 0): z has then no finite value.
    """
    from scipy import stats

    outcomes, first = labels_and_scores(y, a)
    _, second = labels_and_scores(y, b)
    _check_level(level)
    one, other = placements(outcomes, first), placements(outcomes, second)
    difference = one.auc - other.auc
    gain, loss = one.positive - other.positive, one.negative - other.negative
    if not gain.any() and not loss.any():
        return DelongTest(one.auc, other.auc, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, float(level))
    _check_two_of_each(outcomes)
    variance = _variance_of_mean(gain, 2 * loss.size) + _variance_of_mean(loss, 2 * gain.size)
    if variance == 0:
        raise SettingError(
            f"The AUCs {one.auc:g} and {other.auc:g} differ by the same amount for every lesion: DeLong's variance is "
            f"0 and z has no finite value.", fix="Compare on more lesions.",
        )
    error = float(np.sqrt(variance))
    z, half = difference / error, float(stats.norm.ppf((1 + level) / 2)) * error
    return DelongTest(one.auc, other.auc, z, float(2 * stats.norm.sf(abs(z))), difference, error, difference - half,
                      difference + half, float(level))


def delong_ci(y: ArrayLike, a: ArrayLike, level: float = 0.95) -> DelongInterval:
    """AUC with DeLong's interval, as pROC's ci.auc(method delong).

    Args:
        y: outcomes (n,) of 0 and 1.
        a: scores (n,) of the positive outcome; higher means more positive.
        level: share of samples whose interval covers the true AUC.

    Raises:
        SettingError: invalid input, or fewer than two lesions of an outcome.
    """
    from scipy import stats

    outcomes, scores = labels_and_scores(y, a)
    _check_level(level)
    _check_two_of_each(outcomes)
    placed = placements(outcomes, scores)
    m, n = placed.positive.size, placed.negative.size
    error = float(np.sqrt(_variance_of_mean(placed.positive, 2 * n) + _variance_of_mean(placed.negative, 2 * m)))
    half = float(stats.norm.ppf((1 + level) / 2)) * error
    note = ""
    if error == 0:
        note = "All pairs of lesions are ordered alike: DeLong's standard error is 0, a limit of the method."
    low, high = max(placed.auc - half, 0.0), min(placed.auc + half, 1.0)
    return DelongInterval(placed.auc, low, high, error, float(level), note)


def _variance_of_mean(counts: IntArray, unit: int) -> float:
    """Variance of the mean of counts / unit; exactly 0 where all counts are equal."""
    if not np.ptp(counts):
        return 0.0
    return float(np.var(counts, ddof=1)) / unit**2 / counts.size


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise SettingError(f"level must lie between 0 and 1. Got {level} instead.")


def _check_two_of_each(outcomes: IntArray) -> None:
    n_positive = int(outcomes.sum())
    few = min(n_positive, outcomes.size - n_positive)
    if few < 2:
        raise SettingError(f"DeLong's variance needs two lesions of each outcome. Got {n_positive} positive and "
                           f"{outcomes.size - n_positive} negative.", fix="Evaluate on more lesions.")
