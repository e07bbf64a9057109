"""From logits to probabilities that come true: Platt's and temperature scaling, and the line that tells how true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from rnnet.core.errors import SettingError
from rnnet.evaluation.checks import FloatArray, IntArray, check_probabilities, labels_and_scores
from rnnet.evaluation.logistic_fit import fit_logistic, sigmoids

CalibrationMethod = Literal["none", "platt", "temperature"]
_NO_BETTER = "the out-of-fold logits rank the outcomes no better than chance, so that every lesion gets the share of " \
             "the positive outcome"


@dataclass(frozen=True, slots=True)
class Calibration:
    """calibrated probability = sigmoid(slope x logit + intercept); slope 1 and intercept 0 change nothing.

    note: why the slope is 0, where it is.
    """

    method: CalibrationMethod = "none"
    slope: float = 1.0
    intercept: float = 0.0
    note: str = ""

    def logits(self, logits: ArrayLike) -> FloatArray:
        """Calibrated logits (n,) of logits (n,)."""
        calibrated: FloatArray = self.slope * np.asarray(logits, dtype=np.float64) + self.intercept
        return calibrated

    def probabilities(self, logits: ArrayLike) -> FloatArray:
        """Calibrated probabilities (n,) of logits (n,)."""
        return sigmoids(self.logits(logits))


@dataclass(frozen=True, slots=True)
class CalibrationLine:
    """logit of the true probability = slope x logit of the predicted one + intercept (Cox 1958).

    A calibrated model has slope 1 and intercept 0; a slope under 1 says that the predictions are too extreme.
    in_the_large: the intercept when the slope is held at 1; above 0 the positive outcome is more frequent than
    predicted. Iterating gives slope and intercept.
    """

    slope: float
    intercept: float
    in_the_large: float

    def __iter__(self) -> Iterator[float]:
        return iter((self.slope, self.intercept))


def fit_calibration(y: ArrayLike, logits: ArrayLike, method: CalibrationMethod) -> Calibration:
    """The calibration that logits (n,) of lesions with outcomes y (n,) of 0 and 1 teach.

    'platt' fits slope and intercept, 'temperature' the slope alone (Guo 2017). Both fit to Platt's smoothed targets,
    (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) instead of 1 and 0 (Platt 1999), so that outcomes which the logits separate
    have a finite fit as well. The slope is never negative: calibration must not turn the model's ranking round.

    Raises:
        SettingError: empty input, one class only, a logit that is not finite, or an unknown method.
    """
    outcomes, x = labels_and_scores(y, logits)
    if method == "none":
        return Calibration()
    if method not in ("platt", "temperature"):
        raise SettingError(f"The calibration must be none, platt or temperature. Got '{method}' instead.")
    n1, n0 = int(outcomes.sum()), int((1 - outcomes).sum())
    targets = np.where(outcomes == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    if method == "temperature":
        size = float(np.sqrt(np.mean(x**2)))
        slope = float(fit_logistic((x / size)[:, None], targets)[0]) / size if size > 0 else 0.0
        return Calibration(method, slope) if slope > 0 else Calibration(method, 0.0, 0.0, _NO_BETTER.replace(
            "the share of the positive outcome", "one half"))
    mean, spread = float(x.mean()), float(x.std())
    # On z-scores Newton's steps are well conditioned, whatever the size of the logits.
    if spread > 0:
        at_mean, per_spread = fit_logistic(np.column_stack([np.ones(x.size), (x - mean) / spread]), targets).tolist()
        if per_spread > 0:
            return Calibration(method, per_spread / spread, at_mean - per_spread * mean / spread)
    share = float(targets.mean())
    return Calibration(method, 0.0, float(np.log(share / (1 - share))), _NO_BETTER)


def calibration_slope_intercept(y: ArrayLike, p: ArrayLike) -> CalibrationLine:
    """Slope and intercept of a logistic regression of the outcomes on the logits of the probabilities.

    Args:
        y: outcomes (n,) of 0 and 1.
        p: probabilities (n,) of the positive outcome.

    Raises:
        SettingError: empty input, one class only, values out of range, a probability of exactly 0 or 1 (its logit is
            infinite), equal probabilities, or outcomes that the probabilities separate: there is then no finite slope.
    """
    outcomes, probabilities = labels_and_scores(y, p)
    check_probabilities(probabilities)
    certain = int(((probabilities == 0) | (probabilities == 1)).sum())
    if certain:
        raise SettingError(f"{certain} probabilities are exactly 0 or 1: their logit is infinite, and there is no "
                           f"calibration slope.", fix="Give probabilities between 0 and 1, or leave the slope out.")
    return calibration_line(outcomes, np.log(probabilities) - np.log1p(-probabilities))


def calibration_line(outcomes: IntArray, logits: FloatArray) -> CalibrationLine:
    """As calibration_slope_intercept, from checked outcomes and the logits of the predicted probabilities.

    Raises:
        SettingError: there is no finite slope.
    """
    negative, positive = logits[outcomes == 0], logits[outcomes == 1]
    mean, spread = float(logits.mean()), float(logits.std())
    if np.ptp(logits) == 0:
        raise SettingError("All predicted probabilities are equal: a calibration slope is not defined.",
                           fix="Give predictions that differ.")
    if negative.max() <= positive.min() or positive.max() <= negative.min():
        raise SettingError("The predicted probabilities separate the outcomes: the calibration slope has no finite "
                           "value.", fix="Leave the slope out, or evaluate on more lesions.")
    targets = outcomes.astype(np.float64)
    design = np.column_stack([np.ones(logits.size), (logits - mean) / spread])
    at_mean, per_spread = fit_logistic(design, targets).tolist()
    slope = per_spread / spread
    return CalibrationLine(slope, at_mean - slope * mean, _in_the_large(targets, logits))


def _in_the_large(targets: FloatArray, logits: FloatArray) -> float:
    """What must be added to all logits for the mean probability to equal the share of the positive outcome."""
    from scipy.optimize import brentq

    share = float(targets.mean())
    middle = float(np.log(share / (1 - share)))
    return float(brentq(lambda shift: float(sigmoids(logits + shift).mean()) - share,
                        middle - float(logits.max()) - 1, middle - float(logits.min()) + 1, xtol=1e-13))
