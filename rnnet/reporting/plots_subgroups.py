"""Pictures of subgroups and of what further labels bring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnet.core.errors import SettingError
from rnnet.evaluation.names import model_name
from rnnet.evaluation.results import LabelShareResult, SubgroupResult
from rnnet.reporting.panels import panel_row, shared_legend, wrapped_title
from rnnet.reporting.style import INK, LINE, MUTED, colour_of, in_order, line_of, picture
from rnnet.reporting.tables import interval_text, plain_outcome


def plot_subgroups(path: Path, subgroups: Sequence[SubgroupResult]) -> None:
    """AUC with its interval in every subgroup of one model, one block per test set.

    Args:
        path: PNG to write.
        subgroups: of one model; those without an AUC are shown as a line of text.

    Raises:
        SettingError: no subgroup, or of several models.
    """
    if not subgroups or len({s.config for s in subgroups}) > 1:
        raise SettingError("The subgroups must be those of one model.", fix="Give the subgroups of one configuration.")
    blocks = [[s for s in subgroups if s.subset == subset] for subset in dict.fromkeys(s.subset for s in subgroups)]
    heights = [len(block) + len({s.factor for s in block}) + 1.0 for block in blocks]
    with picture(path, width_inch=8.6, height_inch=0.24 * sum(heights) + 0.75) as figure:
        panels = figure.subplots(len(blocks), 1, sharex=True, squeeze=False, height_ratios=heights).ravel()
        for axes, block in zip(panels, blocks, strict=True):
            _block(axes, block)
        for axes in panels[:-1]:
            axes.tick_params(bottom=False)
        panels[-1].set_xlim(0, 1)
        panels[-1].spines["bottom"].set_visible(True)
        first = subgroups[0]
        levels = {f"{100 * s.auc.level:g} % " for s in subgroups if s.auc}
        panels[-1].set_xlabel(f"AUC of {model_name(first.config)} with {''.join(sorted(levels))}interval by patient "
                              f"(positive class: {plain_outcome(first.positive_outcome)})")


def plot_label_shares(path: Path, shares: Sequence[LabelShareResult]) -> None:
    """AUC against the number of labelled training patients, one panel per test set, a line per model.

    Raises:
        SettingError: nothing to draw.
    """
    if not shares:
        raise SettingError("There is no model that was trained with a share of the labels.")
    subsets = dict.fromkeys(s.subset for s in shares)
    titles = [next(s.subset_title for s in shares if s.subset == subset) for subset in subsets]
    configs = in_order({s.config for s in shares})
    with panel_row(path, titles, n_legend=len(configs)) as (figure, row):
        for axes, subset in zip(row, subsets, strict=True):
            here = [s for s in shares if s.subset == subset]
            axes.axhline(0.5, color=LINE, linewidth=1)
            # Bars of several models at one place stand side by side.
            step = 0.015 * max(s.n_training_patients for s in here)
            for number, config in enumerate(c for c in configs if c in {s.config for s in here}):
                shift = (number - (len(configs) - 1) / 2) * step
                points = sorted((s for s in here if s.config == config), key=lambda s: s.n_training_patients)
                x, y = [s.n_training_patients + shift for s in points], [s.auc.value for s in points]
                style, width = line_of(config)
                axes.plot(x, y, style, color=colour_of(config), linewidth=width, marker="o", markersize=4)
                axes.vlines(x, [s.auc.low for s in points], [s.auc.high for s in points], color=colour_of(config),
                            linewidth=0.9, alpha=0.7)
            axes.set(ylim=(min(0.4, *(s.auc.low for s in here)) - 0.02, 1.02),
                     xlabel="Labelled training patients")
            axes.set_title(wrapped_title(here[0].subset_title), fontsize=10)
        row[0].set_ylabel(f"AUC for {plain_outcome(shares[0].positive_outcome)}")
        shared_legend(figure, configs, n_panels=len(subsets))


def _block(axes: Any, block: Sequence[SubgroupResult]) -> None:
    axes.axvline(0.5, color=LINE, linewidth=1, zorder=0)
    labels, row = {}, 0
    for factor in dict.fromkeys(s.factor for s in block):
        labels[row] = factor.capitalize()
        row += 1
        for s in (s for s in block if s.factor == factor):
            labels[row] = f"{s.level}  ({s.n_positive} + {s.n_negative})"
            _line(axes, row, s)
            row += 1
    axes.set_yticks(list(labels), list(labels.values()), fontsize=9)
    for tick, label in zip(axes.get_yticklabels(), labels.values(), strict=True):
        tick.set_fontweight("normal" if label.endswith(")") else "bold")
    axes.set_ylim(row - 0.4, -0.6)
    axes.set_title(block[0].subset_title, fontsize=10)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _line(axes: Any, row: int, s: SubgroupResult) -> None:
    if s.auc is None:
        axes.text(1.03, row, s.note or "not estimated", transform=axes.get_yaxis_transform(), va="center", fontsize=8,
                  color=MUTED)
        return
    axes.plot([s.auc.low, s.auc.high], [row, row], color=INK, linewidth=1.8, solid_capstyle="butt", clip_on=False)
    axes.plot([s.auc.value], [row], marker="s", markersize=5, color=INK, clip_on=False)
    axes.text(1.03, row, interval_text(s.auc), transform=axes.get_yaxis_transform(), va="center", fontsize=9)
