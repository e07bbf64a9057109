"""Two models on the same lesions: the difference of their AUC, with an interval over patients."""

from __future__ import annotations

import numpy as np

from rnnet.core.errors import DatasetError
from rnnet.core.types import LesionPrediction
from rnnet.core.workspace import ResultsLayout, trained_folds
from rnnet.evaluation.checks import FloatArray, IntArray
from rnnet.evaluation.predictions import read_predictions
from rnnet.evaluation.statistics import Interval, auc, clustered_bootstrap
from rnnet.evaluation.summary import pooled_predictions, subset_file


def auc_difference(
    first: ResultsLayout, config: str, second: ResultsLayout, other: str, subset: str, *, positive_outcome: str
) -> Interval | None:
    """AUC of `config` minus that of `other`; None where one of them has no predictions of the subset.

    Raises:
        DatasetError: the two models predicted other lesions.
    """
    pair = [
        _by_case(results, name, subset, positive_outcome) for results, name in ((first, config), (second, other))
    ]
    if not all(pair):
        return None
    if pair[0].keys() != pair[1].keys():
        raise DatasetError(f"'{config}' and '{other}' have predicted other lesions of '{subset}'.",
                           fix="Train and predict both on the same folds and scans.")
    cases = sorted(pair[0])
    return paired_difference([pair[0][c] for c in cases], [pair[1][c] for c in cases])


def paired_difference(first: list[LesionPrediction], second: list[LesionPrediction], *, seed: int = 0) -> Interval:
    """Both lists hold the same lesions in the same order; each resample draws patients once, for both models."""
    outcomes = [int(p.outcome or 0) for p in first]
    ours, theirs = (np.array([p.probability for p in rows], dtype=np.float64) for rows in (first, second))

    def difference(y: IntArray, _: FloatArray, weights: FloatArray) -> FloatArray:
        drop: FloatArray = auc(y, ours, weights) - auc(y, theirs, weights)
        return drop

    return clustered_bootstrap(outcomes, ours, [p.patient_id for p in first], difference, seed=seed)


def _by_case(
    results: ResultsLayout, config: str, subset: str, positive_outcome: str
) -> dict[str, LesionPrediction]:
    """The model's joint predictions of the lesions with a known outcome, by case."""
    folds = [
        read_predictions(path, positive_outcome=positive_outcome)
        for fold in trained_folds(results, config, "python -m trials.run")
        if (path := results.fold(config, fold).predictions(subset_file(subset))).is_file()
    ]
    if not folds:
        return {}
    return {p.case_id: p for p in pooled_predictions(subset, folds) if p.outcome is not None}
