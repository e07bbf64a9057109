"""Rows of an own table, read by its mapping: one lesion on one scan each."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from rnnet.core.types import ClinicalValue, Split
from rnnet.core.volume import IMAGE_ENDINGS
from rnnet.dataset.converters.own_table_cells import OwnRows, date_in, number_in, plain_code
from rnnet.dataset.converters.own_table_mapping import ClinicalSource, InformationSource, TableMapping
from rnnet.dataset.converters.own_table_problems import Problem


@dataclass(frozen=True, slots=True)
class OwnRow:
    """One row. image, mask: paths that exist, None where the cell is empty or there is no such file (see `lost`)."""

    line: int
    image: Path | None
    mask: Path | None
    lost: str
    patient: str
    scan: str
    center: str
    split: Split
    day: float | None
    lesion_value: int | None
    outcome: str | None
    label_source: str
    clinical: dict[str, ClinicalValue] = field(default_factory=dict)
    information: dict[str, str] = field(default_factory=dict)


class FileFinder:
    """Finds the files that a table names, below its own folder or the given one, in any letter case and ending."""

    def __init__(self, folders: Sequence[Path], files: Sequence[Path]) -> None:
        """files: all files below the last of `folders`."""
        self._folders = folders
        self._known: dict[str, Path] = {}
        for path in files:
            self._known.setdefault(_key(path), path)

    def find(self, text: str) -> Path | None:
        """The file or folder; a relative path is looked for in each of the folders in turn."""
        name = text.replace("\\", "/")
        for folder in self._folders:
            path = Path(os.path.normpath(folder / name))
            if path.exists():
                return path
            if (known := self._known.get(_key(path))) is not None:
                return known
        return None


class RowReader:
    """Reads rows; everything that is wrong with a cell is kept in `problems`."""

    def __init__(self, mapping: TableMapping, finder: FileFinder) -> None:
        self._mapping = mapping
        self._finder = finder
        self._patients: dict[str, tuple[str, int]] = {}
        self.problems: list[Problem] = []

    def read(self, table: OwnRows) -> list[OwnRow]:
        """All rows; days count from the first date of each patient where the table has dates."""
        mapping = self._mapping
        if not (mapping.columns.center or mapping.center or mapping.name):
            self.problems.append(Problem("there is no centre; set name in the mapping file, or name a column 'center'"))
        dates = self._dates(table)
        first: dict[str, datetime.date] = {}
        for row, date in zip(table.rows, dates, strict=True):
            patient = row[self._mapping.columns.patient]
            if date is not None:
                first[patient] = min(date, first.get(patient, date))
        found = []
        for line, row, date in zip(table.lines, table.rows, dates, strict=True):
            found.append(self._row(line, row, date, first.get(row[mapping.columns.patient])))
        return found

    def _row(
        self, line: int, row: dict[str, str], date: datetime.date | None, first: datetime.date | None
    ) -> OwnRow:
        """date: of the scan; first: of the patient's first scan."""
        columns, mapping = self._mapping.columns, self._mapping
        since = None if date is None or first is None else float((date - first).days)
        day = since if not columns.days else self._number(line, columns.days, row)
        center = self._cell(row, columns.center) or mapping.center or mapping.name
        if columns.center and not center:
            self._add(line, columns.center, "there is no centre; fill it in, or set name in the mapping")
        image, image_lost = self._file(row, columns.image, "image")
        mask, mask_lost = self._file(row, columns.mask, "mask")
        outcome = self._outcome(line, row)
        return OwnRow(
            line, image, mask, image_lost or mask_lost, self._patient(line, row, center),
            safe(self._cell(row, columns.scan)), center, self._split(line, row), day, self._value(line, row), outcome,
            self._cell(row, columns.label_source) or (mapping.label_source if outcome else ""),
            {name: self._clinical(line, name, row[source.column], source) for name, source in mapping.clinical.items()},
            {name: self._information(line, row[source.column], source, first)
             for name, source in mapping.information.items()},
        )

    def _add(self, line: int, column: str, problem: str, against: int | None = None) -> None:
        self.problems.append(Problem(problem, line, column, against))

    def _cell(self, row: dict[str, str], column: str) -> str:
        return row[column] if column else ""

    def _file(self, row: dict[str, str], column: str, what: str) -> tuple[Path | None, str]:
        text = self._cell(row, column)
        if not text:
            return None, f"it names no {what}" if what == "image" else ""
        path = self._finder.find(text)
        return path, "" if path is not None else f"the {what} {text} is missing"

    def _patient(self, line: int, row: dict[str, str], center: str) -> str:
        """The patient's id, which begins with the name of the mapping or the centre."""
        column, name = self._mapping.columns.patient, safe(self._mapping.name or center)
        text = safe(row[column])
        if not text:
            self._add(line, column, "there is no patient; fill it in")
        patient = text if name and text.casefold().startswith(name.casefold()) else f"{name}-{text}"
        written, first = self._patients.setdefault(patient.casefold(), (row[column], line))
        if written != row[column]:
            self._add(line, column, f"the patients '{row[column]}' and '{written}' would get one name; write one "
                      "patient in one way, and two patients differently", first)
        return patient

    def _dates(self, table: OwnRows) -> list[datetime.date | None]:
        column = self._mapping.columns.date
        dates: list[datetime.date | None] = []
        for line, row in zip(table.lines, table.rows, strict=True):
            text = self._cell(row, column)
            date = date_in(text, self._mapping.date_format) if text else None
            if text and date is None:
                self._add(line, column, f"'{text}' is no date; write 2020-01-31, or set date_format in the mapping")
            dates.append(date)
        return dates

    def _number(self, line: int, column: str, row: dict[str, str]) -> float | None:
        text = self._cell(row, column)
        value = number_in(text)
        if text and value is None:
            self._add(line, column, f"'{text}' is no number; correct it, or leave the cell empty")
        return value

    def _value(self, line: int, row: dict[str, str]) -> int | None:
        column = self._mapping.columns.lesion_value
        value = self._number(line, column, row)
        if value is not None and not (value.is_integer() and 1 <= value <= 65535):
            self._add(line, column, f"'{row[column]}' is no whole number above 0")
            return None
        return None if value is None else int(value)

    def _outcome(self, line: int, row: dict[str, str]) -> str | None:
        text = self._cell(row, self._mapping.columns.outcome)
        meant = _translated(text, self._mapping.outcome_values)
        name = next((o for o in self._mapping.outcomes if o.casefold() == meant.casefold()), None)
        if meant and name is None:
            self._add(line, self._mapping.columns.outcome, f"the outcome '{text}' is unknown; add it to outcome_values "
                      f"({', '.join(self._mapping.outcomes)}, or \"\" for not known)")
        return name

    def _split(self, line: int, row: dict[str, str]) -> Split:
        text = self._cell(row, self._mapping.columns.split)
        meant = _translated(text, self._mapping.split_values).casefold() or "train"
        if meant not in ("train", "test"):
            self._add(line, self._mapping.columns.split, f"the split '{text}' is neither train nor test; add it to "
                      "split_values")
            return "train"
        return cast(Split, meant)

    def _clinical(self, line: int, name: str, text: str, source: ClinicalSource) -> ClinicalValue:
        if not text:
            return None
        if source.type == "numeric":
            return self._number(line, source.column, {source.column: text})
        meant = _translated(text, source.values)
        if not meant:
            return None
        kept = next((c for c in source.categories if plain_code(c) == plain_code(meant)), None)
        if source.categories and kept is None:
            self._add(line, source.column, f"'{text}' is no category of {name} ({', '.join(source.categories)}); add "
                      f"it to clinical.{name}.values or categories")
        return kept or meant

    def _information(self, line: int, text: str, source: InformationSource, first: datetime.date | None) -> str:
        """The cell as it is kept; ';' stands between several numbers or days."""
        if source.type == "text":
            return _translated(text, source.values)
        found = []
        for part in filter(None, map(str.strip, text.split(";"))):
            number = number_in(part)
            if source.type == "day":
                date = date_in(part, self._mapping.date_format)
                if date is not None and first is None:
                    self._add(line, source.column, "the patient has no date of a scan to count days from; fill one in")
                    return ""
                number = float((date - first).days) if date is not None and first is not None else None
            if number is None:
                kind = "date; write 2020-01-31, or set date_format in the mapping" if source.type == "day" else (
                    "number; correct it, or leave the cell empty")
                self._add(line, source.column, f"'{part}' is no {kind}")
                return ""
            found.append(f"{number:.15g}")
        return ";".join(found)


def safe(text: str) -> str:
    """The text as part of a file name: what is no letter, digit or one of '_.+-' becomes '-'."""
    return re.sub(r"[^\w.+-]+", "-", text).lstrip("-._+")


def _translated(text: str, values: Mapping[str, str]) -> str:
    """The text's meaning by a table of the mapping; the text itself if it is not in there."""
    return {plain_code(k): v for k, v in values.items()}.get(plain_code(text), text) if text else ""


def _key(path: Path) -> str:
    """A path without letter case and image ending; a file may have been compressed since the table was written."""
    text = path.as_posix().casefold()
    ending = next((e for e in IMAGE_ENDINGS if text.endswith(e)), "")
    return text.removesuffix(ending) + (".nii" if ending in (".nii", ".nii.gz") else ending)
