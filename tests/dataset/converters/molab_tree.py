"""A small made-up release in the layout of MOLAB: both tables with their traps, images and masks of segment codes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnet.core.volume import Volume, write_volume
from tests.factories import lesion_centers, make_lesion_mask, make_volume

CLINICAL_NAME = "OpenBTAI_METS_ClinicalData_Nov2023.xlsx"
MORPHOLOGY_NAME = "OpenBTAI_MORPHOLOGICAL_MEASUREMENTS.xlsx"
SHAPE_ZYX = (24, 28, 26)
FIRST = datetime.datetime(1900, 1, 1)

_N_COLUMNS = 93
# Column (0-based) of what a test fills in.
COLUMNS = {
    "patient": 0, "age": 1, "sex": 2, "gpa": 3, "lesion": 4, "primary": 5, "subtype": 6,
    "wbrt_dose": 23, "wbrt_begin": 25, "wbrt_end": 26, "wbrt2_begin": 29,
    "srs_dose": 31, "srs_begin": 33, "srs_end": 34, "srs2_dose": 35, "srs2_begin": 37, "srs2_end": 38,
    "necrosis": 43, "surgery": 44, "surgery_day": 45, "drug": 46, "drug_begin": 47, "drug_end": 48,
    "drug2": 49, "drug2_begin": 50, "drug2_end": 51, "comments": 70, "death": 71, "death_day": 72, "death_cause": 73,
}
_FIRST_MR, _LAST_MR = 74, 92
_GROUPS = {
    0: "PATIENT DATA", 4: "LESION", 5: "PRIMARY TUMOR", 23: "Whole Brain Radiation Therapy (WBRT)",
    31: "Stereotactic Radiosurgery (SRS)", 43: "RADIATION ", 44: "SURGERY", 46: "SYSTEMIC TREATMENT ", 70: "COMMENTS",
    71: "Death",
}
_CAPTIONS = {
    0: "Patient ID", 1: "Age at RM1", 2: "Sex", 3: "GPA", 4: "id \xa0", 5: "Type", 6: "Subtype", 23: "WBRT (1)",
    27: "WBRT (2)", 31: "SRS (1)", 35: "SRS (2)", 39: "SRS (3)", 43: "NECROSIS", 44: "Type", 45: "Time",
    **{46 + 3 * n: f"SYSTEMIC TREATMENT  ({n + 1})" for n in range(8)}, 71: "Ocurrence", 72: "Time", 73: "Cause",
    74: "MRI follow-ups dates",
}
_MORPHOLOGY_COLUMNS = (
    "PATIENT", "TIME POINT", "PIXELSPACING", "SBS", "STH", "STATION NAME", "REPTIME", "ECHOTIME", "MAGNETIC FIELD",
    "LESION", "TOTALVOLUME", "CEVOLUME", "NECVOLUME", "CERIMWIDTH", "MAXDIAMETER3D", "TOTALSURFACE", "RENDVOLUME",
    "SURFACEREGULARITY",
)


def stamp(day: int) -> str:
    """The release's date (yyyymmdd) of a day after the first MRI."""
    return (FIRST + datetime.timedelta(days=day)).strftime("%Y%m%d")


def clinical_row(patient: str, lesion: int, *, mr_days: Sequence[int] = (0, 100, 200, 300), **cells: Any) -> list[Any]:
    """A row of the clinical table: a woman of 60 with NSCLC, and `cells` by the names of COLUMNS."""
    row: list[Any] = [" "] * _N_COLUMNS
    row[7:22] = ["n/a"] * 15
    known = {"age": 60, "sex": 1, "gpa": 2.5, "primary": 2, "subtype": 1, "death": 1, "death_day": 900,
             "death_cause": 2, **cells}
    for name, value in {"patient": patient, "lesion": lesion, **known}.items():
        row[COLUMNS[name]] = value
    for column, day in zip(range(_FIRST_MR, _LAST_MR + 1), mr_days, strict=False):
        row[column] = FIRST + datetime.timedelta(days=day)
    return row


def write_clinical_table(
    path: Path, rows: Sequence[Sequence[Any]], *, captions: Mapping[int, str] | None = None
) -> Path:
    """Legend in rows 1 to 12, header in 13 to 15, the rows, a gap and a footer, as published. captions: others."""
    details: dict[int, str] = {}
    for first in (23, 27, 31, 35, 39):
        details |= {first: "Dose/Frac", first + 1: "Nfrac", first + 2: "Begin", first + 3: "End"}
    for first in range(46, 70, 3):
        details |= {first: "Drug", first + 1: "Begin", first + 2: "End"}
    details |= {43: "Time", 21: "TNM", 22: "Stage", **{_FIRST_MR + n: f"MR{n + 1}" for n in range(19)}}
    legend: list[dict[int, str]] = [
        {5: "Primary codes", 7: "Breast subtypes"}, {5: "1.\xa0Breast", 7: "1. Luminal a"}, {5: "2. NSCLC"}, {}, {},
        {7: "Lung subtypes"}, {0: "*All lesions in this database have available segmentations."}, {}, {}, {},
        {2: "1. Female", 71: "1.  Yes"}, {2: "2. Male", 7: "12. uterus"},
    ]
    head = [*legend, _GROUPS, {**_CAPTIONS, **(captions or {})}, details]
    lines = [[line.get(c) for c in range(_N_COLUMNS)] for line in head]
    footer = [[], [], ["Segmentation available"], ["Times are displayed in days since MR1"]]
    return _write(path, [*lines, *rows, *footer])


