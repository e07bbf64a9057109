"""An own table, CSV or Excel, as texts with their line numbers, and what stands in a single cell."""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.own_table_problems import lines_text
from rnnet.dataset.converters.sheets import read_sheets, text_of
from rnnet.dataset.table import parse_number

TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm")
_BLANKS = frozenset({"", "n/a", "na", "nan", "null", "-", "?", "."})
_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d.%m.%y", "%Y/%m/%d")


@dataclass(frozen=True, slots=True)
class OwnRows:
    """Rows by column name, without outer blanks and '' where nothing is said; `lines` are their line numbers."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    lines: tuple[int, ...]
    notes: tuple[str, ...] = ()


def read_own_table(path: Path, *, sheet: str = "", header_row: int = 1, blanks: Sequence[str] = ()) -> OwnRows:
    """The table at `path`; empty lines are passed over.

    Columns may be separated by commas, semicolons or tabs; the text may be UTF-8 or, as spreadsheets save it, Windows'
    Western European code.

    Raises:
        DatasetError: the file is missing, cannot be read, has no such sheet, names a column twice, or, as text, has
            lines with more cells than the header: their values would stand under the wrong names.
    """
    if not path.is_file():
        raise DatasetError("The table is missing.", where=path, fix="Name it with --table.")
    notes: list[str] = []
    is_excel = path.suffix.lower() in (".xlsx", ".xlsm")
    cells = _excel(path, sheet) if is_excel else _text_lines(path, notes)
    header = [text_of(c) for c in cells[header_row - 1]] if len(cells) >= header_row else []
    named = [c for c in header if c]
    if not named:
        raise DatasetError(f"Line {header_row} of the table has no column names.", where=path,
                           fix="Set header_row in the mapping file to the line of the column names.")
    twice = sorted({c for c in named if named.count(c) > 1})
    if twice:
        raise DatasetError(f"The column '{twice[0]}' stands {named.count(twice[0])} times.", where=path,
                           fix="Keep or rename one of them.")
    if not is_excel:
        _check_widths(header, cells[header_row:], header_row, path)
    missing = _BLANKS | {b.strip().casefold() for b in blanks}
    rows, lines = [], []
    for line, values in enumerate(cells[header_row:], start=header_row + 1):
        # A text's line may be shorter, for its last cells may be left out; a sheet may have remarks beside the table.
        texts = {c: _cell(v, missing) for c, v in zip(header, values, strict=False) if c}
        if any(texts.values()):
            rows.append({c: texts.get(c, "") for c in named})
            lines.append(line)
    if not rows:
        raise DatasetError("The table has no rows.", where=path, fix="Add one row for every lesion on one scan.")
    return OwnRows(path, tuple(named), tuple(rows), tuple(lines), tuple(notes))


def number_in(text: str) -> float | None:
    """The number in a cell, with a decimal point or comma; None if there is none."""
    value = parse_number(text)
    if value is None and re.fullmatch(r"[+-]?\d*,\d+", text):
        value = parse_number(text.replace(",", "."))
    return value


def plain_code(text: str) -> str:
    """A cell as translations are looked up: '1.0' is '1', letter case does not count."""
    value = parse_number(text)
    return str(int(value)) if value is not None and value.is_integer() else text.casefold()


def date_in(text: str, date_format: str = "") -> datetime.date | None:
    """The date in a cell: by `date_format`, else as 2020-01-31, 20200131, 2020/01/31 or 31.01.2020; None if none."""
    for form in (date_format,) if date_format else _FORMATS:
        try:
            return datetime.datetime.strptime(text, form).date()
        except ValueError:
            continue
    # An Excel cell that holds a date comes in this form whatever the table's format.
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


def _check_widths(header: Sequence[str], rows: Sequence[Sequence[Any]], header_row: int, path: Path) -> None:
    """Refuse lines with more cells than the header, or with values behind its last name.

    An empty cell too many counts as well: in '1,61,5,' the comma of 61,5 has moved the empty remark out of the table.
    """
    named = max(i for i, name in enumerate(header, start=1) if name)
    found = []
    for line, values in enumerate(rows, start=header_row + 1):
        filled = max((i for i, value in enumerate(values, start=1) if text_of(value)), default=0)
        if filled and len(values) > len(header):
            found.append((line, len(values), len(header)))
        elif filled > named:
            found.append((line, filled, named))
    if found:
        line, cells, width = found[0]
        more = f" (and {len(found) - 1} further line(s): {lines_text([x for x, _, _ in found[1:]])})"
        raise DatasetError(
            f"Line {line} has {cells} cells, the header {width}{more if len(found) > 1 else ''}.", where=path,
            fix="Put cells that hold the separator, such as numbers with a decimal comma, in quotes, or save the table "
            "with another separator; give every column a name.",
        )


def _cell(value: Any, missing: frozenset[str]) -> str:
    if isinstance(value, datetime.datetime):
        text = value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ")
    elif isinstance(value, float) and value.is_integer():
        text = str(int(value))
    else:
        text = text_of(value)
    return "" if text.casefold() in missing else text


def _excel(path: Path, sheet: str) -> Sequence[Sequence[Any]]:
    sheets = read_sheets(path)
    chosen = next((s for s in sheets if not sheet or s.name.strip().casefold() == sheet.strip().casefold()), None)
    if chosen is None:
        raise DatasetError(f"The file has no sheet '{sheet}', only {', '.join(s.name for s in sheets)}.", where=path,
                           fix="Correct 'sheet' in the mapping file.")
    return chosen.rows


def _text_lines(path: Path, notes: list[str]) -> list[list[str]]:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError as failure:
            raise DatasetError("The table is neither UTF-8 nor Windows' Western European text.", where=path,
                               fix="Save it again as UTF-8 (CSV UTF-8 in Excel).") from failure
        notes.append(f"{path.name} is not UTF-8; it was read as Windows' Western European text.")
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as failure:
        raise DatasetError(f"Not a readable table: {failure}.", where=path,
                           fix="Save it again as comma-separated UTF-8 text; put texts that hold a comma in quotes."
                           ) from failure
