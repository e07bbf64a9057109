"""All figures of one model on one set of lesions, as they are stored and printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from rnnet.core.errors import SettingError
from rnnet.core.types import LesionPrediction
from rnnet.evaluation.metrics import Metrics, classification_metrics
from rnnet.evaluation.predictions import ensemble, out_of_fold
from rnnet.evaluation.repeat_results import ControlResult, SeedSpread
from rnnet.evaluation.statistics import (
    Interval,
    accuracy_at,
    auc,
    clustered_bootstrap,
    sensitivity_at,
    specificity_at,
)

CROSS_VALIDATION = "cross-validation"
SAME_CENTER_TEST = "test"
_TITLES = {CROSS_VALIDATION: "Cross-validation", SAME_CENTER_TEST: "Same-centre test"}
METRIC_NAMES = tuple(f.name for f in fields(Metrics) if f.name not in ("n_positive", "n_negative", "threshold"))


@dataclass(frozen=True, slots=True)
class MeanSd:
    """Mean and sample standard deviation over fold models; `sd` is None for a single model."""

    mean: float
    sd: float | None
    n_models: int


@dataclass(frozen=True, slots=True)
class FoldScore:
    """Figures of one fold model; `metrics` is None where its lesions are all of one class, and `note` says so."""

    fold: int
    metrics: Metrics | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """Lesions and patients that the figures rest on. A patient with lesions of both outcomes counts in both."""

    lesions_positive: int
    lesions_negative: int
    patients: int
    patients_positive: int
    patients_negative: int
    lesions_without_outcome: int


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """One row of a results table.

    `pooled` belongs to all fold models together: the ensemble on a test set, the out-of-fold predictions in
    cross-validation. `intervals` are those of `pooled`. `mean_sd` is the mean over fold models, as such results
    are usually published; it says nothing of the sampling error of the lesions.
    """

    config: str
    subset: str
    subset_title: str
    positive_outcome: str
    negative_outcome: str
    pooling: Literal["ensemble", "out-of-fold"]
    pooled: Metrics
    intervals: Mapping[str, Interval]
    folds: tuple[FoldScore, ...]
    mean_sd: Mapping[str, MeanSd]
    counts: Counts
    case_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All summaries of one data set under one plan, negative controls and seeds: what rnnet_evaluate stores."""

    dataset: str
    plan: str
    summaries: tuple[ModelSummary, ...]
    controls: tuple[ControlResult, ...] = ()
    seeds: tuple[SeedSpread, ...] = ()


def summarise(
    config: str, subset: str, folds: Sequence[Sequence[LesionPrediction]], *, threshold: float,
    positive_outcome: str, negative_outcome: str, seed: int, subset_title: str = "",
    fold_numbers: Sequence[int] | None = None, n_resamples: int = 2000, level: float = 0.95,
) -> ModelSummary:
    """The summary of one configuration on one subset.

    Args:
        config: a name of core.types.CONFIGS.
        subset: 'cross-validation' (folds hold different lesions, each predicted by the model that never saw it),
            'test', or the name of an external data set (every fold holds the same lesions).
        folds: predictions of each fold model. Lesions without an outcome are left out and counted.
        threshold: fixed beforehand on out-of-fold predictions; the same for the fold models and for all together.
        positive_outcome: what outcome 1 means.
        negative_outcome: what outcome 0 means.
        seed: of the bootstrap. Models on the same lesions see the same resamples of patients.
        subset_title: for tables; the default is made from `subset`.
        fold_numbers: number of each fold; the default counts from 0.
        n_resamples: of the bootstrap by patient.
        level: of its intervals.

    Raises:
        DatasetError: folds that do not fit together.
        SettingError: no lesion with a known outcome, or all of one outcome.
    """
    predictions = pooled_predictions(subset, folds)
    known = [p for p in predictions if p.outcome is not None]
    y, p = outcomes_and_probabilities(known)
    numbers = tuple(range(len(folds))) if fold_numbers is None else tuple(fold_numbers)
    if len(numbers) != len(folds):
        raise SettingError(f"There must be one number per fold. Got {len(numbers)} for {len(folds)} folds.")
    pooled = classification_metrics(y, p, threshold=threshold)
    scores = tuple(_fold_score(n, fold, threshold) for n, fold in zip(numbers, folds, strict=True))
    statistics = {
        "auc": auc, "accuracy": accuracy_at(threshold),
        "sensitivity": sensitivity_at(threshold), "specificity": specificity_at(threshold),
    }
    patients = [k.patient_id for k in known]
    intervals = {
        name: clustered_bootstrap(y, p, patients, statistic, n_resamples=n_resamples, level=level, seed=seed)
        for name, statistic in statistics.items()
    }
    return ModelSummary(
        config=config, subset=subset, subset_title=subset_title or title_of(subset),
        positive_outcome=positive_outcome, negative_outcome=negative_outcome,
        pooling="out-of-fold" if subset == CROSS_VALIDATION else "ensemble",
        pooled=pooled, intervals=intervals, folds=scores, mean_sd=_over_models(scores),
        counts=_counts(known, len(predictions) - len(known)), case_ids=tuple(sorted(k.case_id for k in known)),
    )


def title_of(subset: str) -> str:
    """Readable name of a subset."""
    return _TITLES.get(subset, f"External test, {subset}")


def subset_file(subset: str) -> str:
    """Name of the prediction file of a subset: 'validation' for cross-validation, else the subset's own."""
    return "validation" if subset == CROSS_VALIDATION else subset


def pooled_predictions(subset: str, folds: Sequence[Sequence[LesionPrediction]]) -> tuple[LesionPrediction, ...]:
    """Out-of-fold predictions for 'cross-validation', the ensemble of the fold models for every other subset."""
    return out_of_fold(folds) if subset == CROSS_VALIDATION else ensemble(folds)


def outcomes_and_probabilities(predictions: Sequence[LesionPrediction]) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes (n,) int64 and probabilities (n,) float64 of the lesions whose outcome is known."""
    known = [(p.outcome, p.probability) for p in predictions if p.outcome is not None]
    return np.array([k[0] for k in known], dtype=np.int64), np.array([k[1] for k in known], dtype=np.float64)


def _fold_score(number: int, fold: Sequence[LesionPrediction], threshold: float) -> FoldScore:
    y, p = outcomes_and_probabilities(fold)
    if len(set(y.tolist())) < 2:
        return FoldScore(number, None, note=f"{y.size} lesions, not of both outcomes: no figures")
    return FoldScore(number, classification_metrics(y, p, threshold=threshold))


def _over_models(scores: Sequence[FoldScore]) -> dict[str, MeanSd]:
    """Mean and SD of each metric over the fold models in which it is defined."""
    result = {}
    for name in METRIC_NAMES:
        values = [getattr(s.metrics, name) for s in scores if s.metrics is not None]
        defined = np.array([v for v in values if v is not None], dtype=np.float64)
        if defined.size:
            sd = float(defined.std(ddof=1)) if defined.size > 1 else None
            result[name] = MeanSd(float(defined.mean()), sd, int(defined.size))
    return result


def _counts(known: Sequence[LesionPrediction], n_without_outcome: int) -> Counts:
    positive = {p.patient_id for p in known if p.outcome == 1}
    negative = {p.patient_id for p in known if p.outcome == 0}
    n_positive = sum(p.outcome == 1 for p in known)
    return Counts(
        lesions_positive=n_positive, lesions_negative=len(known) - n_positive, patients=len(positive | negative),
        patients_positive=len(positive), patients_negative=len(negative), lesions_without_outcome=n_without_outcome,
    )
