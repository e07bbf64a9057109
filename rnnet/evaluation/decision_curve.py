"""What deciding by a model is worth, at every trade-off of benefit and harm (Vickers and Elkin 2006)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rnnet.core.errors import SettingError
from rnnet.evaluation.checks import FloatArray, IntArray, check_probabilities, labels_and_scores, numbers


@dataclass(frozen=True, slots=True, eq=False)
class DecisionCurve:
    """Net benefit (k,) at every threshold (k,): of the model, of treating all and of treating none."""

    thresholds: FloatArray
    model: FloatArray
    treat_all: FloatArray
    treat_none: FloatArray


def net_benefit(y: ArrayLike, p: ArrayLike, thresholds: ArrayLike) -> FloatArray:
    """Net benefit (k,) of calling lesions positive from each threshold (k,) on (p >= threshold), as in dcurves.

    True positives / n - false positives / n x threshold / (1 - threshold). One threshold gives one number, shape ().
    A probability of exactly 0 is never called positive, at the threshold 0 neither: dcurves has it so.

    Args:
        y: outcomes (n,) of 0 and 1.
        p: probabilities (n,) of the positive outcome.
        thresholds: at least 0 and below 1.

    Raises:
        SettingError: empty input, one class only, or values out of range.
    """
    outcomes, probabilities, cuts = _checked(y, p, thresholds)
    called = (probabilities >= cuts[..., None]) & (probabilities > 0)  # (k, n)
    return _worth((called & (outcomes == 1)).sum(axis=-1), (called & (outcomes == 0)).sum(axis=-1), outcomes.size, cuts)


def decision_curve(y: ArrayLike, p: ArrayLike, thresholds: ArrayLike | None = None) -> DecisionCurve:
    """The model's net benefit beside that of treating all and none; thresholds from 0.01 to 0.99 by default.

    Raises:
        SettingError: as net_benefit.
    """
    outcomes, _, cuts = _checked(y, p, np.arange(1, 100) / 100 if thresholds is None else thresholds)
    n_positive = np.full(cuts.shape, int(outcomes.sum()))
    treat_all = _worth(n_positive, outcomes.size - n_positive, outcomes.size, cuts)
    return DecisionCurve(cuts, net_benefit(y, p, cuts), treat_all, np.zeros(cuts.shape))


def _worth(true_positive: np.ndarray, false_positive: np.ndarray, n: int, cuts: FloatArray) -> FloatArray:
    worth: FloatArray = true_positive / n - false_positive / n * cuts / (1 - cuts)
    return worth


def _checked(y: ArrayLike, p: ArrayLike, thresholds: ArrayLike) -> tuple[IntArray, FloatArray, FloatArray]:
    outcomes, probabilities = labels_and_scores(y, p)
    check_probabilities(probabilities)
    cuts: FloatArray = numbers(thresholds, "Thresholds")
    if cuts.ndim > 1 or cuts.size == 0 or not ((cuts >= 0) & (cuts < 1)).all():
        raise SettingError(f"Thresholds must be numbers of at least 0 and below 1. Got {thresholds!r} instead.")
    return outcomes, probabilities, cuts
