"""The clinical table of MOLAB: one row for every lesion, with its patient's treatments over time."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.molab_header import ClinicalHeader, find_header
from rnnet.dataset.converters.molab_records import FIRST_SCAN, PRIMARIES, MolabLesion, Treatment
from rnnet.dataset.converters.sheets import Sheet, is_missing, number_of, patient_of, read_sheets, text_of

_SEXES = {1: "female", 2: "male"}
_SUBTYPES = {
    "breast": {1: "luminal A", 2: "luminal B", 3: "triple negative", 4: "HER2"},
    "NSCLC": {1: "adenocarcinoma", 2: "epidermoid", 3: "large cell carcinoma", 4: "large cell neuroendocrine"},
}
_SURGERIES = {1: "partial", 2: "total", 3: "unknown extent"}
_CAUSES = {
    1: "brain progression", 2: "systemic illness", 3: "systemic and brain progression", 4: "other",
}
# A word for death in the cell of a treatment's end: the treatment went on until then.
_UNTIL_DEATH = "exitus"
# From the begin of a course of radiotherapy to its dose.
_DOSE = -2
# Equal in all rows of a patient.
_OF_PATIENT = ("age", "sex", "gpa", "primary", "death_day", "death_cause", "systemic", "wbrt_days", "mr_days")


class _Row:
    """One row's cells as values; what had to be mended or cannot be read goes to `notes`."""

    def __init__(self, sheet: Sheet, row: int, columns: Mapping[str, int], where: str, notes: list[str]) -> None:
        self._sheet, self._row, self._columns, self.where, self._notes = sheet, row, columns, where, notes

    def cell(self, column: int | str) -> Any:
        return self._sheet.cell(self._row, self._columns[column] if isinstance(column, str) else column)

    def note(self, text: str) -> None:
        self._notes.append(f"{self.where}: {text}")

    def number(self, column: int | str, what: str) -> float | None:
        """The number in a cell; a text there is noted and taken as missing."""
        cell = self.cell(column)
        value = number_of(cell)
        if value is None and not is_missing(cell):
            self.note(f"'{text_of(cell)}' as {what} is not a number; it is taken as missing.")
        return value

    def coded(self, column: str, codes: Mapping[int, str], what: str, *, none: int | None = None) -> str | None:
        """The meaning of a code; one without a meaning is noted and taken as missing. none: says 'no such thing'."""
        value = self.number(column, what)
        if value is None or value == none:
            return None
        if value not in codes:
            self.note(f"the code {value:g} for {what} has no meaning in the table's legend; it is taken as missing.")
            return None
        return codes[int(value)]


def read_clinical_table(path: Path) -> tuple[tuple[MolabLesion, ...], tuple[str, ...]]:
    """(lesions in the table's order; notes on cells that were mended, left out or are doubtful).

    Raises:
        DatasetError: not an Excel file, or no sheet has the table's columns; the message names those looked for.
    """
    sheet, header = find_header(path, read_sheets(path))
    lesions: dict[tuple[str, int], MolabLesion] = {}
    notes: list[str] = []
    for row in range(header.first_row, len(sheet.rows)):
        patient, lesion = patient_of(sheet.cell(row, 0)), number_of(sheet.cell(row, header.single["lesion"]))
        where = f"{path.name}, row {row + 1}"
        if patient is None or lesion is None or lesion != int(lesion):
            # Footer rows have a text in the first column only.
            if not is_missing(sheet.cell(row, header.single["lesion"])):
                notes.append(f"{where}: no patient and lesion number can be read; the row is left out.")
            continue
        where += f", patient {patient}, lesion {int(lesion)}"
        if (patient, int(lesion)) in lesions:
            notes.append(f"{where}: the lesion stands twice; the first row is kept.")
            continue
        cells = _Row(sheet, row, header.single, where, notes)
        lesions[patient, int(lesion)] = _lesion(cells, header, patient, int(lesion))
    if not lesions:
        raise DatasetError("The clinical table has no rows below its header.", where=path, fix="Download it again.")
    found = tuple(lesions.values())
    return found, (*notes, *_disagreements(found))


def _lesion(row: _Row, header: ClinicalHeader, patient: str, lesion: int) -> MolabLesion:
    primary = row.coded("primary", PRIMARIES, "the primary tumour")
    death_day = row.number("death_day", "the day of death")
    record = MolabLesion(
        patient_id=patient, lesion=lesion, age=row.number("age", "age"), sex=row.coded("sex", _SEXES, "sex"),
        primary=primary, subtype=_subtype(row, primary), gpa=row.number("gpa", "GPA"),
        radiation_necrosis_day=row.number("necrosis", "the day of radiation necrosis"),
        srs_days=_courses(row, header.srs, "SRS"), wbrt_days=_courses(row, header.wbrt, "WBRT"),
        systemic=_systemic(row, header.systemic, death_day),
        surgery=row.coded("surgery", _SURGERIES, "surgery", none=0),
        surgery_day=row.number("surgery_day", "the day of surgery"),
        death_day=death_day, death_cause=_cause(row), mr_days=_scan_days(row, header.scans),
    )
    _note_after_death(row, record)
    return record


