"""One picture per scan: does it lie on the atlas, is the brain whole, is the lesion where it should be?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnet.core.volume import Array, Volume
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.qc_layout import Panel, draw_panels
from rnnet.preprocessing.qc_planes import Masks, View, close_up, plane, values_inside
from rnnet.preprocessing.reorient import reorient_to_lps
from rnnet.preprocessing.state import PreprocessedScan

# Grey values of black and white of the z-scored scan, the same for every scan: a wrong normalisation shows.
_WINDOW_SD = (-2.5, 4.0)
_MARGIN_MM = 16.0  # around the brain, so that the scalp of a whole head is seen
_CLOSE_UP_MM = 64.0
_LETTERS = ("APRL", "SIRL", "SIAP")  # top, bottom, left, right of the axial, coronal and sagittal plane


def write_qc_picture(
    scan: PreprocessedScan, atlas: Atlas, path: Path, *, raw: Volume | None = None, problem: str = ""
) -> None:
    """PNG of three planes through the largest lesion, or the middle of the brain, with three outlines.

    With `raw`, the scan as it was read, a row above shows the same place before preprocessing, on the scan's own
    grid: the outlines went the way back there, so that a wrong transform shows in both rows and a wrong mask in
    either. Right of the planes are the lesion without outlines and the atlas at the level of the axial plane.

    problem: why the scan is refused, if it is; it stands in red on top. The same inputs give the same bytes.
    """
    masks: Masks = {"yellow": atlas.brain.array, "blue": scan.brain, "red": scan.lesions}
    after = _after(scan, atlas)
    grid = atlas.head
    rows = [_planes(after, masks, grid, "after, on the atlas")]
    if raw is not None:
        before = _before(raw, scan, after, grid)
        rows.insert(0, _planes(before, masks, grid, "before, as acquired"))
    if scan.lesions.any():
        shown = after if raw is None else before
        edge = rows[0][0].grey.shape[1]
        rows[0].append(Panel(close_up(shown, edge_mm=_CLOSE_UP_MM, edge_px=edge), {},
                              f"largest lesion, {_CLOSE_UP_MM:.0f} mm"))
    white = float(np.quantile(atlas.head.array[::3, ::3, ::3], 0.995))
    atlas_view = replace(after, volume=atlas.head, window=(0.0, white))
    rows[-1].append(Panel(*plane(atlas_view, 0, {"blue": scan.brain}, grid), f"{atlas.name}, same level"))
    draw_panels(rows, scan, problem, path)


def _after(scan: PreprocessedScan, atlas: Atlas) -> View:
    """The scan on the atlas grid; what is shown holds the atlas's brain and the scan's."""
    boxes = [_box(mask) for mask in (atlas.brain.array > 0, scan.brain) if mask.any()]
    low, high = np.min([b[0] for b in boxes], axis=0), np.max([b[1] for b in boxes], axis=0)
    volume = scan.on_atlas_grid(scan.image)
    point = _point(scan, np.mean(boxes[-1], axis=0))
    return View(volume, np.eye(4), point, (low + high) / 2, high - low + 2 * _MARGIN_MM, _WINDOW_SD)


def _before(raw: Volume, scan: PreprocessedScan, after: View, grid: Volume) -> View:
    """The raw scan around its brain, in the same planes, with a window from the intensities of the brain."""
    volume = reorient_to_lps(raw)
    spacing = np.array(volume.spacing_zyx_mm)
    back = np.linalg.inv(scan.to_atlas)

    def brought(point_zyx_mm: Array) -> Array:
        index = volume.index_zyx(grid.world_xyz_mm(point_zyx_mm) @ back[:3, :3].T + back[:3, 3])
        # A plane between the slices of a thick scan would show a mixture of two.
        nearest: Array = np.clip(index.round(), 0, np.array(volume.array.shape) - 1) * spacing
        return nearest

    # A bad fit leaves the atlas somewhere else; the scan's own brain is here.
    middle = np.mean(_box(scan.brain), axis=0) if scan.brain.any() else after.middle_zyx_mm
    view = View(volume, scan.to_atlas, brought(after.point_zyx_mm), brought(middle), after.size_zyx_mm, (0.0, 1.0))
    inside = values_inside(view, scan.brain, grid)
    if not inside.size:
        inside = volume.array[::2, ::4, ::4]
    low, high = (float(q) for q in np.quantile(inside, [0.01, 0.99]))
    return replace(view, window=(min(0.0, low), high + 0.3 * (high - low)))


def _box(mask: Array) -> tuple[Array, Array]:
    """First and last index (z, y, x) of a mask that is not empty."""
    sides = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    return np.array([s[0] for s in sides], float), np.array([s[-1] for s in sides], float)


def _point(scan: PreprocessedScan, otherwise: Array) -> Array:
    """Centre of the largest lesion; its nearest voxel, so that the planes do not miss a hollow one."""
    if not scan.lesions.any():
        return otherwise
    largest = np.bincount(scan.lesions[scan.lesions > 0]).argmax()
    voxels = np.argwhere(scan.lesions == largest)
    nearest = np.linalg.norm(voxels - voxels.mean(axis=0), axis=1).argmin()
    point: Array = voxels[nearest].astype(float)
    return point


def _planes(view: View, masks: Masks, grid: Volume, caption: str) -> list[Panel]:
    return [
        Panel(*plane(view, axis, masks, grid), caption if axis == 0 else "", _LETTERS[axis]) for axis in range(3)
    ]
