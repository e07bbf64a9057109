"""The results table in its published form: mean and SD over the fold models, and the ensemble with intervals."""

from __future__ import annotations

from collections.abc import Sequence

from rnnet.evaluation.names import model_name
from rnnet.evaluation.statistics import Interval
from rnnet.evaluation.summary import CROSS_VALIDATION, ModelSummary
from rnnet.reporting.tables import (
    Table,
    by_subset,
    emphasised,
    interval_text,
    lower_first,
    mean_sd_text,
    reading_notes,
    subset_heading,
)

_FIGURES = (("auc", "AUC"), ("accuracy", "Accuracy"), ("sensitivity", "Sensitivity"), ("specificity", "Specificity"))
_OTHERS = (("balanced_accuracy", "Balanced accuracy"), ("ppv", "PPV"), ("npv", "NPV"), ("f1", "F1"), ("brier", "Brier"),
           ("calibration_slope", "Calibration slope"), ("calibration_intercept", "Calibration intercept"))
_NONE = "–"


def results_tables(summaries: Sequence[ModelSummary]) -> tuple[Table, ...]:
    """One table per test set: AUC, accuracy, sensitivity and specificity, over fold models and together.

    Raises:
        DatasetError: models of one test set that must not stand in one table (see by_subset).
    """
    return tuple(_results(group) for group in by_subset(summaries))


def further_tables(summaries: Sequence[ModelSummary]) -> tuple[Table, ...]:
    """One table per test set of the remaining figures of all fold models together."""
    return tuple(_further(group) for group in by_subset(summaries))


def _results(group: Sequence[ModelSummary]) -> Table:
    first = group[0]
    title, subtitle = subset_heading(first)
    together = _together(first)
    level = f"{100 * first.intervals['auc'].level:g} % CI"
    names = tuple(name for _, name in _FIGURES)
    spans = (("", ("Model",)), ("Fold models, mean ± SD", names), (f"{together} [{level}]", names))
    return Table(
        title=f"Models, {lower_first(title)}",
        subtitle=subtitle,
        header=("Model", *(f"{name}, mean ± SD over folds" for name in names),
                *(f"{name}, {together.lower()} [{level}]" for name in names)),
        short_header=("Model", *names, *names),
        rows=tuple(
            (model_name(s.config), *(mean_sd_text(s.mean_sd.get(key)) for key, _ in _FIGURES),
             *(_interval(s.intervals.get(key)) for key, _ in _FIGURES))
            for s in group
        ),
        notes=("Mean ± SD over the fold models is the form in which such figures are usually published; it does not "
               "contain the sampling error of the patients, which the intervals show.", *reading_notes(group)),
        spans=spans, emphasised=emphasised(group),
    )


def _further(group: Sequence[ModelSummary]) -> Table:
    first = group[0]
    title, subtitle = subset_heading(first)
    header = ("Model", "Threshold", *(name for _, name in _OTHERS))
    return Table(
        title=f"Further figures of the models, {lower_first(title)}",
        subtitle=f"{subtitle}. {_together(first)}, intervals by patient.", header=header, short_header=header,
        rows=tuple(
            (model_name(s.config), f"{s.pooled.threshold:.3f}", *(_figure(s, key) for key, _ in _OTHERS))
            for s in group
        ),
        notes=("PPV, NPV: share of lesions called positive (negative) that are so, at the share of outcomes of this "
               "set. Brier: mean squared distance of probability and outcome, 0 is best.",
               "Calibration slope 1 and intercept 0 are best; a slope below 1: probabilities are too extreme.",
               f"{_NONE}: not defined, as no lesion is called positive (negative) or the slope has no finite value. A "
               "figure without interval is undefined in more than half of the resamples.",
               *(("Threshold: that for new lesions. In cross-validation the other folds decide each fold.",)
                 if first.pooling == "out-of-fold" else ())),
        emphasised=emphasised(group),
    )


def _together(summary: ModelSummary) -> str:
    return "Out-of-fold predictions" if summary.subset == CROSS_VALIDATION else "Ensemble"


def _interval(interval: Interval | None) -> str:
    return _NONE if interval is None else interval_text(interval)


def _figure(summary: ModelSummary, name: str) -> str:
    value, interval = getattr(summary.pooled, name), summary.intervals.get(name)
    if value is None:
        return _NONE
    if name.startswith("calibration"):
        return _unbounded(value) + (f" [{_unbounded(interval.low)}, {_unbounded(interval.high)}]" if interval else "")
    return f"{value:.3f}" if interval is None else interval_text(interval)


def _unbounded(value: float) -> str:
    """A figure without bounds in a column of the width of those from 0 to 1."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1000 else f"{value:.0e}"
