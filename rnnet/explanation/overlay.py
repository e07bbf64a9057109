"""A lesion in three planes, without and with the attention map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rnnet.core.files import atomic_path
from rnnet.core.volume import Array

# Array axes are (z, y, x) with x towards the patient's left, y towards posterior, z towards superior (LPS).
# Radiological convention: the patient's left is on the right of the picture; superior is up.
PLANES = (
    ("axial", 0, ("R", "L", "A", "P")),
    ("coronal", 1, ("R", "L", "S", "I")),
    ("sagittal", 2, ("A", "P", "S", "I")),
)
GREY_RANGE_SD = (-2.5, 4.0)


def write_overlay(path: Path, *, image: Array, mask: Array, attention: Array, title: str, caption: str) -> None:
    """Write a PNG: T1CE with the lesion's outline above, the attention map over it below.

    image: (z, y, x) z-scored; mask, attention: the same shape, attention with maximum 1. Planes go through the
    centre of the lesion.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 5.4), dpi=110, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3)
    figure.suptitle(title, fontsize=11, fontweight="bold")
    centre = _centre(mask)
    # The rollout of a residual network is far from zero everywhere; the colours span what differs.
    low, high = float(attention.min()), float(attention.max())
    shown = None
    for column, (name, axis, letters) in enumerate(PLANES):
        slices = [_plane(a, axis, centre[axis]) for a in (image, mask, attention)]
        for row in range(2):
            panel = axes[row, column]
            _show_lesion(panel, slices[0], slices[1])
            _letters(panel, letters)
            if row == 0:
                panel.set_title(name, fontsize=9)
            else:
                shade = (slices[2] - low) / max(high - low, 1e-6)
                shown = panel.imshow(slices[2], cmap="inferno", vmin=low, vmax=high, alpha=0.15 + 0.5 * shade)
    if shown is not None:
        bar = figure.colorbar(shown, ax=axes[1, :], shrink=0.9, pad=0.01)
        bar.set_label("attention, share of its maximum", fontsize=8)
        bar.ax.tick_params(labelsize=7)
    figure.supxlabel(f"{caption}\nPatient's left is on the right. Cyan: lesion outline.", fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary)


def _centre(mask: Array) -> tuple[int, int, int]:
    inside = np.argwhere(mask > 0)
    middle = inside.mean(axis=0) if len(inside) else np.array(mask.shape) / 2
    z, y, x = (round(float(c)) for c in middle)
    return z, y, x


def _plane(array: Array, axis: int, index: int) -> Array:
    plane: Array = np.take(array, index, axis=axis)
    # Axial: rows are y (anterior first). Coronal and sagittal: rows are z, superior must come first.
    return plane if axis == 0 else plane[::-1]


def _show_lesion(panel: Any, image: Array, mask: Array) -> None:
    panel.imshow(image, cmap="gray", vmin=GREY_RANGE_SD[0], vmax=GREY_RANGE_SD[1], interpolation="bilinear")
    if (mask > 0).any() and not (mask > 0).all():
        panel.contour(mask > 0, levels=[0.5], colors="#36d6e7", linewidths=1.1)
    panel.set_xticks([])
    panel.set_yticks([])


def _letters(panel: Any, letters: tuple[str, str, str, str]) -> None:
    left, right, top, bottom = letters
    for text, x, y in ((left, 0.03, 0.5), (right, 0.97, 0.5), (top, 0.5, 0.95), (bottom, 0.5, 0.05)):
        panel.text(x, y, text, color="#ffd84d", fontsize=8, ha="center", va="center", transform=panel.transAxes)
