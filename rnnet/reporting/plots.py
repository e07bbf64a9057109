"""Pictures of results: ROC and precision-recall curves, scores by outcome and centre, AUC with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnet.core.errors import SettingError
from rnnet.evaluation.names import model_name
from rnnet.evaluation.summary import ModelSummary
from rnnet.reporting.curves import pr_points, roc_band, roc_points
from rnnet.reporting.panels import Panel, check_panels, draw_chance, models_of, panel_row, shared_legend, wrapped_title
from rnnet.reporting.scores import Scores
from rnnet.reporting.style import INK, LINE, MUTED, NEGATIVE, POSITIVE, colour_of, line_of, picture
from rnnet.reporting.tables import by_subset, interval_text, plain_outcome, primary_config

_MARKERS = "o^sDvP"


def plot_roc(path: Path, panels: Sequence[Panel], *, positive_outcome: str, seed: int) -> None:
    """ROC curves of all models, one panel per test set; the band is the interval of the primary model.

    Args:
        path: PNG to write.
        panels: at least one.
        positive_outcome: what sensitivity and specificity refer to.
        seed: of the resamples of patients behind the band.

    Raises:
        SettingError: no model, or lesions of one outcome only.
    """
    check_panels(panels)
    with panel_row(path, [p.title for p in panels], n_legend=len(models_of(panels))) as (figure, row):
        for axes, panel in zip(row, panels, strict=True):
            draw_chance(axes)
            primary = primary_config(panel.scores)
            for config in panel.configs:
                fpr, tpr = roc_points(panel.scores[config])
                style, width = line_of(config)
                axes.plot(fpr, tpr, style, color=colour_of(config), linewidth=width,
                          zorder=4 if config == primary else 3)
            if band := roc_band(panel.scores[primary], seed=seed):
                axes.fill_between(band.x, band.low, band.high, color=colour_of(primary), alpha=0.15, linewidth=0)
            axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel="1 − specificity")
            axes.set_title(wrapped_title(panel.title), fontsize=10)
        row[0].set_ylabel(f"Sensitivity for {plain_outcome(positive_outcome)}")
        shared_legend(figure, models_of(panels), n_panels=len(panels))


def plot_precision_recall(path: Path, panels: Sequence[Panel], *, positive_outcome: str) -> None:
    """Precision against recall of all models, one panel per test set; the level line is the share of the outcome.

    Raises:
        SettingError: no model, or lesions of one outcome only.
    """
    check_panels(panels)
    with panel_row(path, [p.title for p in panels], n_legend=len(models_of(panels))) as (figure, row):
        for axes, panel in zip(row, panels, strict=True):
            share = float(next(iter(panel.scores.values())).y.mean())
            axes.axhline(share, color=LINE, linewidth=1)
            for config in panel.configs:
                recall, precision = pr_points(panel.scores[config])
                style, width = line_of(config)
                axes.step(recall, precision, style, where="pre", color=colour_of(config), linewidth=width)
            axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.03), xlabel="Recall (sensitivity)")
            axes.set_title(wrapped_title(panel.title), fontsize=10)
        row[0].set_ylabel(f"Precision (PPV) for {plain_outcome(positive_outcome)}")
        shared_legend(figure, models_of(panels), n_panels=len(panels))


def plot_scores(
    path: Path, panels: Sequence[Panel], *, configs: Sequence[str], positive_outcome: str, negative_outcome: str,
) -> None:
    """Probability of every lesion by its outcome and centre: a row per model, a column per test set.

    Args:
        path: PNG to write.
        panels: at least one.
        configs: the models to draw; a panel without one of them stays empty.
        positive_outcome: what the probability is of.
        negative_outcome: the other outcome.

    Raises:
        SettingError: no model, or lesions of one outcome only.
    """
    check_panels(panels)
    if not configs:
        raise SettingError("There is no model to draw.", fix="Give at least one configuration.")
    centers = list(dict.fromkeys(c for p in panels for s in p.scores.values() for c in sorted(set(s.centers))))
    titles = [p.title for p in panels]
    with panel_row(path, titles, rows=len(configs), n_legend=len(centers), height_inch=2.1) as (figure, grid):
        for number, (axes, (config, panel)) in enumerate(
            zip(grid, ((c, p) for c in configs for p in panels), strict=True)
        ):
            if config not in panel.scores:
                axes.set_axis_off()
                continue
            _score_panel(axes, panel.scores[config], centers)
            title = wrapped_title(panel.title)
            axes.set_title(title if len(configs) == 1 else f"{title}\n{model_name(config)}", fontsize=10)
            axes.set_xticks([0, 1], [plain_outcome(negative_outcome), plain_outcome(positive_outcome)], fontsize=9)
            if number % len(panels) == 0:
                axes.set_ylabel(f"Probability of\n{plain_outcome(positive_outcome)}")
        if len(centers) > 1:
            _center_legend(figure, centers)


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
    with picture(path, width_inch=8.6, height_inch=0.27 * sum(heights) + 0.75) as figure:
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


def _score_panel(axes: Any, scores: Scores, centers: Sequence[str]) -> None:
    for threshold in scores.thresholds:
        axes.axhline(threshold, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    own = [c for c in centers if c in scores.centers]
    width = 0.8 / len(own)
    for outcome, colour in ((0, NEGATIVE), (1, POSITIVE)):
        for number, center in enumerate(own):
            values = scores.p[(scores.y == outcome) & (np.array(scores.centers) == center)]
            if not values.size:
                continue
            middle = outcome + (number - (len(own) - 1) / 2) * width
            axes.boxplot(
                values, positions=[middle], widths=0.7 * width, showfliers=False, showcaps=False, patch_artist=True,
                boxprops={"facecolor": "none", "edgecolor": MUTED, "linewidth": 0.8}, manage_ticks=False, zorder=2,
                whiskerprops={"color": MUTED, "linewidth": 0.8}, medianprops={"color": INK, "linewidth": 1.6},
            )
            axes.scatter(middle + width * _spread(values), values, s=16, color=colour, alpha=0.75, linewidth=0,
                         zorder=3, marker=_MARKERS[centers.index(center) % len(_MARKERS)])
    axes.set(xlim=(-0.6, 1.6), ylim=(-0.03, 1.03))


def _center_legend(figure: Any, centers: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=MUTED, marker=_MARKERS[i % len(_MARKERS)], linewidth=0, markersize=5)
               for i in range(len(centers))]
    figure.legend(handles, [f"centre {c}" for c in centers], loc="lower center", ncols=min(4, len(centers)),
                  borderaxespad=0.2)


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
    primary = primary_config(s.config for s in group)
    for row, summary in enumerate(group):
        interval, colour = summary.intervals["auc"], colour_of(summary.config)
        axes.plot([interval.low, interval.high], [row, row], color=colour, linewidth=2.2, solid_capstyle="butt",
                  clip_on=False)
        axes.plot([interval.value], [row], marker="s", markersize=6, color=colour, clip_on=False)
        axes.text(1.03, row, interval_text(interval), transform=axes.get_yaxis_transform(), va="center", fontsize=9,
                  fontweight="bold" if summary.config == primary else "normal")
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
