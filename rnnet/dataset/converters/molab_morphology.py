"""The table of measurements of MOLAB: one row for every lesion on one scan."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.molab_records import FIRST_SCAN, MolabMeasurement
from rnnet.dataset.converters.sheets import Sheet, number_of, patient_of, read_sheets, text_of

# Caption: field. The first four make the table usable; one of the others that is absent leaves its field empty.
_KEYS = ("PATIENT", "TIME POINT", "LESION", "MAXDIAMETER3D")
_OTHERS = {
    "TOTALVOLUME": "total_volume_cm3", "CEVOLUME": "enhancing_volume_cm3", "NECVOLUME": "necrotic_volume_cm3",
    "MAGNETIC FIELD": "field_tesla", "PIXELSPACING": "pixel_spacing_mm", "SBS": "slice_spacing_mm",
    "STH": "slice_thickness_mm",
}
_SCANNER = "STATION NAME"
_MM_PER_CM = 10.0
# Above this a field strength is written in gauss; the strongest clinical magnet has 7 T.
_MOST_TESLA = 20.0
_GAUSS_PER_TESLA = 10_000.0


def read_morphology_table(path: Path) -> tuple[tuple[MolabMeasurement, ...], tuple[str, ...]]:
    """(measurements by patient, lesion and day; notes on cells that were mended, left out or are doubtful).

    Raises:
        DatasetError: not an Excel file, or no sheet has the table's columns; the message names those looked for.
    """
    sheets = read_sheets(path)
    sheet, header, columns = _find_table(path, sheets)
    rows: dict[tuple[str, int, int], MolabMeasurement] = {}
    notes: list[str] = []
    for row in range(header + 1, len(sheet.rows)):
        if not any(text_of(c) for c in sheet.rows[row]):
            continue
        where = f"{path.name}, row {row + 1}"
        found = _measurement(sheet, row, columns, where, notes)
        if found is None:
            continue
        key = (found.patient_id, found.lesion, found.day)
        if key in rows:
            notes.append(f"{where}: lesion {found.lesion} of patient {found.patient_id} stands twice on day "
                         f"{found.day}; the first row is kept.")
        rows.setdefault(key, found)
    if not rows:
        raise DatasetError("The table of measurements has no rows.", where=path, fix="Download it again.")
    return tuple(rows[key] for key in sorted(rows)), tuple(notes)


def _find_table(path: Path, sheets: tuple[Sheet, ...]) -> tuple[Sheet, int, dict[str, int]]:
    """(sheet, its header's row, column of every caption)."""
    wanted = {name.casefold() for name in _KEYS}
    best: set[str] = set()
    for sheet in sheets:
        for row in range(min(len(sheet.rows), 30)):
            captions = {sheet.caption(row, c): c for c in range(len(sheet.rows[row]))}
            if wanted <= set(captions):
                return sheet, row, captions
            best = max(best, wanted & set(captions), key=len)
    missing = [name for name in _KEYS if name.casefold() not in best]
    raise DatasetError(
        f"No sheet ({', '.join(s.name for s in sheets)}) has the columns {', '.join(_KEYS)} in one row "
        f"(not found: {', '.join(missing)}).",
        where=path, fix="Give OpenBTAI_MORPHOLOGICAL_MEASUREMENTS.xlsx as it is downloaded.",
    )


def _measurement(
    sheet: Sheet, row: int, columns: dict[str, int], where: str, notes: list[str]
) -> MolabMeasurement | None:
    cells = {name: sheet.cell(row, column) for name, column in columns.items()}
    patient = patient_of(cells["patient"])
    day_of_scan = _date(text_of(cells["time point"]))
    lesion = number_of(cells["lesion"])
    if patient is None or day_of_scan is None or lesion is None or lesion != int(lesion):
        notes.append(f"{where}: no patient, date (yyyymmdd) and lesion number can be read; the row is left out.")
        return None
    diameter = number_of(cells["maxdiameter3d"])
    if diameter is None or diameter <= 0:
        notes.append(f"{where}: the diameter '{text_of(cells['maxdiameter3d'])}' is not a positive number; it is "
                     "taken as missing.")
        diameter = None
    values = {field: number_of(cells.get(name.casefold())) for name, field in _OTHERS.items()}
    field_strength = values["field_tesla"]
    if field_strength is not None and field_strength > _MOST_TESLA:
        values["field_tesla"] = field_strength / _GAUSS_PER_TESLA
        notes.append(f"{where}: a magnetic field of {field_strength:g} was read as {values['field_tesla']:g} T.")
    return MolabMeasurement(
        patient, day_of_scan, (day_of_scan - FIRST_SCAN).days, int(lesion),
        None if diameter is None else diameter * _MM_PER_CM,
        scanner=text_of(cells.get(_SCANNER.casefold())), **values,
    )


def _date(text: str) -> date | None:
    try:
        return datetime.strptime(text.removesuffix(".0"), "%Y%m%d").date()
    except ValueError:
        return None
