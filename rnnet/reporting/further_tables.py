"""Tables of subgroups, patients, decisions, shares of the labels and kept features as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnet.evaluation.decision import Decision
from rnnet.evaluation.names import model_name
from rnnet.evaluation.results import LabelShareResult, SubgroupResult
from rnnet.evaluation.summary import ModelSummary
from rnnet.fusion.kept import KeptFeatures
from rnnet.reporting.tables import (
    Table,
    by_subset,
    counted,
    emphasised,
    interval_text,
    lower_first,
    plain_outcome,
    primary_config,
    subset_heading,
)

_NONE = "–"
_MOST_FEATURES = 40


def subgroup_tables(subgroups: Sequence[SubgroupResult]) -> tuple[Table, ...]:
    """One table per test set: AUC of the primary model in each subgroup; those of all models would fill pages."""
    if not subgroups:
        return ()
    chosen = primary_config(s.config for s in subgroups)
    shown = [s for s in subgroups if s.config == chosen]
    several = len({s.config for s in subgroups}) > 1
    return tuple(_subgroups([s for s in shown if s.subset == subset], several=several)
                 for subset in dict.fromkeys(s.subset for s in shown))


def _subgroups(group: Sequence[SubgroupResult], *, several: bool) -> Table:
    first = group[0]
    levels = [s.auc.level for s in group if s.auc is not None]
    interval = f"AUC [{100 * levels[0]:g} % CI]" if levels else "AUC"
    header = ("Subgroup", plain_outcome(first.positive_outcome).capitalize(),
              plain_outcome(first.negative_outcome).capitalize() or "Other", "Patients", interval)
    rows = tuple(
        (f"{s.factor}: {s.level}", str(s.n_positive), str(s.n_negative), str(s.n_patients),
         interval_text(s.auc) if s.auc else f"{_NONE} ({s.note.rstrip('.')})" if s.note else _NONE)
        for s in group
    )
    return Table(
        title=f"{model_name(first.config)} in subgroups, {lower_first(first.subset_title)} (positive class: "
              f"{plain_outcome(first.positive_outcome)})",
        subtitle="Lesions of each outcome, patients, and AUC in each subgroup.", header=header, short_header=header,
        rows=rows,
        notes=("Subgroups are small: differences between them are for looking, not for proof.",
               *(("summary.json has those of the other models.",) if several else ())),
    )


def patient_tables(summaries: Sequence[ModelSummary]) -> tuple[Table, ...]:
    """One table per test set: figures by patient instead of by lesion."""
    groups = [[s for s in group if s.patients] for group in by_subset(summaries)]
    return tuple(_patients(group) for group in groups if group)


def _patients(group: Sequence[ModelSummary]) -> Table:
    first, names = group[0], ("auc", "accuracy", "sensitivity", "specificity")
    header = ("Model", "AUC", "Accuracy", "Sensitivity", "Specificity")
    known = [(s, s.patients) for s in group if s.patients]
    of = known[0][1].pooled
    rules = dict.fromkeys(p.rule for _, p in known)
    return Table(
        title=f"By patient, {lower_first(subset_heading(first)[0])}",
        subtitle=f"{plain_outcome(first.positive_outcome)}: {counted(of.n_positive, 'patient')}; "
                 f"{plain_outcome(first.negative_outcome)}: {counted(of.n_negative, 'patient')}. Intervals by patient.",
        header=header, short_header=header,
        rows=tuple(
            (model_name(s.config), *(interval_text(p.intervals[n]) if n in p.intervals else _NONE for n in names))
            for s, p in known
        ),
        notes=tuple(rules), emphasised=emphasised([s for s, _ in known]),
    )


def label_tables(shares: Sequence[LabelShareResult]) -> tuple[Table, ...]:
    """One table: AUC of models that were trained with a share of the labels."""
    if not shares:
        return ()
    first = shares[0]
    header = ("Model", "Test set", "Share of labels", "Training lesions", "Training patients", "Folds",
              f"AUC [{100 * first.auc.level:g} % CI]")
    rows = tuple(
        (model_name(s.config), s.subset_title, f"{100 * s.share:g} %", f"{s.n_training_lesions:.1f}",
         f"{s.n_training_patients:.1f}", str(len(s.folds)), interval_text(s.auc))
        for s in sorted(shares, key=lambda s: (s.subset, s.config, s.share))
    )
    return (Table(
        title=f"What labels bring (positive class: {plain_outcome(first.positive_outcome)})",
        subtitle="The same plan, trained with a share of the labelled training patients. Lesions and patients: "
                 "mean over the folds.", header=header, short_header=header, rows=rows,
    ),)


def decision_table(decisions: Mapping[str, Decision]) -> Table | None:
    """What was fixed on out-of-fold predictions for each configuration; None without any."""
    if not decisions:
        return None
    first = next(iter(decisions.values()))
    positive, negative = plain_outcome(first.positive_outcome), plain_outcome(first.negative_outcome) or "the other"
    header = ("Model", "Calibration", "Slope", "Intercept", "Threshold", f"Only {positive} above",
              f"Only {negative} below", "Lesions")
    rows, notes = [], []
    for config, d in decisions.items():
        limits, calibration = d.conformal, d.calibration
        rows.append((
            model_name(config), calibration.method, f"{calibration.slope:.3f}", f"{calibration.intercept:.3f}",
            f"{d.threshold:.3f}", f"{limits.negative_up_to:.3f}" if limits else _NONE,
            f"{limits.positive_from:.3f}" if limits else _NONE, str(d.n_cases),
        ))
        if calibration.note:
            notes.append(f"{model_name(config)}: {calibration.note}.")
    rules = {d.rule for d in decisions.values()}
    alphas = {d.conformal.alpha for d in decisions.values() if d.conformal}
    return Table(
        title=f"What travels with each model (positive class: {positive})",
        subtitle="Fitted once, on out-of-fold predictions of the training patients; never on a test set.",
        header=header, short_header=header, rows=tuple(rows),
        notes=(f"Threshold of the calibrated probability: {'; '.join(sorted(rules))}.",
               *(f"Conformal set: above the first limit only {positive} stays possible, below the second only "
                 f"{negative}, otherwise 'undecided'; at most {100 * a:g} % of the lesions of either outcome are to be "
                 "missed."
                 for a in sorted(alphas)), *notes),
    )


def kept_table(kept: KeptFeatures, *, positive_outcome: str) -> Table:
    """The features that folds of a configuration kept, the most frequent first; the first forty."""
    positive = plain_outcome(positive_outcome)
    shown = kept.features[:_MOST_FEATURES]
    more = len(kept.features) - len(shown)
    counts = [f"fold {fold}: " + ", ".join(f"{n} {step}" for step, n in steps) for fold, steps in kept.counts.items()]
    header = ("Feature", f"Folds (of {len(kept.folds)})", "Kept in", "Mean weight")
    return Table(
        title=f"Features that the selection kept: {model_name(kept.config)} (positive class: {positive})",
        subtitle=f"{len(kept.features)} features were kept in at least one of {len(kept.folds)} folds.",
        header=header, short_header=header,
        rows=tuple(
            (f.name, str(len(f.folds)), " ".join(f.folds), f"{f.weight:+.3f}" if f.weight else _NONE) for f in shown
        ),
        notes=(*((f"And {more} more that fewer folds kept; facts.json lists them all.",) if more else ()),
               "Mean weight: what the selector gave the z-scored feature in folds that kept it (LASSO, elastic net: "
               f"coefficient, above 0 for {positive}; stability selection: share of the subsamples). {_NONE}: it gave "
               "none.",
               "Numbers of features after each step of the selection: " + "; ".join(counts) + ".",
               *((" ".join(f"Fold {fold}: {note}" for fold, note in kept.notes.items()),) if kept.notes else ())),
    )
