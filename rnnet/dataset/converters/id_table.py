"""Columns of an Excel sheet that a release brings along, as texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnet.dataset.converters.sheets import Sheet, is_missing, read_sheets, text_of

# Titles and legends may stand above the header.
_LAST_HEADER_ROW = 20


@dataclass(frozen=True, slots=True)
class IdTable:
    """rows: the columns' cells, '' where nothing is said. problem: why there are none, as a sentence; else ''."""

    rows: tuple[tuple[str, ...], ...] = ()
    problem: str = ""


def read_id_table(path: Path, sheet: str, columns: Sequence[str]) -> IdTable:
    """The columns of a sheet, found by their captions in any letter case; rows without a first cell are left out.

    A blank, 'n/a', 'nan' and the like say nothing.

    Raises:
        DatasetError: not an Excel file.
    """
    sheets = read_sheets(path)
    chosen = next((s for s in sheets if s.name.strip().casefold() == sheet.casefold()), None)
    if chosen is None:
        return IdTable(problem=f"{path.name} has no sheet {sheet} (it has {', '.join(s.name for s in sheets)}).")
    for row in range(min(len(chosen.rows), _LAST_HEADER_ROW)):
        captions = {chosen.caption(row, c): c for c in range(len(chosen.rows[row]))}
        if all(name.casefold() in captions for name in columns):
            places = [captions[name.casefold()] for name in columns]
            cells = (tuple(_cell(chosen, r, c) for c in places) for r in range(row + 1, len(chosen.rows)))
            return IdTable(tuple(row for row in cells if row[0]))
    return IdTable(problem=f"The sheet {sheet} of {path.name} has no header with {' and '.join(columns)}.")


def _cell(sheet: Sheet, row: int, column: int) -> str:
    value = sheet.cell(row, column)
    # A number that Excel keeps as a decimal is the same name.
    return "" if is_missing(value) else text_of(value).removesuffix(".0")
