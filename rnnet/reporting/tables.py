"""Results as tables of text: one table per subset, one row per model, the positive class in every title."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from rnnet.core.errors import DatasetError
from rnnet.core.types import CONFIGS
from rnnet.core.wording import listed
from rnnet.evaluation.names import model_name
from rnnet.evaluation.statistics import Interval
from rnnet.evaluation.summary import (
    CROSS_VALIDATION,
    SAME_CENTER_TEST,
    SAME_PREDICTIONS,
    Counts,
    MeanSd,
    ModelSummary,
)

_FIRST_SUBSETS = (CROSS_VALIDATION, SAME_CENTER_TEST)
_PRIMARY = ("multimodal", "ssl_vit")
POOLED_NOTE = (
    "Out-of-fold predictions: the fold models share training lesions and learned from the patients that test the "
    "others. The interval does not contain this, so that it is too narrow: with made-up data of 30 or 109 patients "
    "whose outcome nothing predicts, about 85 of 100 such intervals hold 0.5, not 95."
)
# What stands before a category, below the name of its characteristic.
INDENT = "  "


@dataclass(frozen=True, slots=True)
class Table:
    """Cells of text. The first column is left-aligned, the others centred.

    `short_header` is for a terminal of 80 columns. spans: (what stands above them, names of the columns below it), all
    columns together, for a header of two lines; `header` says the same in one. emphasised: numbers of rows that stand
    out. text_at_the_end: the last column holds text and is left-aligned.
    """

    title: str
    subtitle: str
    header: tuple[str, ...]
    short_header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    spans: tuple[tuple[str, tuple[str, ...]], ...] = ()
    emphasised: tuple[int, ...] = ()
    text_at_the_end: bool = False


def mapped(table: Table, cell: Callable[[str], str]) -> Table:
    """The table with every text passed through `cell`."""
    return replace(
        table, title=cell(table.title), subtitle=cell(table.subtitle), header=tuple(map(cell, table.header)),
        short_header=tuple(map(cell, table.short_header)), rows=tuple(tuple(map(cell, row)) for row in table.rows),
        notes=tuple(map(cell, table.notes)),
        spans=tuple((cell(title), tuple(map(cell, names))) for title, names in table.spans),
    )


def model_tables(summaries: Sequence[ModelSummary]) -> tuple[Table, ...]:
    """One table per subset: cross-validation, same-centre test, then the others in the order given.

    Raises:
        DatasetError: models of one subset that were not evaluated on the same lesions or that do not share the
            positive outcome; their figures must not stand in one table.
    """
    return tuple(_subset_table(by_model) for by_model in by_subset(summaries))


def by_subset(summaries: Sequence[ModelSummary]) -> tuple[tuple[ModelSummary, ...], ...]:
    """The summaries of each subset, subsets and models in the order of the tables, checked to be comparable."""
    subsets = list(dict.fromkeys(s.subset for s in summaries))
    ordered = [s for s in _FIRST_SUBSETS if s in subsets] + [s for s in subsets if s not in _FIRST_SUBSETS]
    groups = tuple(tuple(sorted((s for s in summaries if s.subset == name), key=_rank)) for name in ordered)
    for group in groups:
        for other in group[1:]:
            _check_comparable(group[0], other)
        if len({s.config for s in group}) < len(group):
            raise DatasetError(f"A model stands twice in the results of '{group[0].subset}'.")
    return groups


def primary_config(configs: Iterable[str]) -> str:
    """The model that large figures and bands belong to: multimodal, else ssl_vit, else the first.

    Fixed beforehand, never the one with the best figures.
    """
    found = list(configs)
    return next((c for c in _PRIMARY if c in found), found[0])


def plain_outcome(outcome: str) -> str:
    """Readable name of an outcome: radiation_necrosis -> radiation necrosis."""
    return outcome.replace("_", " ")


def lower_first(title: str) -> str:
    """A title inside a sentence."""
    return f"{title[:1].lower()}{title[1:]}"


def subset_heading(s: ModelSummary) -> tuple[str, str]:
    """Title and subtitle of a subset: its name and positive class; lesions and patients of each class."""
    title = f"{s.subset_title} (positive class: {plain_outcome(s.positive_outcome)})"
    return title, classes_line(s.counts, s.positive_outcome, s.negative_outcome)


def classes_line(counts: Counts, positive_outcome: str, negative_outcome: str) -> str:
    """'radiation necrosis: 11 lesions, 9 patients; progression: ...'."""
    return (
        f"{plain_outcome(positive_outcome)}: {counted(counts.lesions_positive, 'lesion')}, "
        f"{counted(counts.patients_positive, 'patient')}; "
        f"{plain_outcome(negative_outcome)}: {counted(counts.lesions_negative, 'lesion')}, "
        f"{counted(counts.patients_negative, 'patient')}"
    )


def counted(n: int, what: str) -> str:
    """'1 lesion', '2 lesions'."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def interval_text(interval: Interval) -> str:
    """'0.912 [0.840, 0.967]'."""
    return f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def mean_sd_text(value: MeanSd | None) -> str:
    """'0.905 ± 0.021', or without SD for a single model, or a dash where no fold has the figure."""
    if value is None:
        return "–"
    return f"{value.mean:.3f}" if value.sd is None else f"{value.mean:.3f} ± {value.sd:.3f}"


