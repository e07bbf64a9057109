"""All figures of decided lesions at once, each with its interval over the same resamples of patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnet.evaluation.checks import FloatArray, IntArray
from rnnet.evaluation.lesions import arrays
from rnnet.evaluation.logistic_fit import sigmoids
from rnnet.evaluation.metrics import Metrics, classification_metrics
from rnnet.evaluation.results import EvaluatedLesion
from rnnet.evaluation.statistics import Interval, auc, clustered_draws, interval_of

WITH_INTERVAL = ("auc", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "ppv", "npv", "f1", "brier",
                 "calibration_slope", "calibration_intercept")
# A resample whose calibration line has not settled by then, or is steeper, is separated, or nearly so.
_STEPS, _LARGEST_SLOPE = 25, 1e3


def figures_of(
    lesions: Sequence[EvaluatedLesion], threshold: float, *, seed: int, n_resamples: int, level: float
) -> tuple[Metrics, dict[str, Interval]]:
    """Metrics of decided lesions, and their intervals by patient.

    The AUC ranks by logit: calibration keeps the order of lesions, but in cross-validation every fold has its own. A
    figure that is undefined on the lesions, or in more than half of the resamples, has no interval.

    Raises:
        SettingError: no lesion, or all of one outcome.
    """
    metrics = metrics_of(lesions, threshold)
    y, logits, p = arrays(lesions)
    called = np.array([lesion.positive for lesion in lesions])
    patients = [lesion.patient_id for lesion in lesions]

    def statistics(_: IntArray, __: FloatArray, weights: FloatArray) -> FloatArray:
        return _all_at_once(y, logits, p, called, weights)

    draws = clustered_draws(y, p, patients, statistics, n_resamples=n_resamples, seed=seed)  # (n_resamples, k)
    values = {name: getattr(metrics, name) for name in WITH_INTERVAL}
    intervals = {}
    for name, column in zip(WITH_INTERVAL, draws.T, strict=True):
        # The AUC always has one: its reader must see how many resamples lacked an outcome.
        usable = np.isfinite(column).mean() >= 0.5 or name == "auc"
        if values[name] is not None and usable:
            intervals[name] = interval_of(float(values[name]), column, level=level)
    return metrics, intervals


def metrics_of(lesions: Sequence[EvaluatedLesion], threshold: float) -> Metrics:
    """Metrics of decided lesions. threshold: of the decision, for the record. Raises SettingError as figures_of."""
    y, logits, p = arrays(lesions)
    return classification_metrics(y, p, threshold=threshold, called=[x.positive for x in lesions], ranking=logits)


def _all_at_once(y: IntArray, logits: FloatArray, p: FloatArray, called: np.ndarray, weights: FloatArray) -> FloatArray:
    """(r, k) the figures of WITH_INTERVAL in resamples in which lesion i stands weights[r, i] times."""
    tp, fn = weights @ (called & (y == 1)), weights @ (~called & (y == 1))
    fp, tn = weights @ (called & (y == 0)), weights @ (~called & (y == 0))
    with np.errstate(divide="ignore", invalid="ignore"):  # an undefined figure of a resample is NaN, and is left out
        sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
        columns = [
            auc(y, logits, weights), (tp + tn) / (tp + fn + fp + tn), (sensitivity + specificity) / 2, sensitivity,
            specificity, tp / (tp + fp), tn / (tn + fn), 2 * tp / (2 * tp + fp + fn),
            weights @ (p - y) ** 2 / weights.sum(axis=1),
        ]
    return np.column_stack([*columns, *_calibration_lines(y, p, weights)])


def _calibration_lines(y: IntArray, p: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Calibration slope and intercept (r,) of every resample, by Newton's method all together; NaN without a line."""
    nothing = np.full(len(weights), np.nan)
    if ((p <= 0) | (p >= 1)).any() or np.ptp(p) == 0:
        return nothing, nothing
    raw = np.log(p) - np.log1p(-p)
    mean, spread = raw.mean(), raw.std()
    x = (raw - mean) / spread
    intercepts, slopes = np.zeros(len(weights)), np.ones(len(weights)) * spread
    with np.errstate(all="ignore"):
        for _ in range(_STEPS):
            fitted = sigmoids(intercepts[:, None] + slopes[:, None] * x)
            residual, information = weights * (fitted - y), weights * fitted * (1 - fitted)
            g0, g1 = residual.sum(axis=1), residual @ x
            h00, h01, h11 = information.sum(axis=1), information @ x, information @ x**2
            determinant = h00 * h11 - h01**2
            steps = (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant
            # Long steps overshoot where the fit is nearly flat.
            shorter = np.minimum(1.0, 2.0 / np.maximum(np.abs(steps[0]), np.abs(steps[1])))
            intercepts, slopes = intercepts - shorter * steps[0], slopes - shorter * steps[1]
            settled = np.maximum(np.abs(steps[0]), np.abs(steps[1])) < 1e-7
            if settled.all():
                break
        settled &= np.abs(slopes / spread) < _LARGEST_SLOPE
    slope, intercept = slopes / spread, intercepts - slopes * mean / spread
    return np.where(settled, slope, np.nan), np.where(settled, intercept, np.nan)
