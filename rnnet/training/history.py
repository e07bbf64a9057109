"""metrics.jsonl, one line for each finished epoch, and progress.png drawn from the same rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnet.core.files import atomic_path, write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, float]
_BLUE, _RED, _GREEN, _ORANGE = "#1f5f99", "#c8553d", "#3a7d44", "#d08c2f"
_GREY, _PURPLE = "#8a8f98", "#6a4c93"
_STYLE = {
    "train_loss": ("training", _BLUE), "validation_loss": ("validation", _RED),
    "restoration": ("restoration (L1)", _GREEN), "contrastive": ("contrastive (NT-Xent)", _RED),
    "masked_token": ("masked tokens (L1)", _ORANGE),
}


def start_history(path: Path, rows: Sequence[Row]) -> None:
    """Write metrics.jsonl with exactly `rows`: none for a new run, the checkpoint's for a resumed one.

    Epochs that were written after the checkpoint are trained again, so their lines go.
    """
    write_text(path, "".join(_line(row) for row in rows))


def append_row(path: Path, row: Row) -> None:
    """Add the line of one epoch."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(_line(row))


def _line(row: Row) -> str:
    whole = {k: int(v) if k == "epoch" else v for k, v in row.items()}
    return json.dumps(whole, allow_nan=False) + "\n"


def row_text(row: Row) -> str:
    """The figures of an epoch in plain words, for the log."""
    words = []
    for name, value in row.items():
        if name in ("epoch", "is_best", "probe_auc_low", "probe_auc_high"):
            continue
        if name == "seconds":
            words.append(f"{value:.3g} s")
        elif name == "probe_auc" and "probe_auc_low" in row and "probe_auc_high" in row:
            words.append(f"probe AUC {value:.3f} [{row['probe_auc_low']:.3f}, {row['probe_auc_high']:.3f}]")
        elif name.endswith("_auc"):
            words.append(f"{_words(name)} {value:.3f}")
        else:
            words.append(f"{_words(name)} {value:.4g}")
    return ", ".join(words)


def _words(name: str) -> str:
    return name.replace("_auc", "_AUC").replace("train_", "training_").replace("_", " ")


def draw_progress(
    path: Path, rows: Sequence[Row], *, title: str, best_epoch: int | None = None, probe_label: str = "probe AUC"
) -> None:
    """Draw progress.png: losses, below them the AUC of validation or probe if there is one, and the learning rate.

    best_epoch: number of the epoch whose weights are kept, marked by a vertical line.
    probe_label: name of the probe's curve, with its positive outcome and number of lesions.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    has_auc = any(key in row for row in rows for key in ("validation_auc", "probe_auc"))
    ratios = (3.0, 1.6, 1.0) if has_auc else (3.0, 1.0)
    # The object interface: pyplot would choose a window system and keep the figure alive.
    figure = Figure(figsize=(9, 8.5 if has_auc else 7), dpi=110)
    FigureCanvasAgg(figure)
    # Fixed margins: an automatic layout draws everything twice, and this runs beside training.
    margins = {"left": 0.08, "right": 0.97, "top": 0.9, "bottom": 0.08, "hspace": 0.22 if has_auc else 0.08}
    panels = figure.subplots(len(ratios), 1, sharex=True, height_ratios=ratios, gridspec_kw=margins)
    _draw_losses(panels[0], rows, best_epoch)
    if has_auc:
        _draw_auc(panels[1], rows, best_epoch, probe_label)
    rates = panels[-1]
    _plot(rates, rows, "learning_rate", "learning rate", _GREY)
    rates.set_ylabel("learning rate")
    if rows:
        rates.set_ylim(bottom=0)
    rates.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    rates.set_xlabel("epoch")
    rates.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in panels:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, x=margins["left"], ha="left", fontsize=12)
    with atomic_path(path) as temporary:
        figure.savefig(temporary)


def _draw_losses(axes: Axes, rows: Sequence[Row], best_epoch: int | None) -> None:
    for key, (label, color) in _STYLE.items():
        _plot(axes, rows, key, label, color, width=1.8 if key.endswith("loss") else 1.0)
    axes.set_ylabel("loss")
    _mark_best(axes, best_epoch, f"best: epoch {best_epoch}")
    _legend_above(axes)


def _draw_auc(axes: Axes, rows: Sequence[Row], best_epoch: int | None, probe_label: str) -> None:
    """The AUC of validation or of the probe, with the probe's interval and the line of chance."""
    _plot(axes, rows, "validation_auc", "validation AUC", _GREEN)
    _plot(axes, rows, "probe_auc", probe_label, _PURPLE)
    spread = [row for row in rows if "probe_auc_low" in row and "probe_auc_high" in row]
    if spread:
        epochs, low, high = ([row[key] for row in spread] for key in ("epoch", "probe_auc_low", "probe_auc_high"))
        if len(spread) == 1:  # a band of one epoch would have no width
            axes.vlines(epochs, low, high, color=_PURPLE, alpha=0.5, label="its 95 % interval")
        else:
            axes.fill_between(epochs, low, high, color=_PURPLE, alpha=0.12, linewidth=0, label="its 95 % interval")
    axes.axhline(0.5, color=_GREY, linewidth=0.8, linestyle="--", label="chance")
    _mark_best(axes, best_epoch, "")
    axes.set_ylabel("AUC")
    axes.set_ylim(0.0, 1.02)
    _legend_above(axes)


def _mark_best(axes: Axes, best_epoch: int | None, label: str) -> None:
    if best_epoch is not None:
        axes.axvline(best_epoch, color=_GREY, linestyle=":", label=label or None)


def _legend_above(axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        # Above the axes: a legend inside would cover a curve that ends there.
        axes.legend(handles, labels, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(labels), frameon=False,
                    fontsize=9, columnspacing=1.2, handlelength=1.6)


def _plot(axes: Axes, rows: Sequence[Row], key: str, label: str, color: str, *, width: float = 1.5) -> None:
    known = [row for row in rows if key in row]
    if known:
        # A single epoch would be an invisible line without its marker.
        axes.plot([row["epoch"] for row in known], [row[key] for row in known], color=color, label=label,
                  linewidth=width, marker="o" if len(known) < 30 else "", markersize=3)