def _subset_table(group: Sequence[ModelSummary]) -> Table:
    first = group[0]
    title, subtitle = subset_heading(first)
    level = f"{100 * first.intervals['auc'].level:g} %"
    return Table(
        title=title,
        subtitle=subtitle,
        header=("Model", f"AUC [{level} CI]", "AUC, mean ± SD over folds", "Accuracy", "Sensitivity", "Specificity"),
        short_header=("Model", f"AUC [{level} CI]", "mean ± SD", "Acc.", "Sens.", "Spec."),
        rows=tuple(
            (model_name(s.config), interval_text(s.intervals["auc"]), mean_sd_text(s.mean_sd.get("auc")),
             f"{s.pooled.accuracy:.3f}", f"{s.pooled.sensitivity:.3f}", f"{s.pooled.specificity:.3f}")
            for s in group
        ),
        notes=_notes(group),
    )


def emphasised(group: Sequence[ModelSummary]) -> tuple[int, ...]:
    """The row of the primary model, where there are others."""
    chosen = primary_config(s.config for s in group)
    return tuple(i for i, s in enumerate(group) if s.config == chosen) if len(group) > 1 else ()


def _notes(group: Sequence[ModelSummary]) -> tuple[str, ...]:
    together = "out-of-fold predictions pooled" if group[0].pooling == "out-of-fold" else "ensemble of the fold models"
    pooling = f"AUC, accuracy, sensitivity, specificity: {together}. Mean ± SD: AUC of the single fold models."
    return (pooling, *reading_notes(group))


def reading_notes(group: Sequence[ModelSummary]) -> tuple[str, ...]:
    """What must be known to read the figures of one test set: interval, threshold, lesions left out."""
    first = group[0]
    resamples = first.intervals["auc"].n_resamples_used + first.intervals["auc"].n_resamples_omitted
    notes = [f"Interval: bootstrap, {resamples:,} resamples of patients."]
    if first.pooling == "out-of-fold":
        notes.append(POOLED_NOTE)
    for decided_by in dict.fromkeys(s.decided_by for s in group if s.decided_by):
        notes.append(f"Calibration and threshold: fixed on {decided_by}.")
        if decided_by == SAME_PREDICTIONS:
            notes.append("Accuracy, sensitivity and specificity are optimistic here for that reason; AUC does not "
                         "depend on them.")
    if any(s.intervals["auc"].low == s.intervals["auc"].high for s in group):
        notes.append("An interval without width means that every resample gave the same value (the model separates "
                     "these few lesions perfectly, or scores all alike): a limit of the bootstrap, not certainty.")
    if first.counts.lesions_without_outcome:
        notes.append(f"{counted(first.counts.lesions_without_outcome, 'lesion')} without known outcome left out.")
    notes += [f"{model_name(s.config)}, fold {f.fold}: {f.note}." for s in group for f in s.folds if f.note]
    return tuple(notes)


def _rank(summary: ModelSummary) -> tuple[int, str]:
    known = summary.config in CONFIGS
    return (CONFIGS.index(summary.config) if known else len(CONFIGS), summary.config)


def _check_comparable(a: ModelSummary, b: ModelSummary) -> None:
    names = f"'{a.config}' and '{b.config}' on '{a.subset}'"
    if (a.positive_outcome, a.negative_outcome) != (b.positive_outcome, b.negative_outcome):
        raise DatasetError(f"{names} do not share the positive class: {a.positive_outcome} and {b.positive_outcome}.",
                           fix="Run rnnet_train again for the model made with another plan.")
    differing = sorted(set(a.case_ids) ^ set(b.case_ids))
    if differing:
        raise DatasetError(
            f"{names} were evaluated on different lesions: {listed(differing, 10)} belong to one of them only.",
            fix="Run rnnet_train or rnnet_predict again so that both models predict the same cases.",
        )

