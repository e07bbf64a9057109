"""Clinical columns as numbers: medians for missing numbers, one column a category. Fitted on training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rnnet.core.errors import DatasetError
from rnnet.core.log import get_logger
from rnnet.core.types import ClinicalValue, LesionCase
from rnnet.dataset.manifest import ClinicalColumn
from rnnet.features.table import FeatureTable, FloatArray

log = get_logger(__name__)

MISSING = "missing"


@dataclass(frozen=True, slots=True)
class FittedColumn:
    """What one clinical column taught.

    Numeric: median, minimum and maximum of the training rows, in the column's unit; 0 where none had a value.
    Categorical: the categories, each of which becomes one 0/1 column; 'missing' is the last of them.
    """

    name: str
    type: Literal["numeric", "categorical"]
    unit: str = ""
    median: float = 0.0
    minimum: float = 0.0
    maximum: float = 0.0
    categories: tuple[str, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """'age', or 'sex=female', 'sex=male', 'sex=missing'."""
        return (self.name,) if self.type == "numeric" else tuple(f"{self.name}={c}" for c in self.categories)

    def encode(self, values: Sequence[ClinicalValue]) -> FloatArray:
        """(n, number of feature_names) float64, never NaN."""
        if self.type == "numeric":
            numbers = [_number(v, self.name) for v in values]
            return np.array([[self.median if x is None else x] for x in numbers]).reshape(-1, 1)
        texts = [_category(v) for v in values]
        return np.array([[float(t == c) for c in self.categories] for t in texts]).reshape(-1, len(self.categories))

    def warning(self, value: ClinicalValue) -> str:
        """What is unusual about a value, or ''."""
        if self.type == "numeric":
            number = _number(value, self.name)
            if number is None or self.minimum <= number <= self.maximum:
                return ""
            unit = f" {self.unit}" if self.unit else ""
            return (f"{self.name} = {number:g}{unit} lies outside the training range "
                    f"{self.minimum:g} to {self.maximum:g}{unit}.")
        text = _category(value)
        if text in self.categories:
            return ""
        return f"{self.name} = '{text}' was not seen in training: it counts as none of the categories."


@dataclass(frozen=True, slots=True)
class FittedClinical:
    """The fitted columns, in alphabetical order."""

    columns: tuple[FittedColumn, ...]

    def transform(self, cases: Sequence[LesionCase]) -> FeatureTable:
        """(n, f) without NaN. A category that was not seen in training is 0 in all of its column's features."""
        blocks = [column.encode([case.clinical.get(column.name) for case in cases]) for column in self.columns]
        names = tuple(name for column in self.columns for name in column.feature_names)
        values = np.hstack(blocks) if blocks else np.empty((len(cases), 0))
        return FeatureTable(tuple(case.case_id for case in cases), names, values)

    def warnings(self, cases: Sequence[LesionCase]) -> dict[str, tuple[str, ...]]:
        """By case id: numbers outside the training range and unseen categories. Cases without any are left out."""
        found = {
            case.case_id: tuple(
                text for column in self.columns if (text := column.warning(case.clinical.get(column.name)))
            )
            for case in cases
        }
        return {case_id: texts for case_id, texts in found.items() if texts}


@dataclass(frozen=True, slots=True)
class ClinicalEncoder:
    """Numeric columns: the training median stands in for a missing value, nothing else changes.

    Categorical columns: one-hot over the categories that the manifest declares, or else over those of the training
    rows, plus 'missing'. Scaling and selection come later (rnnet.features.selection).
    """

    def fit(self, cases: Sequence[LesionCase], columns: Mapping[str, ClinicalColumn]) -> FittedClinical:
        """The encoder that these training rows teach; it does not depend on the order of rows or columns.

        Raises:
            DatasetError: a text in a numeric column.
        """
        return FittedClinical(tuple(_fit_column(name, columns[name], cases) for name in sorted(columns)))


def _fit_column(name: str, column: ClinicalColumn, cases: Sequence[LesionCase]) -> FittedColumn:
    values = [case.clinical.get(name) for case in cases]
    if column.type == "categorical":
        seen = sorted({_category(v) for v in values} - {MISSING})
        known = [c for c in (column.categories or seen) if c != MISSING]
        return FittedColumn(name, "categorical", categories=(*known, MISSING))
    numbers = [x for x in (_number(v, name) for v in values) if x is not None]
    if not numbers:
        log.warning("The clinical column '%s' has no value in the training rows and is of no use.", name)
        return FittedColumn(name, "numeric", unit=column.unit)
    return FittedColumn(name, "numeric", column.unit, float(np.median(numbers)), min(numbers), max(numbers))


def _number(value: ClinicalValue, column: str) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(value)
    except ValueError as error:
        raise DatasetError(f"'{value}' in the numeric clinical column '{column}' is not a number.",
                           fix="Correct the table, or declare the column categorical in dataset.json.") from error
    return number if np.isfinite(number) else None


def _category(value: ClinicalValue) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return MISSING
    if isinstance(value, int | float) and float(value).is_integer():
        return str(int(value))  # a code column read as numbers: 1.0 is the category '1'
    return str(value).strip() or MISSING
