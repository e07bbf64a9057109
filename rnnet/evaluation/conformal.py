"""Sets of outcomes that stay possible, with a promised coverage for each outcome (class-conditional conformal)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnet.core.errors import SettingError
from rnnet.evaluation.checks import FloatArray, labels_and_scores, numbers


@dataclass(frozen=True, slots=True)
class ConformalLimits:
    """The positive outcome is possible from `positive_from` on, the negative one up to `negative_up_to`.

    alpha: share of the lesions of each outcome whose set may miss it. n_positive, n_negative: lesions behind each
    limit; where they are too few for `alpha`, the limit is infinite and the outcome is always possible.
    """

    alpha: float
    positive_from: float
    negative_up_to: float
    n_positive: int
    n_negative: int


def fit_conformal(y: ArrayLike, scores: ArrayLike, *, alpha: float) -> ConformalLimits:
    """The limits that scores (n,) of lesions with outcomes y (n,) give (Vovk 2005, Mondrian; Sadinle 2019).

    Of the n lesions of an outcome the k-th in order of strangeness is the limit, k = ceil((n + 1)(1 - alpha)): a new
    exchangeable lesion of that outcome is covered with a probability of at least 1 - alpha.

    Raises:
        SettingError: empty input, one class only, or alpha out of range.
    """
    outcomes, values = labels_and_scores(y, scores)
    if not 0 < alpha < 1:
        raise SettingError(f"alpha must lie between 0 and 1. Got {alpha} instead.")
    positive, negative = np.sort(values[outcomes == 1])[::-1], np.sort(values[outcomes == 0])
    lowest, highest = _limit(positive, alpha), _limit(negative, alpha)
    return ConformalLimits(
        alpha=float(alpha), positive_from=-math.inf if lowest is None else lowest,
        negative_up_to=math.inf if highest is None else highest, n_positive=positive.size, n_negative=negative.size,
    )


def conformal_set(y: ArrayLike, scores: ArrayLike, new_scores: ArrayLike, *, alpha: float = 0.1) -> NDArray[np.bool_]:
    """Which outcomes stay possible for new lesions: (m, 2), first the negative outcome (0), then the positive one (1).

    Both True is 'undecided'. A row may be all False (a score between the outcomes that is strange for either): the
    promised coverage holds without it; Decision.outcomes_possible calls it undecided as well.

    Args:
        y: outcomes (n,) of 0 and 1 of lesions that the model was not trained on.
        scores: their scores (n,); higher means more positive.
        new_scores: scores (m,) of the new lesions.
        alpha: share of the lesions of each outcome whose set may miss it.

    Raises:
        SettingError: empty input, one class only, scores that are not finite, or alpha out of range.
    """
    limits = fit_conformal(y, scores, alpha=alpha)
    new: FloatArray = numbers(new_scores, "New scores")
    if new.ndim != 1 or not np.isfinite(new).all():
        raise SettingError(f"The new scores must be one list of finite numbers. Got shape {new.shape}, "
                           f"{int((~np.isfinite(new)).sum())} not finite.")
    return np.column_stack([new <= limits.negative_up_to, new >= limits.positive_from])


def _limit(from_typical: FloatArray, alpha: float) -> float | None:
    """The k-th of the scores, ordered from the most typical to the strangest; None where k is more than there are."""
    # (n + 1)(1 - alpha) is often a whole number that rounding lifts just above itself.
    rank = math.ceil((from_typical.size + 1) * (1 - alpha) - 1e-9)
    return None if rank > from_typical.size else float(from_typical[max(rank, 1) - 1])
