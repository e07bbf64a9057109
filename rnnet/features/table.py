"""A table of numbers, one row a lesion, one named column a feature, and its CSV file."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rnnet.core.csv_text import csv_text
from rnnet.core.errors import DatasetError, FileFormatError, MissingStageError, did_you_mean
from rnnet.core.files import write_text
from rnnet.core.wording import listed

FloatArray = npt.NDArray[np.float64]
_KEY = "case_id"


@dataclass(frozen=True, slots=True, eq=False)
class FeatureTable:
    """Features of lesions.

    case_ids: (n,) unique; names: (f,) unique; values: (n, f) float64, NaN where a value is missing.
    The values are copied and read-only.

    Raises:
        DatasetError: a case id or a name stands twice, or the shapes do not fit together.
    """

    case_ids: tuple[str, ...]
    names: tuple[str, ...]
    values: FloatArray

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        if values.shape != (len(self.case_ids), len(self.names)):
            raise DatasetError(
                f"A table of {len(self.case_ids)} cases and {len(self.names)} features got values of shape "
                f"{values.shape}."
            )
        for what, keys in (("case id", self.case_ids), ("feature", self.names)):
            if len(set(keys)) != len(keys):
                raise DatasetError(f"The {what} '{_first_repeated(keys)}' stands twice in one table.")
        values.flags.writeable = False
        object.__setattr__(self, "values", values)

    def rows(self, case_ids: Sequence[str]) -> FeatureTable:
        """The rows of `case_ids`, in that order. Raises DatasetError naming the cases that the table lacks."""
        place = {case_id: i for i, case_id in enumerate(self.case_ids)}
        missing = [case_id for case_id in case_ids if case_id not in place]
        if missing:
            raise DatasetError(
                f"The feature table has no row for {len(missing)} case(s): {listed(missing)}.",
                fix="Extract the features of these cases first.",
            )
        return FeatureTable(tuple(case_ids), self.names, self.values[[place[i] for i in case_ids]])

    def select(self, names: Sequence[str]) -> FeatureTable:
        """The columns `names`, in that order. Raises DatasetError naming the column that the table lacks."""
        place = {name: i for i, name in enumerate(self.names)}
        missing = [name for name in names if name not in place]
        if missing:
            raise DatasetError(
                f"The feature table has no column for {len(missing)} feature(s), the first is '{missing[0]}'.",
                fix=did_you_mean(missing[0], self.names) if len(self.names) < 50 else (
                    "The features were made with other settings than the model: make them with its plan."
                ),
            )
        return FeatureTable(self.case_ids, tuple(names), self.values[:, [place[n] for n in names]])

    def join(self, other: FeatureTable) -> FeatureTable:
        """This table's rows with the columns of `other` appended.

        Raises:
            DatasetError: `other` lacks one of the cases, or both have a column of the same name.
        """
        values = np.hstack([self.values, other.rows(self.case_ids).values])
        return FeatureTable(self.case_ids, (*self.names, *other.names), values)

    def with_prefix(self, prefix: str) -> FeatureTable:
        """Every column renamed to prefix + name, so that two tables can be joined."""
        return FeatureTable(self.case_ids, tuple(prefix + name for name in self.names), self.values)


def names_with_prefix(names: Iterable[str], prefix: str) -> tuple[str, ...]:
    """Those of `names` that start with `prefix`, in their order."""
    return tuple(name for name in names if name.startswith(prefix))


def write_table(path: Path, table: FeatureTable) -> None:
    """Write a CSV atomically: case_id, then the features; full precision, empty where a value is missing."""
    write_text(path, csv_text((_KEY, *table.names), (
        # repr is the shortest text that reads back as the same float64.
        (case_id, *("" if math.isnan(v) else repr(v) for v in row))
        for case_id, row in zip(table.case_ids, table.values.tolist(), strict=True)
    )))


def read_table(path: Path) -> FeatureTable:
    """The table stored at `path`.

    Raises:
        MissingStageError: no such file.
        FileFormatError: not a table of numbers; the message names line and column.
    """
    if not path.is_file():
        raise MissingStageError("This feature table is needed and is not there.", where=path,
                                fix="Run the command that extracts the features.")
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.reader(stream))
    if not lines or not lines[0] or lines[0][0] != _KEY:
        raise FileFormatError(f"The first column of a feature table must be '{_KEY}'.", where=path,
                              fix="Extract the features again.")
    names = tuple(lines[0][1:])
    values = np.empty((len(lines) - 1, len(names)))
    for i, cells in enumerate(lines[1:]):
        if len(cells) != len(names) + 1:
            raise FileFormatError(f"Line {i + 2} has {len(cells)} cells instead of {len(names) + 1}.", where=path,
                                  fix="Correct that line, or extract the features again.")
        values[i] = [_number(cell, path, i + 2, name) for name, cell in zip(names, cells[1:], strict=True)]
    try:
        return FeatureTable(tuple(cells[0] for cells in lines[1:]), names, values)
    except DatasetError as error:
        raise FileFormatError(error.problem, where=path, fix="Remove the repetition.") from error


def _number(cell: str, path: Path, line: int, name: str) -> float:
    if not cell.strip():
        return math.nan
    try:
        return float(cell)
    except ValueError as error:
        raise FileFormatError(f"'{cell}' in line {line}, column '{name}' is not a number.", where=path,
                              fix="Write a number with a decimal point, or leave the cell empty.") from error


def _first_repeated(keys: Sequence[str]) -> str:
    return next(key for key, count in Counter(keys).items() if count > 1)
