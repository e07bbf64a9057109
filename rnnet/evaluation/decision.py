"""The threshold at which a probability becomes a decision, fixed on out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnet.evaluation.threshold import youden_threshold

_RULE = "largest Youden's J on out-of-fold predictions"
_FALLBACK_RULE = "0.5, as no threshold has a positive Youden's J on the out-of-fold predictions"


@dataclass(frozen=True, slots=True)
class Decision:
    """A probability of `positive_outcome` at or above `threshold` counts as that outcome.

    n_cases: number of out-of-fold predictions that the threshold comes from.
    """

    threshold: float
    rule: str
    n_cases: int
    positive_outcome: str

    def is_positive(self, probability: float) -> bool:
        """Whether the probability counts as the positive outcome."""
        return probability >= self.threshold


def fit_threshold(y: Sequence[int], p: Sequence[float], *, positive_outcome: str) -> Decision:
    """The decision rule that out-of-fold predictions give: Youden's threshold, the middle of its gap.

    y: (n,) outcomes 0 or 1; p: (n,) out-of-fold probabilities of the positive outcome. Where no threshold is better
    than deciding all lesions alike, 0.5 is taken, and `rule` says so.

    Raises:
        SettingError: one outcome is missing, or the probabilities do not fit.
    """
    threshold = youden_threshold(y, p)
    called = np.asarray(p, dtype=np.float64) >= threshold
    outcomes = np.asarray(y)
    youden = float(called[outcomes == 1].mean() - called[outcomes == 0].mean())
    if youden <= 0:
        return Decision(0.5, _FALLBACK_RULE, len(called), positive_outcome)
    return Decision(threshold, _RULE, len(called), positive_outcome)