def _subtype(row: _Row, primary: str | None) -> str | None:
    # The legend gives subtypes of breast and lung tumours only; 1 elsewhere has no meaning.
    codes = _SUBTYPES.get(primary or "")
    return row.coded("subtype", codes, f"the subtype ({primary})") if codes else None


def _courses(row: _Row, columns: Sequence[tuple[int, int]], kind: str) -> tuple[tuple[float, float | None], ...]:
    """(begin, end) of the courses of radiotherapy whose begin is known, sorted."""
    found: list[tuple[float, float | None]] = []
    for n, (begin_column, end_column) in enumerate(columns, start=1):
        begin = row.number(begin_column, f"the begin of {kind} {n}")
        end = row.number(end_column, f"the end of {kind} {n}")
        if begin is None:
            if not is_missing(row.cell(begin_column + _DOSE)):
                row.note(f"{kind} {n} has a dose and no begin; it is left out of everything that needs its day.")
            continue
        if end is not None and end < begin:
            row.note(f"{kind} {n} ends on day {end:g}, before its begin on day {begin:g}.")
        found.append((begin, end))
    return tuple(sorted(found, key=lambda course: course[0]))


def _systemic(
    row: _Row, columns: Sequence[tuple[int, int, int]], death_day: float | None
) -> tuple[Treatment, ...]:
    """Medical treatments; 'None' in the first drug's cell says that there was none."""
    found = []
    for n, (drug_column, begin_column, end_column) in enumerate(columns, start=1):
        drug = " ".join(text_of(row.cell(drug_column)).split())
        named = not is_missing(drug)
        begin = row.number(begin_column, f"the begin of systemic treatment {n}")
        if text_of(row.cell(end_column)).casefold() == _UNTIL_DEATH:
            end = death_day
            row.note(f"'{_UNTIL_DEATH}' as the end of systemic treatment {n} is read as the day of death "
                     f"({'not known' if end is None else f'{end:g}'}).")
        else:
            end = row.number(end_column, f"the end of systemic treatment {n}")
        if drug.casefold() == "none" or (not drug and begin is None and end is None):
            continue
        if begin is None and named:
            row.note(f"systemic treatment {n} ({drug}) has no begin; before its end it cannot be said whether it "
                     "was going on.")
        if begin is not None and end is not None and end < begin:
            row.note(f"systemic treatment {n} ends on day {end:g}, before its begin on day {begin:g}: it is taken as "
                     "going on at no scan.")
        found.append(Treatment(drug if named else "", begin, end))
    return tuple(found)


def _cause(row: _Row) -> str | None:
    """The cause of death; several joined by '+' are kept as one text, and noted."""
    cell = row.cell("death_cause")
    codes = [number_of(part) for part in text_of(cell).split("+")]
    names = [_CAUSES.get(int(c)) for c in codes if c is not None and c == int(c)]
    if len(codes) > 1 and len(names) == len(codes) and all(names):
        joined = " and ".join(name for name in names if name)
        row.note(f"'{text_of(cell)}' as the cause of death is read as '{joined}'.")
        return joined
    return row.coded("death_cause", _CAUSES, "the cause of death")


def _scan_days(row: _Row, columns: Sequence[int]) -> tuple[int, ...]:
    """Days of the patient's MRIs, sorted."""
    days = set()
    for column in columns:
        cell = row.cell(column)
        if isinstance(cell, datetime.datetime):
            days.add((cell.date() - FIRST_SCAN).days)
        elif not is_missing(cell):
            row.note(f"'{text_of(cell)}' as the date of an MRI is not a date; it is left out.")
    return tuple(sorted(days))


def _note_after_death(row: _Row, record: MolabLesion) -> None:
    """Days that lie after the patient's death: one of the two is wrong; both are kept."""
    if record.death_day is None:
        return
    events = [(begin, "SRS begins") for begin, _ in record.srs_days]
    if record.radiation_necrosis_day is not None:
        events.append((record.radiation_necrosis_day, "radiation necrosis is recorded"))
    for day, what in events:
        if day > record.death_day:
            row.note(f"{what} on day {day:g}, after death on day {record.death_day:g}.")


def _disagreements(lesions: Sequence[MolabLesion]) -> list[str]:
    """What should be equal in all rows of a patient and is not; each row is kept as it is."""
    notes = []
    for patient in dict.fromkeys(record.patient_id for record in lesions):
        rows = [record for record in lesions if record.patient_id == patient]
        for field in _OF_PATIENT:
            values = list(dict.fromkeys(getattr(record, field) for record in rows))
            if len(values) > 1:
                shown = "" if field in ("systemic", "wbrt_days", "mr_days") else f": {', '.join(map(str, values))}"
                notes.append(f"Patient {patient}: the rows of the lesions differ in {field}{shown}. "
                             "Each row is kept as it is.")
    return notes
