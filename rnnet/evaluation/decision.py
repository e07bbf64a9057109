"""From a logit to a decision: calibration, threshold and conformal set, fixed on out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from rnnet.evaluation.calibration import Calibration, fit_calibration
from rnnet.evaluation.conformal import ConformalLimits, fit_conformal
from rnnet.evaluation.threshold import sensitivity_threshold, youden_threshold
from rnnet.planning.tabular_plan import DecisionPlan

UNDECIDED = "undecided"
_YOUDEN = "largest Youden's J on out-of-fold predictions"
_FALLBACK_RULE = "0.5, as no threshold has a positive Youden's J on the out-of-fold predictions"


@dataclass(frozen=True, slots=True)
class Decision:
    """A calibrated probability of `positive_outcome` at or above `threshold` counts as that outcome.

    n_cases: number of out-of-fold predictions that everything here comes from. rule: of the threshold. calibration:
    from the model's logit to the probability. conformal: limits on the calibrated probability; None in decisions that
    know a threshold alone.
    """

    threshold: float
    rule: str
    n_cases: int
    positive_outcome: str
    negative_outcome: str = ""
    calibration: Calibration = field(default_factory=Calibration)
    conformal: ConformalLimits | None = None

    def calibrated(self, logit: float) -> float:
        """Probability of the positive outcome for the model's logit, averaged over fold models where there are some."""
        return float(self.calibration.probabilities([logit])[0])

    def is_positive(self, probability: float) -> bool:
        """Whether the calibrated probability counts as the positive outcome."""
        return probability >= self.threshold

    def outcomes_possible(self, probability: float) -> tuple[str, ...]:
        """The outcomes that stay possible at a calibrated probability, the positive one first; both: undecided.

        A probability between the two limits is strange for either outcome. It is called undecided as well: a set
        without any outcome would help nobody, and a larger set keeps the coverage.
        """
        both = (self.positive_outcome, self.negative_outcome)
        if self.conformal is None:
            return both
        possible = (probability >= self.conformal.positive_from, probability <= self.conformal.negative_up_to)
        kept = tuple(outcome for outcome, is_possible in zip(both, possible, strict=True) if is_possible)
        return kept or both

    def verdict(self, probability: float) -> str:
        """The one outcome that stays possible, or 'undecided'."""
        possible = self.outcomes_possible(probability)
        return possible[0] if len(possible) == 1 else UNDECIDED


def fit_decision(
    y: Sequence[int] | ArrayLike, logits: Sequence[float] | ArrayLike, *, positive_outcome: str, negative_outcome: str,
    settings: DecisionPlan | None = None,
) -> Decision:
    """What out-of-fold logits (n,) of lesions with outcomes y (n,) of 0 and 1 teach.

    Threshold and conformal limits lie on the calibrated probability. The calibration keeps the order of the lesions, so
    that fitting it to the same lesions does not weaken what the conformal limits promise.

    Raises:
        SettingError: one outcome is missing, or the logits do not fit.
    """
    settings = settings or DecisionPlan()
    calibration = fit_calibration(y, logits, settings.calibration)
    p = calibration.probabilities(logits)
    threshold, rule = _threshold(np.asarray(y), p, settings)
    limits = fit_conformal(y, p, alpha=settings.conformal_alpha)
    # No probability lies beyond 0 and 1, and JSON has no infinity.
    conformal = replace(limits, positive_from=max(limits.positive_from, 0.0),
                        negative_up_to=min(limits.negative_up_to, 1.0))
    return Decision(threshold, rule, p.size, positive_outcome, negative_outcome, calibration, conformal)


def fixed_threshold(threshold: float, *, positive_outcome: str, negative_outcome: str = "") -> Decision:
    """A decision with a given threshold on the model's own probabilities."""
    return Decision(threshold, "given", 0, positive_outcome, negative_outcome)


def _threshold(y: np.ndarray, p: np.ndarray, settings: DecisionPlan) -> tuple[float, str]:
    """The threshold and its rule; 0.5 where no threshold is better than deciding all lesions alike, and it says so."""
    if settings.threshold == "sensitivity":
        rule = f"sensitivity of at least {settings.sensitivity:g} on out-of-fold predictions"
        return sensitivity_threshold(y, p, settings.sensitivity), rule
    threshold = youden_threshold(y, p)
    youden = float((p >= threshold)[y == 1].mean() - (p >= threshold)[y == 0].mean())
    return (threshold, _YOUDEN) if youden > 0 else (0.5, _FALLBACK_RULE)
