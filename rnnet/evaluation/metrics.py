"""Figures of one model on one set of lesions at one threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import brier_score_loss, confusion_matrix, roc_auc_score

from rnnet.core.errors import SettingError
from rnnet.evaluation.calibration import CalibrationLine, calibration_slope_intercept
from rnnet.evaluation.checks import FloatArray, IntArray, check_probabilities, labels_and_scores


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of the positive outcome. A lesion is called positive when its probability is >= `threshold`.

    `ppv` is None where no lesion is called positive and `npv` is None where none is called negative: they are then
    undefined, and neither 0 nor 1 would be true. The figures of the calibration line (Cox 1958) are None where it has
    no finite slope, and `calibration_note` says why. Every other figure is defined, because both classes are present.
    """

    auc: float
    accuracy: float
    balanced_accuracy: float
    sensitivity: float
    specificity: float
    ppv: float | None
    npv: float | None
    f1: float
    brier: float
    n_positive: int
    n_negative: int
    threshold: float
    calibration_slope: float | None = None
    calibration_intercept: float | None = None
    calibration_in_the_large: float | None = None
    calibration_note: str = ""


def classification_metrics(
    y: ArrayLike, p: ArrayLike, *, threshold: float, called: ArrayLike | None = None, ranking: ArrayLike | None = None,
) -> Metrics:
    """Metrics of probabilities p (n,) of the positive outcome against outcomes y (n,) of 0 and 1.

    called: (n,) which lesions are called positive, where they are not cut at one threshold alone. ranking: (n,) scores
    that the AUC is computed from instead of p.

    Raises:
        SettingError: empty input, one class only, values out of range, or a threshold that is not a number.
    """
    outcomes, probabilities = labels_and_scores(y, p)
    check_probabilities(probabilities)
    if not 0 <= threshold <= 1:
        raise SettingError(f"The threshold must lie between 0 and 1. Got {threshold} instead.")
    positive = np.asarray(probabilities >= threshold if called is None else called, dtype=np.int64)
    _, scores = (outcomes, probabilities) if ranking is None else labels_and_scores(y, ranking)
    (tn, fp), (fn, tp) = confusion_matrix(outcomes, positive, labels=[0, 1]).tolist()
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    line, note = _line(outcomes, probabilities)
    return Metrics(
        auc=float(roc_auc_score(outcomes, scores)),
        accuracy=(tp + tn) / outcomes.size,
        balanced_accuracy=(sensitivity + specificity) / 2,
        sensitivity=sensitivity,
        specificity=specificity,
        ppv=tp / (tp + fp) if tp + fp else None,
        npv=tn / (tn + fn) if tn + fn else None,
        f1=2 * tp / (2 * tp + fp + fn),
        brier=float(brier_score_loss(outcomes, probabilities)),
        n_positive=tp + fn,
        n_negative=tn + fp,
        threshold=float(threshold),
        calibration_slope=line.slope if line else None,
        calibration_intercept=line.intercept if line else None,
        calibration_in_the_large=line.in_the_large if line else None,
        calibration_note=note,
    )


def _line(outcomes: IntArray, probabilities: FloatArray) -> tuple[CalibrationLine | None, str]:
    """The calibration line, or None and why there is none."""
    try:
        return calibration_slope_intercept(outcomes, probabilities), ""
    except SettingError as error:
        return None, error.problem
