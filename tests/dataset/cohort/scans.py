"""Made-up lesions over time: as rows, and as a raw data set with masks."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnet.core.volume import Volume, write_volume
from rnnet.core.workspace import RawLayout
from rnnet.dataset.cohort.candidates import Candidates, LesionScan
from tests.factories import write_manifest

COLUMNS = ("case_id", "scan_id", "patient_id", "center", "days", "lesion_value", "split", "outcome", "label_source")
SHAPE_ZYX = (6, 60, 90)


def lesion_over_time(
    lesion_id: str, sizes_mm: Mapping[float, float], *, patient: str = "P1", **fields: Any
) -> list[LesionScan]:
    """One row per day: {0: 10.0, 90: 16.0}. fields: of every row."""
    return [
        LesionScan(f"{patient}_d{day:g}_{lesion_id}", lesion_id, patient, f"{patient}_d{day:g}", day, size, **fields)
        for day, size in sizes_mm.items()
    ]


def candidates(*lesions: Sequence[LesionScan], **facts: Any) -> Candidates:
    return Candidates("made up", tuple(row for lesion in lesions for row in lesion), "made up", **facts)


def rod(mask: np.ndarray, value: int, start_yx: tuple[int, int], length: int) -> None:
    """A rod of `length` voxels along x, three slices high and three rows wide."""
    y, x = start_yx
    mask[1:4, y - 1:y + 2, x:x + length] = value


def write_followed_dataset(
    root: Path, rows: Sequence[Mapping[str, Any]], *, name: str = "Dataset001_Followed",
    information: Mapping[str, str] | None = None, spacing_zyx_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> RawLayout:
    """A raw data set of rods: rows with patient, day, value, start (y, x), length, and optionally split, outcome,
    label_source and information columns. A row without length is not in the mask.
    """
    layout = RawLayout(root / name)
    information = dict(information or {})
    scans: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        scans.setdefault(f"{row['patient']}_d{row['day']}", []).append(row)
    write_manifest(layout, information=information, numTraining=sum(r[0].get("split", "train") == "train"
                                                                    for r in scans.values()),
                   numTest=sum(r[0].get("split", "train") == "test" for r in scans.values()))
    with layout.cases_csv.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*COLUMNS, *information])
        for scan_id, lesions in scans.items():
            for row in lesions:
                writer.writerow([
                    f"{scan_id}_{row['value']}", scan_id, row["patient"], "A", row["day"], row["value"],
                    row.get("split", "train"), row.get("outcome", ""), row.get("label_source", ""),
                    *(row.get(column, "") for column in information),
                ])
    rng = np.random.default_rng(0)
    for scan_id, lesions in scans.items():
        mask = np.zeros(SHAPE_ZYX, np.uint16)
        for row in lesions:
            if "length" in row:
                rod(mask, row["value"], row.get("start", (10, 4)), row["length"])
        image = Volume((100 + 10 * rng.standard_normal(SHAPE_ZYX)).astype(np.float32), spacing_zyx_mm)
        split = lesions[0].get("split", "train")
        write_volume(layout.image_path(scan_id, split, ".nii.gz"), image)
        write_volume(layout.label_path(scan_id, split, ".nii.gz"), image.with_array(mask))
    return layout


def manifest_of(layout: RawLayout) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(layout.dataset_json.read_text(encoding="utf-8"))
    return document
