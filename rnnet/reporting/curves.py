"""Curves of a report as arrays: ROC with its band, precision and recall, groups of a calibration plot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.seeding import rng_for
from rnnet.evaluation.checks import labels_and_scores
from rnnet.reporting.scores import Scores

FloatArray = npt.NDArray[np.float64]
_GRID = np.linspace(0.0, 1.0, 101)
_RESAMPLES = 1000
# A group of a calibration plot holds at least so many lesions, and there are at most so many groups.
_LEAST_IN_GROUP, _MOST_GROUPS = 5, 6


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """x (n,) with the lower and upper bound of y at each."""

    x: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class CalibrationGroup:
    """Lesions of similar probability: their mean probability and the observed share with its Wilson interval."""

    probability: float
    share: float
    low: float
    high: float
    n: int


def roc_points(scores: Scores) -> tuple[FloatArray, FloatArray]:
    """(1 - specificity, sensitivity) at every threshold, from (0, 0) to (1, 1)."""
    from sklearn.metrics import roc_curve

    y, z = labels_and_scores(scores.y, scores.z)
    fpr, tpr, _ = roc_curve(y, z, drop_intermediate=False)
    return fpr, tpr


def roc_band(scores: Scores, *, seed: int, level: float = 0.95) -> Band | None:
    """Pointwise interval of the sensitivity at each specificity, over resamples of whole patients.

    Vertical averaging (Fawcett 2006, Pattern Recognition Letters 27, 861). None where fewer than ten resamples hold
    both outcomes.
    """
    y, z = labels_and_scores(scores.y, scores.z)
    _, patient = np.unique(np.asarray(scores.patients), return_inverse=True)
    n_patients = int(patient.max()) + 1
    order = np.argsort(-z, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(z[order])), y.size - 1)  # last lesion of each distinct score
    times = rng_for(seed, "roc band").multinomial(n_patients, np.full(n_patients, 1 / n_patients), size=_RESAMPLES)
    curves = []
    for weights in times[:, patient[order]].astype(float):
        tp, fp = np.cumsum(weights * y[order])[ends], np.cumsum(weights * (1 - y[order]))[ends]
        if tp[-1] > 0 and fp[-1] > 0:
            curves.append(np.interp(_GRID, np.append(0, fp / fp[-1]), np.append(0, tp / tp[-1])))
    if len(curves) < 10:
        return None
    low, high = np.quantile(np.stack(curves), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return Band(_GRID, low, high)


def pr_points(scores: Scores) -> tuple[FloatArray, FloatArray]:
    """(recall, precision) at every threshold that finds a positive lesion, recall rising from 0.

    At recall 0 stands the precision of the first threshold that finds one: without any it would be 0, 0 / 0 or a
    convention.
    """
    from sklearn.metrics import precision_recall_curve

    y, z = labels_and_scores(scores.y, scores.z)
    precision, recall, _ = precision_recall_curve(y, z)
    recall, precision = recall[::-1], precision[::-1]
    found = recall > 0
    return np.append(0.0, recall[found]), np.append(precision[found][0], precision[found])


def calibration_groups(scores: Scores, *, level: float = 0.95) -> tuple[CalibrationGroup, ...]:
    """Lesions in order of probability, in groups of equal size."""
    from scipy.stats import binomtest

    y, p = labels_and_scores(scores.y, scores.p)
    n_groups = int(np.clip(y.size // _LEAST_IN_GROUP, 1, _MOST_GROUPS))
    groups = []
    for part in np.array_split(np.argsort(p, kind="stable"), n_groups):
        k, n = int(y[part].sum()), int(part.size)
        interval = binomtest(k, n).proportion_ci(confidence_level=level, method="wilson")
        groups.append(CalibrationGroup(float(p[part].mean()), k / n, float(interval.low), float(interval.high), n))
    return tuple(groups)
