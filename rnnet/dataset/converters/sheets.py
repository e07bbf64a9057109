"""Excel sheets as plain cells, and what stands in a cell of the MOLAB tables."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnet.core.errors import DatasetError

# Written where a value is missing.
_MISSING = ("", "n/a", "na", "nan", "-")


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A sheet's cells by row and column, both 0-based; a cell outside is empty."""

    name: str
    rows: Sequence[Sequence[Any]]

    def cell(self, row: int, column: int) -> Any:
        """What stands in the cell, '' outside the sheet."""
        inside = 0 <= row < len(self.rows) and 0 <= column < len(self.rows[row])
        return self.rows[row][column] if inside else ""

    def caption(self, row: int, column: int) -> str:
        """The cell's text in small letters, with single blanks."""
        return " ".join(text_of(self.cell(row, column)).casefold().split())


def read_sheets(path: Path) -> tuple[Sheet, ...]:
    """All sheets of an Excel file.

    Raises:
        DatasetError: the file is missing or is not an Excel file.
    """
    import zipfile
    import zlib

    import pandas as pd

    try:
        frames = pd.read_excel(
            path, sheet_name=None, header=None, dtype=object, keep_default_na=False, engine="openpyxl"
        )
    # A damaged file fails in whichever of its layers the damage lies: archive, compression, XML, workbook.
    except (OSError, ValueError, KeyError, EOFError, SyntaxError, zipfile.BadZipFile, zlib.error) as failure:
        reason = str(failure).splitlines()[0].rstrip(".") if str(failure) else type(failure).__name__
        raise DatasetError(f"Not a readable Excel file: {reason}.", where=path,
                           fix="Download the table again; it must be an .xlsx file.") from failure
    return tuple(Sheet(str(name), frame.to_numpy(dtype=object).tolist()) for name, frame in frames.items())


def text_of(value: Any) -> str:
    """The cell as text without outer blanks; '' where it is empty."""
    return "" if value is None or value != value else str(value).replace("\xa0", " ").strip()


def is_missing(value: Any) -> bool:
    """Whether the cell says nothing: empty, a blank, 'n/a'."""
    return text_of(value).casefold() in _MISSING


def number_of(value: Any) -> float | None:
    """The finite number in the cell, also one that was typed as a text; None if there is none."""
    if isinstance(value, (bool, datetime.date)):
        return None
    try:
        number = float(value if isinstance(value, (int, float)) else text_of(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def patient_of(value: Any) -> str | None:
    """The patient's six digits from '010005' or, where the leading zero was lost, 10005; None for anything else."""
    number = number_of(value)
    if number is None or number != int(number) or not 0 < number < 1_000_000:
        return None
    return f"{int(number):06d}"
