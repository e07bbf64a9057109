"""Comma-separated tables as text, with the line of every row, and the checks of a single cell."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.types import ClinicalValue, Problem
from rnnet.dataset.manifest import ClinicalColumn
from rnnet.dataset.problems import error

ID_PATTERN = re.compile(r"[A-Za-z0-9][\w.+-]*")


@dataclass(frozen=True, slots=True)
class TextTable:
    """Rows of a table as texts without outer blanks; `lines` are the rows' line numbers in the file."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...] = ()
    lines: tuple[int, ...] = ()
    problems: tuple[Problem, ...] = ()

    def where(self, line: int, column: str) -> str:
        """Place of a cell, for messages."""
        return f"{self.path.name}, line {line}, column {column}"


def read_table(path: Path, required: Sequence[str]) -> TextTable:
    """The table at `path`; what is wrong with it stands in `problems`."""
    import pandas as pd

    try:
        frame = pd.read_csv(
            path, dtype=str, header=None, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False
        ).fillna("")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as failure:
        reason = str(failure).replace("Error tokenizing data. C error: ", "").strip().rstrip(".").replace("\n", " ")
        fix = "Save it again as comma-separated UTF-8 text; put texts that hold a comma in quotes."
        return TextTable(path, (), problems=(error("unreadable-table", path, f"Not a readable table: {reason}.", fix),))
    header = tuple(str(c).strip() for c in frame.iloc[0])
    problems = _header_problems(path, header, required)
    rows, lines = [], []
    for index, cells in enumerate(frame.iloc[1:].itertuples(index=False), start=2):
        if any(str(c).strip() for c in cells):
            rows.append({k: str(v).strip() for k, v in zip(header, cells, strict=True)})
            lines.append(index)
    if not rows and not problems:
        problems.append(error("no-cases", path, "The table has no rows.", "Add one row for every lesion on one scan."))
    return TextTable(path, header, tuple(rows), tuple(lines), tuple(problems))


def _header_problems(path: Path, header: tuple[str, ...], required: Sequence[str]) -> list[Problem]:
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        return [error("unreadable-table", path, "The columns are not separated by commas.",
                      "Save it as comma-separated text (a spreadsheet may have used semicolons or tabs).")]
    problems = [
        error("missing-column", path, f"The column '{c}' is missing.", f"Add the column '{c}' to {path.name}.")
        for c in required if c not in header
    ]
    twice = sorted({c for c in header if header.count(c) > 1})
    return problems + [
        error("duplicate-column", path, f"The column '{c}' stands {header.count(c)} times.", "Keep one of them.")
        for c in twice
    ]


def parse_number(text: str) -> float | None:
    """The finite number in a cell, None if there is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def parse_clinical(text: str, column: ClinicalColumn, name: str, where: str) -> tuple[ClinicalValue, Problem | None]:
    """A clinical cell by the type of its column; an empty cell is missing (None)."""
    if not text:
        return None, None
    if column.type == "numeric":
        number = parse_number(text)
        if number is not None:
            return number, None
        return None, wrong_number(text, name, where)
    if column.categories and text not in column.categories:
        allowed = ", ".join(column.categories)
        return None, error(
            "category-unknown", where, f"'{text}' is not a declared category of '{name}' ({allowed}).",
            f"Correct the cell, or add the category to clinical.{name}.categories in dataset.json.",
        )
    return text, None


def wrong_number(text: str, name: str, where: str) -> Problem:
    """The problem of a cell that should hold a number."""
    hint = "Write decimals with a point." if parse_number(text.replace(",", ".")) is not None else (
        "Leave the cell empty where the value is missing."
    )
    return error("wrong-type", where, f"'{text}' is not a number, but '{name}' is numeric.", hint)


def check_id(text: str, where: str) -> Problem | None:
    """A problem if the identifier is empty or cannot be part of a file name."""
    if not text:
        return error("empty-value", where, "The cell is empty.", "Fill it in.")
    if not ID_PATTERN.fullmatch(text):
        return error("bad-id", where, f"'{text}' cannot be part of a file name.",
                     "Use letters, digits, '_', '-', '.' and '+' only, beginning with a letter or digit.")
    return None
