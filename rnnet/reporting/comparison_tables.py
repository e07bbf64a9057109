"""Comparisons of models as tables of text: the published t-test beside those that should decide."""

from __future__ import annotations

from collections.abc import Sequence

from rnnet.evaluation.names import model_name
from rnnet.evaluation.results import ModelComparison
from rnnet.evaluation.summary import CROSS_VALIDATION
from rnnet.reporting.cohort_tables import p_text
from rnnet.reporting.tables import Table, counted, lower_first, plain_outcome

_NONE = "–"
_NOTES = (
    "Difference: AUC of the first model minus that of the second, on the same lesions, with its bootstrap interval "
    "over patients; 'bootstrap': p-value from the same resamples.",
    "DeLong: paired test of the two AUCs; it takes lesions for independent, which several lesions of a patient are "
    "not.",
    "t-test over folds: paired over the fold models, as such comparisons are usually published; 'corrected': with the "
    "variance that folds sharing training lesions need (Nadeau and Bengio 2003).",
)
_POOLED_NOTE = (
    "Out-of-fold predictions: the fold models share training lesions and learned from the patients that test the "
    "others. Neither the interval nor the p-values of bootstrap and DeLong contain this: the one is rather too narrow, "
    "the others are rather too small."
)


def comparison_tables(comparisons: Sequence[ModelComparison]) -> tuple[Table, ...]:
    """One table per test set, in the order of the comparisons."""
    subsets = dict.fromkeys(c.subset for c in comparisons)
    return tuple(_table([c for c in comparisons if c.subset == subset]) for subset in subsets)


def _table(group: Sequence[ModelComparison]) -> Table:
    first = group[0]
    positive, negative = plain_outcome(first.positive_outcome), plain_outcome(first.negative_outcome)
    several = len(group) > 1
    level = f"{100 * first.difference.level:g} % CI"
    tests = ("bootstrap", "DeLong", "t-test as published", "t-test corrected")
    spans: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("", ("Models",)), ("AUC", ("first", "second")), ("", (f"Difference [{level}]",)), ("p", tests))
    short = ["Models", "first", "second", "difference", "bootstrap", "DeLong", "t", "t corr."]
    header = ["Models", "AUC, first", "AUC, second", f"Difference of AUC [{level}]", *(f"p, {test}" for test in tests)]
    if several:
        adjusted = ("bootstrap", "DeLong", "t-test corrected")
        spans += (("p, adjusted (Holm)", adjusted),)
        header += [f"p, {test}, Holm" for test in adjusted]
        short += ["Holm: bootstrap", "DeLong", "t corr."]
    return Table(
        title=f"Comparison of models, {lower_first(first.subset_title)} (positive class: {positive})",
        subtitle=f"The same lesions for both: {first.n_positive} {positive}, {first.n_negative} {negative}, of "
                 f"{counted(first.n_patients, 'patient')}.",
        header=tuple(header), short_header=tuple(short), rows=tuple(_row(c, several=several) for c in group),
        notes=_notes(group), spans=spans,
    )


def _row(c: ModelComparison, *, several: bool) -> tuple[str, ...]:
    folds, delong = c.over_folds, c.delong
    row = (
        f"{model_name(c.config_a)} vs {model_name(c.config_b)}", f"{c.auc_a:.3f}", f"{c.auc_b:.3f}",
        f"{_signed(c.difference.value)} [{_signed(c.difference.low)}, {_signed(c.difference.high)}]",
        p_text(c.bootstrap_p), _p(delong.p_value if delong else None), _p(folds.p_uncorrected if folds else None),
        _p(folds.p_value if folds else None),
    )
    return (*row, _p(c.bootstrap_p_holm), _p(c.delong_p_holm), _p(c.over_folds_p_holm)) if several else row


def _notes(group: Sequence[ModelComparison]) -> tuple[str, ...]:
    notes = list(_NOTES)
    if group[0].subset == CROSS_VALIDATION:
        notes.append(_POOLED_NOTE)
    if len(group) > 1:
        notes.append(f"Adjusted: for the {max(c.n_comparisons for c in group)} comparisons on this test set (Holm "
                     "1979).")
    notes += [f"{model_name(c.config_a)} vs {model_name(c.config_b)}: {note}" for c in group for note in c.notes]
    if any(None in (c.delong, c.over_folds) for c in group):
        notes.append(f"{_NONE}: could not be tested.")
    return tuple(dict.fromkeys(notes))


def _p(value: float | None) -> str:
    return _NONE if value is None else p_text(value)


def _signed(value: float) -> str:
    """With its sign, and none for what rounds to zero."""
    text = f"{value:+.3f}"
    return text[1:] if float(text[1:]) == 0 else text
