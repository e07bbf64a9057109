"""Where the columns of MOLAB's clinical table stand, found by their captions in three header rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.core.wording import listed
from rnnet.dataset.converters.sheets import Sheet

# Rows of legends stand above the header; it is looked for in this many rows.
_SEARCHED_ROWS = 60
_FIX = "Give OpenBTAI_METS_ClinicalData_Nov2023.xlsx as it is downloaded."


@dataclass(frozen=True, slots=True)
class ClinicalHeader:
    """Columns (0-based) of the clinical table. first_row: the first one below the header.

    single: column by name. srs, wbrt: (begin, end) columns of each course; its dose stands two columns before the
    begin. systemic: (drug, begin, end). scans: MR 1 and on.
    """

    first_row: int
    single: dict[str, int]
    srs: tuple[tuple[int, int], ...]
    wbrt: tuple[tuple[int, int], ...]
    systemic: tuple[tuple[int, int, int], ...]
    scans: tuple[int, ...]


class _Captions:
    """The header's three rows (group, caption, detail); every caption that is looked for in vain is remembered."""

    def __init__(self, sheet: Sheet, row: int) -> None:
        self._lines = [[sheet.caption(r, c) for c in range(len(sheet.rows[row]))] for r in (row - 1, row, row + 1)]
        self.missing: list[str] = []

    def find(self, line: int, text: str) -> int:
        """First column with this caption in row 0, 1 or 2 of the header; -1 if there is none."""
        found = self._lines[line].index(text) if text in self._lines[line] else -1
        if found < 0:
            self.missing.append(f"'{text}'")
        return found

    def under(self, group: str, captions: Sequence[str]) -> list[int]:
        """Columns with `captions` in row 1, side by side, the first of them below the group's caption in row 0."""
        first = self.find(0, group)
        return [self._expect(1, first + k, text) for k, text in enumerate(captions)]

    def courses(self, name: str, offsets: dict[int, str]) -> list[list[int]]:
        """For 'name (1)', 'name (2)', ...: the columns at `offsets` from it, whose details must be as given."""
        found = []
        n = 1
        while (first := next((c for c, t in enumerate(self._lines[1]) if t == f"{name} ({n})"), -1)) >= 0:
            found.append([self._expect(2, first + k, text) for k, text in offsets.items()])
            n += 1
        if not found:
            self.missing.append(f"'{name} (1)'")
        return found

    def numbered(self, prefix: str) -> list[int]:
        """Columns 'prefix1', 'prefix2', ... of the last row."""
        columns: list[int] = []
        while f"{prefix}{len(columns) + 1}" in self._lines[2]:
            columns.append(self._lines[2].index(f"{prefix}{len(columns) + 1}"))
        if not columns:
            self.missing.append(f"'{prefix}1'")
        return columns

    def _expect(self, line: int, column: int, text: str) -> int:
        there = self._lines[line][column] if 0 <= column < len(self._lines[line]) else ""
        if there != text:
            self.missing.append(f"'{text}' in column {column + 1} (there: '{there}')")
        return column


def find_header(path: Path, sheets: Sequence[Sheet]) -> tuple[Sheet, ClinicalHeader]:
    """The sheet that holds the clinical table, and its columns.

    Raises:
        DatasetError: no sheet has the header, or its captions are not the expected ones.
    """
    for sheet in sheets:
        for row in range(1, min(len(sheet.rows), _SEARCHED_ROWS)):
            if sheet.caption(row, 0) == "patient id":
                return sheet, _columns(path, sheet, row)
    names = ", ".join(s.name for s in sheets)
    raise DatasetError(f"No sheet ({names}) has 'Patient ID' in its first column: not MOLAB's clinical table.",
                       where=path, fix=_FIX)


def _columns(path: Path, sheet: Sheet, row: int) -> ClinicalHeader:
    captions = _Captions(sheet, row)
    single = {
        "patient": 0, "age": captions.find(1, "age at rm1"), "sex": captions.find(1, "sex"),
        "gpa": captions.find(1, "gpa"), "necrosis": captions.find(1, "necrosis"),
    }
    (single["lesion"],) = captions.under("lesion", ["id"])
    single["primary"], single["subtype"] = captions.under("primary tumor", ["type", "subtype"])
    single["surgery"], single["surgery_day"] = captions.under("surgery", ["type", "time"])
    # The release spells it so.
    _, single["death_day"], single["death_cause"] = captions.under("death", ["ocurrence", "time", "cause"])
    srs = captions.courses("srs", {2: "begin", 3: "end"})
    wbrt = captions.courses("wbrt", {2: "begin", 3: "end"})
    systemic = captions.courses("systemic treatment", {0: "drug", 1: "begin", 2: "end"})
    scans = captions.numbered("mr")
    if captions.missing:
        raise DatasetError(
            f"The sheet '{sheet.name}' does not have the captions of MOLAB's clinical table around row {row + 1}; "
            f"looked for in vain: {listed(captions.missing, 6)}.", where=path, fix=_FIX,
        )
    return ClinicalHeader(
        row + 2, single, tuple((b, e) for b, e in srs), tuple((b, e) for b, e in wbrt),
        tuple((d, b, e) for d, b, e in systemic), tuple(scans),
    )
