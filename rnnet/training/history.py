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


def read_history(path: Path) -> tuple[Row, ...]:
    """The rows of metrics.jsonl. A last line that a crash left unfinished is not one."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n") and line.strip():
            rows.append(json.loads(line))
    return tuple(rows)


def _line(row: Row) -> str:
    whole = {k: int(v) if k == "epoch" else v for k, v in row.items()}
    return json.dumps(whole, allow_nan=False) + "\n"


def draw_progress(
    path: Path, rows: Sequence[Row], *, title: str, best_epoch: int | None = None, probe_label: str = "probe AUC"
) -> None:
    """Draw progress.png: losses, with the AUC of validation or probe on the right axis, and below the learning rate.

    best_epoch: number of the epoch whose weights are kept, marked by a vertical line.
    probe_label: name of the probe's curve, with its positive outcome and number of lesions.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    # The object interface: pyplot would choose a window system and keep the figure alive.
    figure = Figure(figsize=(9, 7), dpi=110)
    FigureCanvasAgg(figure)
    # Fixed margins: an automatic layout draws everything twice, and this runs beside training.
    margins = {"left": 0.08, "right": 0.92, "top": 0.9, "bottom": 0.08, "hspace": 0.08}
    losses, rates = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1), gridspec_kw=margins)
    _draw_losses(losses, rows, best_epoch, probe_label)
    _plot(rates, rows, "learning_rate", "learning rate", _GREY)
    rates.set_ylabel("learning rate")
    rates.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    rates.set_xlabel("epoch")
    rates.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (losses, rates):
        axes.grid(alpha=0.25)
        axes.spines[["top"]].set_visible(False)
    figure.suptitle(title, x=margins["left"], ha="left", fontsize=12)
    with atomic_path(path) as temporary:
        figure.savefig(temporary)


def _draw_losses(axes: Axes, rows: Sequence[Row], best_epoch: int | None, probe_label: str) -> None:
    for key, (label, color) in _STYLE.items():
        _plot(axes, rows, key, label, color, width=1.8 if key.endswith("loss") else 1.0)
    axes.set_ylabel("loss")
    if best_epoch is not None:
        axes.axvline(best_epoch, color=_GREY, linestyle=":", label=f"best: epoch {best_epoch}")
    handles, labels = axes.get_legend_handles_labels()
    if any("validation_auc" in row or "probe_auc" in row for row in rows):
        _draw_auc(axes.twinx(), rows, probe_label)
    if handles:
        # Above the axes: a legend inside would cover a curve that ends there.
        axes.legend(handles, labels, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(labels), frameon=False,
                    fontsize=9, columnspacing=1.2, handlelength=1.6)


def _draw_auc(axes: Axes, rows: Sequence[Row], probe_label: str) -> None:
    """The one AUC curve that a run has; its name stands at its axis, as a long one would not fit beside the others."""
    for key, label, color in (("validation_auc", "validation AUC", _GREEN), ("probe_auc", probe_label, _PURPLE)):
        if any(key in row for row in rows):
            _plot(axes, rows, key, label, color)
            axes.set_ylabel(label, color=color)
    spread = [row for row in rows if "probe_auc_low" in row and "probe_auc_high" in row]
    axes.fill_between(
        [row["epoch"] for row in spread], [row["probe_auc_low"] for row in spread],
        [row["probe_auc_high"] for row in spread], color=_PURPLE, alpha=0.12, linewidth=0,
    )
    axes.axhline(0.5, color=_GREY, linewidth=0.8, linestyle="--")
    axes.annotate("chance", (1.0, 0.5), xycoords=("axes fraction", "data"), xytext=(-2, 2), color=_GREY,
                  textcoords="offset points", ha="right", va="bottom", fontsize=8)
    axes.set_ylim(0.0, 1.02)
    axes.spines[["top"]].set_visible(False)


def _plot(axes: Axes, rows: Sequence[Row], key: str, label: str, color: str, *, width: float = 1.5) -> None:
    known = [row for row in rows if key in row]
    if known:
        # A single epoch would be an invisible line without its marker.
        axes.plot([row["epoch"] for row in known], [row[key] for row in known], color=color, label=label,
                  linewidth=width, marker="o" if len(known) < 30 else "", markersize=3)
