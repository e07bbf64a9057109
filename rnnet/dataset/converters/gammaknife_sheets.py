"""The clinical workbook of Brain-TR-GammaKnife: a sheet of lesions and a sheet of treatment courses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.core.wording import listed
from rnnet.dataset.converters.sheets import Sheet, is_missing, read_sheets, text_of
from rnnet.dataset.table import parse_number

# Captions have changed between copies of the workbook, so columns are found by what their captions must contain.
_LESION_COLUMNS = {
    "patient": r"unique.*id|^p(atien)?t.*id", "course": r"course", "name": r"name.*nrrd|nrrd.*name",
    "outcome": r"mri.?type|outcome|status", "months": r"duration.*month", "fractions": r"fractions?",
}
_COURSE_COLUMNS = {
    "patient": r"unique.*id|^p(atien)?t.*id", "course": r"course", "age": r"^age", "sex": r"gender|^sex",
    "primary": r"primary.*diagnosis",
}
_NEEDED = ("patient", "course", "name", "outcome")
_SEX = {"f": "female", "female": "female", "m": "male", "male": "male"}
_OUTCOME = {"recurrence": "recurrence", "recurrent": "recurrence", "stable": "stable"}


@dataclass(frozen=True, slots=True)
class LesionRow:
    """A lesion of the table. name: as its NRRD file is called; line: in the sheet, counted from 1; months: a text."""

    line: int
    patient: str
    course: str
    name: str
    outcome: str | None
    months: str
    fractions: float | None
    age: float | None
    sex: str | None
    primary: str | None

    @property
    def plain(self) -> str:
        """The name as files are looked for."""
        return plain_name(self.name)


def plain_name(text: str) -> str:
    """What names a file within its course: small letters and digits, without the course's name in front.

    The table's names and the files' differ in blanks, signs and letter case.
    """
    own = re.sub(r"^GK[._]\d+[._]\d+_?", "", re.sub(r"\.nrrd$", "", text.strip(), flags=re.IGNORECASE),
                 flags=re.IGNORECASE)
    return re.sub(r"[^a-z0-9]", "", own.lower())


def read_lesion_rows(path: Path) -> tuple[list[LesionRow], list[str]]:
    """Lesions with what the course's sheet says of them, and what must be said about the table.

    Raises:
        DatasetError: the sheet of lesions, or a column that is needed, is not there; the message lists what is.
    """
    sheets = read_sheets(path)
    lesions = next((s for s in sheets if "lesion" in s.name.lower()), None)
    if lesions is None:
        raise DatasetError(f"The workbook has no sheet of lesions, only {', '.join(s.name for s in sheets)}.",
                           where=path, fix="Download the table again; the sheet is called lesion_level.")
    header = _columns(lesions, _LESION_COLUMNS)
    absent = [name for name in _NEEDED if name not in header]
    if absent:
        seen = ", ".join(t for c in range(_width(lesions)) if (t := text_of(lesions.cell(0, c))))
        raise DatasetError(f"The sheet {lesions.name} has no column for: {', '.join(absent)}. It has: {seen}.",
                           where=path, fix="Is it the table of this release?")
    courses = _course_rows(next((s for s in sheets if "course" in s.name.lower()), None))
    rows, odd = [], []
    for index in range(1, len(lesions.rows)):
        cells = {name: _text(lesions.cell(index, column)) for name, column in header.items()}
        if not cells["patient"] or not cells["name"]:
            continue
        word = cells["outcome"].casefold()
        if word and word not in _OUTCOME:
            odd.append(f"row {index + 1}: '{cells['outcome']}'")
        patient, number = _id(cells["patient"]), _id(cells["course"])
        rows.append(_row(index + 1, patient, number, cells, _OUTCOME.get(word), courses.get((patient, number), {})))
    words = listed(odd, separator="; ")
    notes = [f"{len(odd)} outcome(s) are neither stable nor recurrence and are left empty: {words}."]
    return rows, notes if odd else []


def _row(
    line: int, patient: str, course: str, cells: Mapping[str, str], outcome: str | None, of_course: Mapping[str, str]
) -> LesionRow:
    months = parse_number(cells.get("months", ""))
    return LesionRow(
        line, patient, course, cells["name"], outcome, "" if months is None else f"{months:g}",
        parse_number(cells.get("fractions", "")), parse_number(of_course.get("age", "")),
        _SEX.get(of_course.get("sex", "").casefold()), of_course.get("primary", "").lower() or None,
    )


def _course_rows(sheet: Sheet | None) -> dict[tuple[str, str], dict[str, str]]:
    """What is said of every course; empty where there is no such sheet or it does not name patient and course."""
    if sheet is None:
        return {}
    header = _columns(sheet, _COURSE_COLUMNS)
    if not {"patient", "course"} <= set(header):
        return {}
    found: dict[tuple[str, str], dict[str, str]] = {}
    for index in range(1, len(sheet.rows)):
        cells = {name: _text(sheet.cell(index, column)) for name, column in header.items()}
        found.setdefault((_id(cells["patient"]), _id(cells["course"])), cells)
    return found


def _columns(sheet: Sheet, patterns: Mapping[str, str]) -> dict[str, int]:
    """Number of the first column whose caption fits each pattern."""
    captions: Sequence[str] = [sheet.caption(0, column) for column in range(_width(sheet))]
    found = {name: next((c for c, t in enumerate(captions) if re.search(pattern, t)), None)
             for name, pattern in patterns.items()}
    return {name: column for name, column in found.items() if column is not None}


def _width(sheet: Sheet) -> int:
    return len(sheet.rows[0]) if sheet.rows else 0


def _text(value: object) -> str:
    return "" if is_missing(value) else text_of(value)


def _id(text: str) -> str:
    """'103.0' -> '103'."""
    number = parse_number(text)
    return str(int(number)) if number is not None and number == int(number) else text
