"""Pictures of probabilities that a decision could rest on: calibration, and net benefit over thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnet.core.errors import SettingError
from rnnet.evaluation.calibration import calibration_slope_intercept
from rnnet.evaluation.decision_curve import decision_curve
from rnnet.evaluation.logistic_fit import sigmoids
from rnnet.reporting.curves import calibration_groups
from rnnet.reporting.panels import Panel, check_panels, draw_chance, models_of, panel_row, shared_legend, wrapped_title
from rnnet.reporting.scores import Scores
from rnnet.reporting.style import MUTED, NEGATIVE, POSITIVE, colour_of, line_of
from rnnet.reporting.tables import plain_outcome, primary_config

THRESHOLDS = np.round(np.arange(0.01, 0.96, 0.01), 2)


def plot_calibration(path: Path, panels: Sequence[Panel], *, positive_outcome: str) -> None:
    """Observed against predicted share of the positive outcome, one panel per test set.

    A line per model: the logistic recalibration of its probabilities, over the range that they take; models without a
    finite slope have none. Points with Wilson intervals: lesions of the primary model in groups of equal size.

    Raises:
        SettingError: no model, or lesions of one outcome only.
    """
    check_panels(panels)
    with panel_row(path, [p.title for p in panels], n_legend=len(models_of(panels))) as (figure, row):
        for axes, panel in zip(row, panels, strict=True):
            draw_chance(axes)
            primary = primary_config(panel.scores)
            for config in panel.configs:
                _draw_line(axes, panel.scores[config], config)
            _draw_groups(axes, panel.scores[primary], primary)
            axes.set(xlim=(-0.02, 1.02), ylim=(-0.06, 1.06), xlabel="Predicted probability")
            axes.set_title(wrapped_title(panel.title), fontsize=10)
        row[0].set_ylabel(f"Observed share of\n{plain_outcome(positive_outcome)}")
        shared_legend(figure, models_of(panels), n_panels=len(panels))


def plot_decision(path: Path, panels: Sequence[Panel], *, positive_outcome: str) -> None:
    """Net benefit of every model over thresholds, against calling all lesions positive and calling none so.

    Raises:
        SettingError: no model, or lesions of one outcome only.
    """
    check_panels(panels)
    # No model has a grey line, and none dots and dashes.
    everything, nothing = {"color": MUTED, "linewidth": 1.2, "linestyle": "-."}, {"color": MUTED, "linewidth": 1}
    titles, n_legend = [p.title for p in panels], len(models_of(panels)) + 2
    with panel_row(path, titles, n_legend=n_legend) as (figure, row):
        for axes, panel in zip(row, panels, strict=True):
            curves = {config: decision_curve(panel.scores[config].y, panel.scores[config].p, THRESHOLDS)
                      for config in panel.configs}
            first = next(iter(curves.values()))
            share = float(panel.scores[panel.configs[0]].y.mean())
            axes.plot(first.thresholds, first.treat_all, **everything)
            axes.plot(first.thresholds, first.treat_none, **nothing)
            for config, curve in curves.items():
                style, width = line_of(config)
                axes.plot(curve.thresholds, curve.model, style, color=colour_of(config), linewidth=width)
            axes.set(xlim=(0, 0.95), ylim=(-0.12 * share - 0.02, 1.1 * share + 0.02),
                     xlabel="Threshold probability")
            axes.set_title(wrapped_title(panel.title), fontsize=10)
        row[0].set_ylabel("Net benefit per lesion")
        positive = plain_outcome(positive_outcome)
        shared_legend(figure, models_of(panels), n_panels=len(panels),
                      others={f"all {positive}": everything, f"none {positive}": nothing})


def _draw_line(axes: Any, scores: Scores, config: str) -> None:
    try:
        slope, intercept = calibration_slope_intercept(scores.y, scores.p)
    except SettingError:  # equal probabilities, or perfect separation: there is no finite line
        return
    ends = np.array([scores.p.min(), scores.p.max()])
    low, high = np.log(ends / (1 - ends)).tolist()
    logits = np.linspace(low, high, 100)
    style, width = line_of(config)
    axes.plot(sigmoids(logits), sigmoids(slope * logits + intercept), style, color=colour_of(config), linewidth=width)


def _draw_groups(axes: Any, scores: Scores, config: str) -> None:
    colour = colour_of(config)
    for group in calibration_groups(scores):
        axes.plot([group.probability] * 2, [group.low, group.high], color=colour, linewidth=1)
        axes.plot([group.probability], [group.share], marker="o", markersize=5, color=colour, markeredgecolor="white")
    for outcome, place, outcome_colour in ((0, -0.045, NEGATIVE), (1, 1.045, POSITIVE)):
        values = scores.p[scores.y == outcome]
        axes.plot(values, np.full(values.size, place), "|", color=outcome_colour, markersize=5, alpha=0.8)
