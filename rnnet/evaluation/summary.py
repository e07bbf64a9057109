"""All figures of one model on one set of lesions, as they are stored and printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from rnnet.core.errors import SettingError
from rnnet.core.types import LesionPrediction
from rnnet.evaluation.deciding import Decisions
from rnnet.evaluation.decision import Decision, fixed_threshold
from rnnet.evaluation.figures import figures_of, metrics_of
from rnnet.evaluation.lesions import PATIENT_RULE, by_patient, evaluated_lesions, of_fold_model
from rnnet.evaluation.metrics import Metrics
from rnnet.evaluation.predictions import ensemble, out_of_fold
from rnnet.evaluation.repeat_results import ControlResult, SeedSpread
from rnnet.evaluation.results import EvaluatedLesion, LabelShareResult, ModelComparison, PatientLevel, SubgroupResult
from rnnet.evaluation.statistics import Interval

CROSS_VALIDATION = "cross-validation"
SAME_CENTER_TEST = "test"
# What `ModelSummary.decided_by` says where cross-validation could not leave the evaluated fold out.
SAME_PREDICTIONS = "these same predictions"
_TITLES = {CROSS_VALIDATION: "Cross-validation", SAME_CENTER_TEST: "Same-centre test"}
_NOT_METRICS = ("n_positive", "n_negative", "threshold", "calibration_note")
METRIC_NAMES = tuple(f.name for f in fields(Metrics) if f.name not in _NOT_METRICS)


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
    are usually published; it says nothing of the sampling error of the lesions. `decision` is that for new lesions;
    `decided_by` says what decided the lesions here. `patients`: figures of `pooled` by patient; None where all patients
    have the same outcome.
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
    decision: Decision | None = None
    decided_by: str = ""
    patients: PatientLevel | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that rnnet_evaluate finds for one data set under one plan.

    label_sources: where given, only lesions whose outcome comes from one of them were evaluated.
    """

    dataset: str
    plan: str
    summaries: tuple[ModelSummary, ...]
    controls: tuple[ControlResult, ...] = ()
    seeds: tuple[SeedSpread, ...] = ()
    comparisons: tuple[ModelComparison, ...] = ()
    subgroups: tuple[SubgroupResult, ...] = ()
    label_shares: tuple[LabelShareResult, ...] = ()
    label_sources: tuple[str, ...] = ()


def summarise(
    config: str, subset: str, folds: Sequence[Sequence[LesionPrediction]], *, positive_outcome: str,
    negative_outcome: str, seed: int, decisions: Decisions | None = None, threshold: float | None = None,
    subset_title: str = "", fold_numbers: Sequence[int] | None = None, n_resamples: int = 2000, level: float = 0.95,
) -> ModelSummary:
    """The summary of one configuration on one subset.

    Args:
        config: a name of core.types.CONFIGS.
        subset: 'cross-validation' (folds hold different lesions, each predicted by the model that never saw it),
            'test', or the name of an external data set (every fold holds the same lesions).
        folds: predictions of each fold model. Lesions without an outcome are left out and counted.
        positive_outcome: what outcome 1 means.
        negative_outcome: what outcome 0 means.
        seed: of the bootstrap. Models on the same lesions see the same resamples of patients.
        decisions: calibration, threshold and conformal limits, fixed beforehand on out-of-fold predictions; the same
            for the fold models and for all together.
        threshold: instead of decisions, on the models' own probabilities.
        subset_title: for tables; the default is made from `subset`.
        fold_numbers: number of each fold; the default counts from 0.
        n_resamples: of the bootstrap by patient.
        level: of its intervals.

    Raises:
        DatasetError: folds that do not fit together.
        SettingError: no lesion with a known outcome, or all of one outcome.
    """
    numbers = tuple(range(len(folds))) if fold_numbers is None else tuple(fold_numbers)
    if len(numbers) != len(folds):
        raise SettingError(f"There must be one number per fold. Got {len(numbers)} for {len(folds)} folds.")
    if (decisions is None) == (threshold is None):
        raise SettingError("Give either decisions or a threshold.")
    chosen = decisions or Decisions(fixed_threshold(
        threshold or 0.0, positive_outcome=positive_outcome, negative_outcome=negative_outcome))
    is_cv = subset == CROSS_VALIDATION
    by_number = dict(zip(numbers, folds, strict=True))
    lesions = evaluated_lesions(config, subset, by_number, chosen, is_cross_validation=is_cv)
    pooled, intervals = figures_of(lesions, chosen.own.threshold, seed=seed, n_resamples=n_resamples, level=level)
    scores = tuple(_fold_score(config, subset, n, fold, chosen) for n, fold in by_number.items())
    return ModelSummary(
        config=config, subset=subset, subset_title=subset_title or title_of(subset),
        positive_outcome=positive_outcome, negative_outcome=negative_outcome,
        pooling="out-of-fold" if is_cv else "ensemble",
        pooled=pooled, intervals=intervals, folds=scores, mean_sd=_over_models(scores),
        counts=_counts(lesions, len(pooled_predictions(subset, folds)) - len(lesions)),
        case_ids=tuple(sorted(lesion.case_id for lesion in lesions)),
        decision=chosen.own, decided_by=_decided_by(chosen, is_cross_validation=is_cv),
        patients=_patient_level(lesions, chosen.own.threshold, seed=seed, n_resamples=n_resamples, level=level),
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


def _decided_by(decisions: Decisions, *, is_cross_validation: bool) -> str:
    if decisions.own.n_cases == 0:
        return "a given threshold"
    if not is_cross_validation:
        return "all out-of-fold predictions"
    return "out-of-fold predictions of the other folds" if decisions.by_fold else SAME_PREDICTIONS


def _patient_level(
    lesions: Sequence[EvaluatedLesion], threshold: float, *, seed: int, n_resamples: int, level: float
) -> PatientLevel | None:
    patients = by_patient(lesions)
    if len({p.outcome for p in patients}) < 2:
        return None
    pooled, intervals = figures_of(patients, threshold, seed=seed, n_resamples=n_resamples, level=level)
    return PatientLevel(PATIENT_RULE, pooled, intervals)


def _fold_score(
    config: str, subset: str, number: int, fold: Sequence[LesionPrediction], decisions: Decisions
) -> FoldScore:
    is_cv = subset == CROSS_VALIDATION
    lesions = of_fold_model(config, subset, number, fold, decisions, is_cross_validation=is_cv)
    if len({lesion.outcome for lesion in lesions}) < 2:
        return FoldScore(number, None, note=f"{len(lesions)} lesions, not of both outcomes: no figures")
    return FoldScore(number, metrics_of(lesions, decisions.of(number if is_cv else None).threshold))


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


def _counts(known: Sequence[EvaluatedLesion], n_without_outcome: int) -> Counts:
    positive = {p.patient_id for p in known if p.outcome == 1}
    negative = {p.patient_id for p in known if p.outcome == 0}
    n_positive = sum(p.outcome == 1 for p in known)
    return Counts(
        lesions_positive=n_positive, lesions_negative=len(known) - n_positive, patients=len(positive | negative),
        patients_positive=len(positive), patients_negative=len(negative), lesions_without_outcome=n_without_outcome,
    )
