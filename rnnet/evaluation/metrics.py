"""Figures of one model on one set of lesions at one threshold."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike
from sklearn.metrics import brier_score_loss, confusion_matrix, roc_auc_score

from rnnet.core.errors import SettingError
from rnnet.evaluation.checks import check_probabilities, labels_and_scores


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures of the positive outcome. A lesion is called positive when its probability is >= `threshold`.

    `ppv` is None where no lesion is called positive and `npv` is None where none is called negative: they are then
    undefined, and neither 0 nor 1 would be true. Every other figure is defined, because both classes are present.
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


def classification_metrics(y: ArrayLike, p: ArrayLike, *, threshold: float) -> Metrics:
    """Metrics of probabilities p (n,) of the positive outcome against outcomes y (n,) of 0 and 1.

    Raises:
        SettingError: empty input, one class only, values out of range, or a threshold that is not a number.
    """
    outcomes, probabilities = labels_and_scores(y, p)
    check_probabilities(probabilities)
    if not 0 <= threshold <= 1:
        raise SettingError(f"The threshold must lie between 0 and 1. Got {threshold} instead.")
    called = (probabilities >= threshold).astype(int)
    (tn, fp), (fn, tp) = confusion_matrix(outcomes, called, labels=[0, 1]).tolist()
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    return Metrics(
        auc=float(roc_auc_score(outcomes, probabilities)),
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
    )