def measurement_row(patient: int, day: int, lesion: int, diameter_cm: Any, *, field_tesla: float = 1.5) -> list[Any]:
    """A row of the morphology table; `patient` is a number there, its leading zero lost."""
    return [patient, int(stamp(day)), 0.9766, 1.3, 1.3, "GE MEDICAL SYSTEMS", 8.6, 3.2, field_tesla, lesion, 2.0, 1.5,
            0.5, 0.3, diameter_cm, 9.0, 1.9, 0.7]


def write_morphology_table(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    """The header in the first row, then the rows."""
    return _write(path, [_MORPHOLOGY_COLUMNS, *rows])


def _write(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = "Hoja1"
    for row in rows:
        sheet.append(list(row))
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def write_series(
    folder: Path, patient: str, day: int, lesions: Sequence[int], *, rest: str = "", ending: str = ".nii",
    image: bool = True, mask: bool = True, shift_mm: float = 0.3, codes: Mapping[int, int] | None = None,
) -> None:
    """Image and mask of one day; every lesion has an enhancing rim (code 1) and a necrotic core (code 2).

    shift_mm: of the mask's origin against the image's. codes: other values for some of the mask's.
    """
    head = make_volume(SHAPE_ZYX, seed=int(patient) * 1000 + day)
    centers = lesion_centers(SHAPE_ZYX, max(1, len(lesions)))
    outer = make_lesion_mask(SHAPE_ZYX, centers, radius_vox=2.6)
    core = make_lesion_mask(SHAPE_ZYX, centers, radius_vox=1.5)
    numbers = np.array([0, *lesions] if lesions else [0, 0], np.uint16)
    values = numbers[outer] * 10 + (outer > 0) + (core > 0)
    for value, other in (codes or {}).items():
        values[values == value] = other
    stem = f"{patient}_{stamp(day)}{rest}"
    if image:
        bright = head.with_array(np.where(outer > 0, head.array + 60, head.array).astype(np.float32))
        write_volume(folder / f"{stem}_img{ending}", bright)
    if mask:
        origin = (head.origin_xyz_mm[0] + shift_mm, *head.origin_xyz_mm[1:])
        labels: Volume = replace(head, array=values.astype(np.uint16), origin_xyz_mm=origin)
        write_volume(folder / f"{stem}_msk{ending}", labels)


def nested(root: Path, patient: str) -> Path:
    """The release's own folder of a patient's images."""
    return root / patient / patient / "NIFTI"


def write_molab_tree(root: Path) -> Path:
    """Four patients with tables and images; what each shows is said beside it."""
    # Lesion 1 grows on day 300 and has necrosis; lesion 10 grows on days 200 and 300 without one.
    for day in (100, 200, 300):
        write_series(nested(root, "010005"), "010005", day, (1, 10))
    # Flattened and packed, as some copies are; no SRS; its lesion 2 is in the masks and not in the tables.
    write_series(root / "010064", "010064", 0, (1, 2), ending=".nii.gz")
    write_series(root / "010064", "010064", 100, (1, 2), ending=".nii.gz")
    # A scan without mask, a mask without image, two series of one day, and a scan that was not measured.
    write_series(nested(root, "040040"), "040040", 0, (1,), mask=False)
    write_series(nested(root, "040040"), "040040", 100, (1,), image=False)
    write_series(nested(root, "040040"), "040040", 200, (1,), rest="_a")
    write_series(nested(root, "040040"), "040040", 200, (1,), rest="_b")
    write_series(nested(root, "040040"), "040040", 300, (1,))
    (root / "010005" / "010005" / "DICOM").mkdir()
    (root / "010005" / "010005" / "DICOM" / "slice1.dcm").write_text("no image")
    (root / "readme.txt").write_text("notes")
    write_clinical_table(root / "tables" / CLINICAL_NAME, [
        clinical_row("010005", 1, srs_dose=20, srs_begin=10, wbrt_dose=3, wbrt_begin=5, wbrt_end=9, necrosis=310,
                     drug="Capecitabine", drug_begin=150, drug_end=250),
        clinical_row("010005", 10, srs_dose=20, srs_begin=3, srs2_begin=220, wbrt_dose=3, wbrt_begin=5, wbrt_end=9,
                     drug="Capecitabine", drug_begin=150, drug_end=250),
        clinical_row("010064", 1, sex=2, gpa="n/a", primary=4, subtype="n/a", drug="n/a", death_cause="n/a"),
        clinical_row("040040", 1, srs_begin=20, drug="None"),
        # No images of this patient.
        clinical_row("040183", 1, srs_begin=20, necrosis=200),
    ])
    write_morphology_table(root / "tables" / MORPHOLOGY_NAME, [
        *(measurement_row(10005, day, 1, d) for day, d in ((100, 1.0), (200, 1.1), (300, 2.0))),
        *(measurement_row(10005, day, 10, d) for day, d in ((100, 1.0), (200, 1.6), (300, 1.7))),
        measurement_row(10064, 0, 1, 1.0), measurement_row(10064, 100, 1, 2.0, field_tesla=15000),
        measurement_row(40040, 0, 1, 1.0), measurement_row(40040, 200, 1, 1.1),
        measurement_row(40183, 100, 1, 1.0),
    ])
    return root
