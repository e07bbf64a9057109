"""One picture per scan: does it lie on the atlas, is the brain whole, is the lesion where it should be?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.files import atomic_path
from rnnet.core.volume import Array, Volume
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.export import to_native_grid
from rnnet.preprocessing.reorient import reorient_to_lps
from rnnet.preprocessing.state import PreprocessedScan

_OUTLINES = (("atlas brain", "#f2c14e"), ("brain", "#4ea8de"), ("lesion", "#ef476f"))
_DPI = 72


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """Three planes through one point of a volume; limits: grey values of black and white."""

    volume: Volume
    masks: tuple[Array, ...]
    center_zyx_vox: tuple[int, int, int]
    limits: tuple[float, float]


def write_qc_picture(scan: PreprocessedScan, atlas: Atlas, path: Path, *, raw: Volume | None = None) -> None:
    """PNG of three planes through the largest lesion, or the middle of the brain, with three outlines.

    With `raw`, the scan as it was read, a row above shows the same place before preprocessing: the outlines went the
    way back there, so that a wrong transform shows in both rows and a wrong mask in either.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    masks = (atlas.brain.array > 0, scan.brain, scan.lesions > 0)
    centre = _middle(scan)
    rows = [_Row(scan.on_atlas_grid(scan.image), masks, centre, (-2.5, 4.0))]
    if raw is not None:
        rows.insert(0, _raw_row(raw, scan, masks, centre))
    figure = Figure(figsize=(6.6, 0.5 + 2.2 * len(rows)), dpi=_DPI, facecolor="black")
    FigureCanvasAgg(figure)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.06, top=0.93, wspace=0.02, hspace=0.03)
    for panels, row in zip(figure.subplots(len(rows), 3, squeeze=False), rows, strict=True):
        for axis, panel in enumerate(panels):
            _plane(panel, row, axis)
    record = scan.step("quality")
    dice = f"brain Dice with the atlas {record.values['brain_dice']:.3f}" if record else ""
    above = "" if raw is None else "before (above) and after; "
    names = ", ".join(name for name, _ in _OUTLINES)
    figure.text(0.5, 0.99, f"{scan.scan_id}   {dice}", color="white", fontsize=9, ha="center", va="top")
    figure.text(0.5, 0.01, f"{above}yellow, blue, red: {names}; patient's left on the right", color="white",
                fontsize=7, ha="center", va="bottom")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, facecolor="black", pil_kwargs={"optimize": True})


def _raw_row(raw: Volume, scan: PreprocessedScan, masks: tuple[Array, ...], centre: tuple[int, int, int]) -> _Row:
    volume = reorient_to_lps(raw)
    # One bit a mask: they travel back together.
    coded = sum(mask.astype(np.uint16) << bit for bit, mask in enumerate(masks))
    back = reorient_to_lps(to_native_grid(np.asarray(coded), scan, nearest=True)).array
    outlines = tuple((back >> bit) & 1 > 0 for bit in range(len(masks)))
    world = np.linalg.inv(scan.to_atlas) @ np.append(scan.on_atlas_grid(scan.brain).world_xyz_mm(centre), 1.0)
    index = np.clip(volume.index_zyx(world[:3]).round(), 0, np.array(volume.array.shape) - 1)
    # The mask of the brain alone: fat outside would leave it dark.
    inside = volume.array[outlines[1]] if outlines[1].any() else volume.array
    low, high = (float(q) for q in np.quantile(inside, [0.01, 0.99]))
    z, y, x = (int(i) for i in index)
    return _Row(volume, outlines, (z, y, x), (min(0.0, low), high + 0.3 * (high - low)))


def _middle(scan: PreprocessedScan) -> tuple[int, int, int]:
    target = scan.brain
    if scan.lesions.any():
        counts = np.bincount(scan.lesions[scan.lesions > 0])
        target = scan.lesions == counts.argmax()
    z, y, x = (int(c) for c in np.argwhere(target).mean(axis=0).round())
    return z, y, x


def _plane(panel: Any, row: _Row, axis: int) -> None:
    def cut(array: Array) -> npt.NDArray[Any]:
        plane: npt.NDArray[Any] = np.take(array, row.center_zyx_vox[axis], axis=axis)
        return plane if axis == 0 else plane[::-1]  # superior up

    height, width = (s for a, s in enumerate(row.volume.spacing_zyx_mm) if a != axis)
    panel.imshow(cut(row.volume.array), cmap="gray", vmin=row.limits[0], vmax=row.limits[1], interpolation="nearest",
                 aspect=height / width)
    for mask, (_, colour) in zip(row.masks, _OUTLINES, strict=True):
        plane = cut(mask)
        if plane.any() and not plane.all():
            panel.contour(plane, levels=[0.5], colors=colour, linewidths=0.7)
    panel.axis("off")
