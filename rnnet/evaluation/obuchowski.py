"""The AUC of lesions that come in clusters, such as several of one patient (Obuchowski 1997)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnnet.core.errors import SettingError
from rnnet.evaluation.checks import clusters, labels_and_scores
from rnnet.evaluation.delong import placements


@dataclass(frozen=True, slots=True)
class ClusteredAuc:
    """AUC with the standard error of clustered lesions and its normal interval at `level`, cut off at 0 and 1.

    note: says so where the standard error is 0, which is a limit of the method on few lesions, not certainty.
    """

    auc: float
    variance: float
    standard_error: float
    low: float
    high: float
    n_clusters: int
    level: float = 0.95
    note: str = ""


def obuchowski_auc(y: ArrayLike, p: ArrayLike, groups: ArrayLike, *, level: float = 0.95) -> ClusteredAuc:
    """AUC with the variance that takes the lesions of one group as correlated (Obuchowski 1997, Biometrics 53:567).

    DeLong's placements are summed within each group. With one lesion a group the variance is DeLong's.

    Args:
        y: outcomes (n,) of 0 and 1.
        p: scores (n,) of the positive outcome; higher means more positive.
        groups: patient (n,) of each lesion.
        level: of the interval.

    Raises:
        SettingError: invalid input, or fewer than two groups with lesions of each outcome.
    """
    from scipy import stats

    outcomes, scores = labels_and_scores(y, p)
    group, n_groups = clusters(groups, outcomes.size)
    if not 0 < level < 1:
        raise SettingError(f"level must lie between 0 and 1. Got {level} instead.")
    placed = placements(outcomes, scores)
    auc, (of_positive, of_negative) = placed.auc, placed.shares
    n_positive, n_negative = of_positive.size, of_negative.size
    with_positive, with_negative = (np.unique(group[outcomes == k]).size for k in (1, 0))
    if min(with_positive, with_negative) < 2:
        raise SettingError(f"The variance needs two groups with lesions of each outcome. Got {with_positive} with "
                           f"positive and {with_negative} with negative lesions.", fix="Evaluate on more patients.")
    # What each group adds to the sums beyond what its number of lesions would let expect.
    positive = np.bincount(group[outcomes == 1], weights=of_positive - auc, minlength=n_groups)
    negative = np.bincount(group[outcomes == 0], weights=of_negative - auc, minlength=n_groups)
    variance = float(
        with_positive / (with_positive - 1) * np.sum(positive**2) / n_positive**2
        + with_negative / (with_negative - 1) * np.sum(negative**2) / n_negative**2
        + 2 * n_groups / (n_groups - 1) * np.sum(positive * negative) / (n_positive * n_negative)
    )
    variance = max(variance, 0.0)  # sums that cancel within every group can leave a rounding step below 0
    error = float(np.sqrt(variance))
    half = float(stats.norm.ppf((1 + level) / 2)) * error
    note = "The standard error is 0: the interval has no width, a limit of the method." if error == 0 else ""
    low, high = max(auc - half, 0.0), min(auc + half, 1.0)
    return ClusteredAuc(auc, variance, error, low, high, n_groups, float(level), note)
