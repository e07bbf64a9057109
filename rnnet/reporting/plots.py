"""Pictures of results: ROC curves, scores by outcome, AUC with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from rnnet.core.errors import SettingError
from rnnet.core.types import LesionPrediction
from rnnet.evaluation.checks import labels_and_scores
from rnnet.evaluation.names import model_name
from rnnet.evaluation.summary import ModelSummary, outcomes_and_probabilities
from rnnet.reporting.style import INK, LINE, MUTED, NEGATIVE, POSITIVE, colour_of, in_order, line_of, picture
from rnnet.reporting.tables import by_subset, interval_text, plain_outcome

PredictionsByConfig = Mapping[str, Sequence[LesionPrediction]]


def plot_roc(path: Path, predictions: PredictionsByConfig, *, subset_title: str, positive_outcome: str) -> None:
    """ROC curves of all models on one subset, AUC in the legend.

    Args:
        path: PNG to write.
        predictions: pooled predictions of each configuration (evaluation.summary.pooled_predictions).
        subset_title: name of the subset.
        positive_outcome: what sensitivity and specificity refer to.

    Raises:
        SettingError: no model, or lesions of one outcome only.
    """
    _check_models(predictions)
    with picture(path, width_inch=5.2, height_inch=6.2) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=LINE, linewidth=1)
        for config in in_order(predictions):
            y, p = labels_and_scores(*outcomes_and_probabilities(predictions[config]))
            fpr, tpr, _ = roc_curve(y, p, drop_intermediate=False)
            style, width = line_of(config)
            label = f"{roc_auc_score(y, p):.3f}  {model_name(config)}"
            axes.plot(fpr, tpr, style, color=colour_of(config), linewidth=width, label=label)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), box_aspect=1,
                 xlabel="1 − specificity", ylabel=f"Sensitivity for {plain_outcome(positive_outcome)}",
                 title=subset_title)
        figure.legend(title="AUC", alignment="left", loc="outside lower left", ncols=2, columnspacing=1.6)


def plot_scores(
    path: Path, predictions: PredictionsByConfig, *, thresholds: Mapping[str, float], subset_title: str,
    positive_outcome: str, negative_outcome: str,
) -> None:
    """Probability of the positive outcome of every lesion, by its true outcome, one panel per model.

    Args:
        path: PNG to write.
        predictions: pooled predictions of each configuration.
        thresholds: decision threshold of each configuration, drawn as a line.
        subset_title: name of the subset.
        positive_outcome: what the probability is of.
        negative_outcome: the other outcome.

    Raises:
        SettingError: no model, or lesions of one outcome only.
    """
    _check_models(predictions)
    configs = in_order(predictions)
    columns = min(4, len(configs))
    rows = -(-len(configs) // columns)
    with picture(path, width_inch=max(4.6, 2.3 * columns), height_inch=2.9 * rows + 0.7) as figure:
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        for axes in panels[len(configs):]:
            axes.set_axis_off()
        for axes, config in zip(panels, configs, strict=False):
            y, p = labels_and_scores(*outcomes_and_probabilities(predictions[config]))
            _score_panel(axes, y, p, thresholds.get(config))
            axes.set_title(model_name(config), fontsize=10)
            axes.set_xticks([0, 1], [plain_outcome(negative_outcome).replace(" ", "\n", 1),
                                     plain_outcome(positive_outcome).replace(" ", "\n", 1)], fontsize=9)
        figure.supylabel(f"Probability of {plain_outcome(positive_outcome)}", fontsize=10)
        figure.suptitle(f"{subset_title} (dashed: decision threshold)", x=0.01, ha="left", fontsize=11, weight="bold")


def plot_forest(path: Path, summaries: Sequence[ModelSummary]) -> None:
    """AUC with its interval of every model, one block per subset.

    Raises:
        SettingError: no summary.
        DatasetError: models of one subset that are not comparable.
    """
    groups = by_subset(summaries)
    if not groups:
        raise SettingError("There is no model to draw.")
    heights = [len(group) + 1.0 for group in groups]
    with picture(path, width_inch=8.2, height_inch=0.31 * sum(heights) + 0.8) as figure:
        panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=heights).ravel()
        for axes, group in zip(panels, groups, strict=True):
            _forest_panel(axes, group)
        for axes in panels[:-1]:
            axes.tick_params(bottom=False)
        lowest = min(s.intervals["auc"].low for s in summaries)
        panels[-1].set_xlim(min(0.4, np.floor(lowest * 10) / 10), 1)
        panels[-1].spines["bottom"].set_visible(True)
        level = f"{100 * groups[0][0].intervals['auc'].level:g} %"
        panels[-1].set_xlabel(f"AUC with {level} interval by patient "
                              f"(positive class: {plain_outcome(groups[0][0].positive_outcome)})")


def _score_panel(axes: Any, y: NDArray[np.int64], p: NDArray[np.float64], threshold: float | None) -> None:
    if threshold is not None:
        axes.axhline(threshold, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    for outcome, colour in ((0, NEGATIVE), (1, POSITIVE)):
        values = p[y == outcome]
        axes.boxplot(
            values, positions=[outcome], widths=0.55, showfliers=False, showcaps=False, patch_artist=True, zorder=2,
            boxprops={"facecolor": "none", "edgecolor": MUTED, "linewidth": 0.8},
            whiskerprops={"color": MUTED, "linewidth": 0.8}, medianprops={"color": INK, "linewidth": 1.6},
            manage_ticks=False,
        )
        axes.scatter(outcome + _spread(values), values, s=13, color=colour, alpha=0.75, linewidth=0, zorder=3)
    axes.set(xlim=(-0.6, 1.6), ylim=(-0.03, 1.03))


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sideways offsets (n,) that keep points of nearly the same height apart; the same for the same values."""
    offsets = np.zeros(values.size)
    bins = np.floor(values / 0.04)
    for b in np.unique(bins):
        here = np.flatnonzero(bins == b)
        step = min(0.09, 0.5 / max(1, here.size - 1))
        # 0, +1, -1, +2, -2 steps: the middle is filled first.
        places = np.array([(k + 1) // 2 * (1 if k % 2 else -1) for k in range(here.size)])
        offsets[here[np.argsort(values[here], kind="stable")]] = places * step
    return offsets


def _forest_panel(axes: Any, group: Sequence[ModelSummary]) -> None:
    axes.axvline(0.5, color=LINE, linewidth=1, zorder=0)
    for row, summary in enumerate(group):
        interval, colour = summary.intervals["auc"], colour_of(summary.config)
        axes.plot([interval.low, interval.high], [row, row], color=colour, linewidth=2.2, solid_capstyle="butt",
                  clip_on=False)
        axes.plot([interval.value], [row], marker="s", markersize=6, color=colour, clip_on=False)
        axes.text(1.03, row, interval_text(interval), transform=axes.get_yaxis_transform(), va="center", fontsize=9,
                  fontweight="bold" if summary.config == "multimodal" else "normal")
    axes.set_yticks(range(len(group)), [model_name(s.config) for s in group])
    axes.set_ylim(len(group) - 0.4, -0.6)
    first, counts = group[0], group[0].counts
    axes.set_title(
        f"{first.subset_title}: {counts.lesions_positive} {plain_outcome(first.positive_outcome)}, "
        f"{counts.lesions_negative} {plain_outcome(first.negative_outcome)}", fontsize=10,
    )
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _check_models(predictions: PredictionsByConfig) -> None:
    if not predictions:
        raise SettingError("There is no model to draw.", fix="Give the predictions of at least one configuration.")
