"""All figures of a report, drawn from its stored files and numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rnnet.core.workspace import ReportLayout
from rnnet.evaluation.names import model_name
from rnnet.evaluation.summary import ModelSummary
from rnnet.reporting.flow_diagram import plot_flow_diagram
from rnnet.reporting.markup import Figure
from rnnet.reporting.panels import Panel, models_of
from rnnet.reporting.plots import plot_forest, plot_precision_recall, plot_roc, plot_scores
from rnnet.reporting.plots_decision import plot_calibration, plot_decision
from rnnet.reporting.plots_subgroups import plot_label_shares, plot_subgroups
from rnnet.reporting.stored import StoredReport
from rnnet.reporting.tables import by_subset, plain_outcome, primary_config

_LINES = "Solid: imaging; dashed: clinical and radiomic tables; dotted: logistic controls."


def draw_figures(layout: ReportLayout, stored: StoredReport) -> dict[str, Figure]:
    """Draw every figure that the stored files allow into `layout`; by name, in the order of the page, numbered.

    Raises:
        DatasetError: models of one test set that are not comparable.
        SettingError: scores that cannot be drawn.
    """
    found: list[tuple[str, Figure]] = []
    if stored.selection is not None:
        found.append(("selection", _selection(layout, stored)))
    found += _of_scores(layout, stored)
    evaluation = stored.evaluation
    if evaluation.subgroups:
        found.append(("subgroups", _subgroups(layout.figure("subgroups"), stored)))
    if len({s.share for s in evaluation.label_shares}) > 1:
        path = layout.figure("label_efficiency")
        plot_label_shares(path, evaluation.label_shares)
        found.append(("labels", Figure(
            "What further labels bring.", "The same plan, trained with a share of the labelled training patients; "
            f"bars: {100 * evaluation.label_shares[0].auc.level:g} % intervals by patient; level line: chance.", path,
            wide=True)))
    return {
        name: replace(item, title=f"Figure {number}. {item.title}", anchor=f"figure-{number}")
        for number, (name, item) in enumerate(found, start=1)
    }


def _selection(layout: ReportLayout, stored: StoredReport) -> Figure:
    assert stored.selection is not None
    png = layout.figure("selection")
    plot_flow_diagram(png, png.with_suffix(".svg"), stored.selection)
    return Figure("Selection of the cohort.", "What each rule of inclusion left and took away.", png, wide=True)


def _of_scores(layout: ReportLayout, stored: StoredReport) -> list[tuple[str, Figure]]:
    groups = by_subset(stored.evaluation.summaries)
    plan = stored.facts.plan
    positive, negative = plan.positive_outcome, plan.negative_outcome
    panels = [_panel(group, stored) for group in groups]
    primary = primary_config(models_of(panels))
    paths = {name: layout.figure(name) for name in
             ("forest", "roc", "precision_recall", "scores", "calibration", "decision_curve")}
    plot_forest(paths["forest"], stored.evaluation.summaries)
    plot_roc(paths["roc"], panels, positive_outcome=positive, seed=plan.seed)
    plot_precision_recall(paths["precision_recall"], panels, positive_outcome=positive)
    shown = list(dict.fromkeys((primary, *(c for c in ("ssl_vit",) if c in models_of(panels)))))
    plot_scores(paths["scores"], panels, configs=shown, positive_outcome=positive, negative_outcome=negative)
    plot_calibration(paths["calibration"], panels, positive_outcome=positive)
    plot_decision(paths["decision_curve"], panels, positive_outcome=positive)
    name, of = model_name(primary), plain_outcome(positive)
    return [
        ("forest", Figure("AUC of every model.", "Squares: AUC; lines: its interval by patient; vertical line: chance.",
                          paths["forest"], wide=True)),
        ("roc", Figure("ROC curves.", f"Band: 95 % interval of the sensitivity of {name} at each specificity, patients "
                       f"resampled. {_LINES}", paths["roc"], wide=True)),
        ("precision_recall", Figure("Precision and recall.", f"Level line: share of {of} in the test set. {_LINES}",
                                    paths["precision_recall"], wide=True)),
        ("scores", Figure("Probabilities by outcome and centre.", "One point per lesion; boxes: quartiles, whiskers: "
                          "to the furthest point within 1.5 of their distance; dashed: decision threshold, in "
                          "cross-validation one a fold.",
                          paths["scores"], wide=True)),
        ("calibration", Figure(
            "Calibration.", f"Lines: logistic recalibration of each model over the range of its probabilities (none "
            f"where it has no finite slope). Points: lesions of {name} in groups of equal size, with Wilson 95 % "
            f"intervals. Ticks: the lesions of {of} (top) and {plain_outcome(negative)} (bottom). Diagonal: perfect.",
            paths["calibration"], wide=True)),
        ("decision", Figure(
            "Decision curves.", "Net benefit: true positives per lesion, less false positives weighted by the odds of "
            f"the threshold probability (Vickers and Elkin 2006). Positive class: {of}; 'all' and 'none': calling all "
            "lesions so, and none.", paths["decision_curve"], wide=True)),
    ]


def _panel(group: Sequence[ModelSummary], stored: StoredReport) -> Panel:
    here = stored.scores.get(group[0].subset, {})
    return Panel(group[0].subset_title, {s.config: here[s.config] for s in group if s.config in here})


def _subgroups(path: Path, stored: StoredReport) -> Figure:
    subgroups = stored.evaluation.subgroups
    chosen = primary_config(dict.fromkeys(s.config for s in subgroups))
    plot_subgroups(path, [s for s in subgroups if s.config == chosen])
    positive, negative = map(plain_outcome, (stored.facts.plan.positive_outcome, stored.facts.plan.negative_outcome))
    return Figure("Subgroups.", "Squares: AUC; lines: its interval by patient; vertical line: chance. In brackets: "
                  f"lesions of {positive} + {negative}. Sizes are divided at the median of the training lesions.",
                  path, wide=True)
