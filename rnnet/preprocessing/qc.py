"""One picture per scan: does it lie on the atlas, is the brain whole, is the lesion where it should be?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rnnet.core.files import atomic_path
from rnnet.core.volume import Array
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.state import PreprocessedScan

_OUTLINES = (("atlas brain", "#f2c14e"), ("brain", "#4ea8de"), ("lesion", "#ef476f"))


def write_qc_picture(scan: PreprocessedScan, atlas: Atlas, path: Path) -> None:
    """PNG of three planes through the largest lesion, or the middle of the brain, with three outlines."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 3.1), dpi=90, facecolor="black", layout="constrained")
    FigureCanvasAgg(figure)
    masks = (atlas.brain.array > 0, scan.brain, scan.lesions > 0)
    for panel, axis in zip(figure.subplots(1, 3), (0, 1, 2), strict=True):
        index = _middle(scan)[axis]
        _plane(panel, scan.image, masks, axis, index)
    record = scan.step("quality")
    dice = f"brain Dice with the atlas {record.values['brain_dice']:.3f}" if record else ""
    figure.suptitle(f"{scan.scan_id}   {dice}", color="white", fontsize=9)
    legend = "   ".join(name for name, _ in _OUTLINES)
    figure.supxlabel(f"yellow, blue, red: {legend.replace('   ', ', ')}; patient's left on the right", color="white",
                     fontsize=7)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, facecolor="black")


def _middle(scan: PreprocessedScan) -> tuple[int, int, int]:
    target = scan.brain
    if scan.lesions.any():
        counts = np.bincount(scan.lesions[scan.lesions > 0])
        target = scan.lesions == counts.argmax()
    z, y, x = (int(c) for c in np.argwhere(target).mean(axis=0).round())
    return z, y, x


def _plane(panel: Any, image: Array, masks: tuple[Array, ...], axis: int, index: int) -> None:
    def cut(array: Array) -> Array:
        plane = np.take(array, index, axis=axis)
        return plane if axis == 0 else plane[::-1]  # superior up

    panel.imshow(cut(image), cmap="gray", vmin=-2.5, vmax=4, interpolation="nearest")
    for mask, (_, colour) in zip(masks, _OUTLINES, strict=True):
        plane = cut(mask)
        if plane.any() and not plane.all():
            panel.contour(plane, levels=[0.5], colors=colour, linewidths=0.7)
    panel.axis("off")
