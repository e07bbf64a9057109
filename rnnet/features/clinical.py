"""Clinical columns as numbers: medians for missing numbers, one column a category. Fitted on training rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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

    n_values: training rows with a value. Numeric: median, minimum and maximum of these, in the column's unit; 0 where
    there are none. Categorical: the categories, each of which becomes one 0/1 column, 'missing' is the last of them;
    shares: of each among the training rows, 0 for one that dataset.json declares and no training row has.
    """

    name: str
    type: Literal["numeric", "categorical"]
    n_values: int
    unit: str = ""
    median: float = 0.0
    minimum: float = 0.0
    maximum: float = 0.0
    categories: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """'age', or 'sex=female', 'sex=male', 'sex=missing'."""
        return (self.name,) if self.type == "numeric" else tuple(f"{self.name}={c}" for c in self.categories)

    def knows(self, value: ClinicalValue) -> bool:
        """Whether the value tells anything: it is there, and the training rows held values of this kind."""
        if self.type == "numeric":
            return self.n_values > 0 and _number(value, self.name) is not None
        return _category(value) in self._seen

    def encode(self, values: Sequence[ClinicalValue]) -> FloatArray:
        """(n, number of feature_names) float64, never NaN.

        A missing number is the training median. A missing or unseen category is 'missing'; where no training row
        lacked the category, nothing is known of 'missing', and the training shares stand in, the mean of the rows.
        """
        if self.type == "numeric":
            numbers = [_number(v, self.name) for v in values]
            return np.array([[self.median if x is None else x] for x in numbers]).reshape(-1, 1)
        rows = [self._indicators(_category(v)) for v in values]
        return np.array(rows, dtype=np.float64).reshape(-1, len(self.categories))

    def warning(self, value: ClinicalValue) -> str:
        """What is unusual about a value that is there, or ''."""
        if self.type == "numeric":
            number = _number(value, self.name)
            if number is None:
                return ""
            if not self.n_values:
                return f"{self.name} had no value in training and is not used."
            if self.minimum <= number <= self.maximum:
                return ""
            unit = f" {self.unit}" if self.unit else ""
            return (f"{self.name} = {number:g}{unit} lies outside the training range "
                    f"{self.minimum:g} to {self.maximum:g}{unit}: check its unit.")
        text = _category(value)
        if text == MISSING or text in self._seen:
            return ""
        return f"{self.name} = '{text}' was not seen in training: {self._stand_in}."

    def missing(self, value: ClinicalValue) -> str:
        """What stands in for a value that is not there, or '' where it is."""
        if self.type == "numeric":
            if _number(value, self.name) is not None:
                return ""
            unit = f" {self.unit}" if self.unit else ""
            return f"{self.name} is missing: the training median, {self.median:g}{unit}, stands in."
        return f"{self.name} is missing: {self._stand_in}." if _category(value) == MISSING else ""

    @property
    def _stand_in(self) -> str:
        return "it counts as missing, as in training" if self.shares[-1] else "the shares of the training rows stand in"

    @property
    def _seen(self) -> tuple[str, ...]:
        """Of the categories those that training rows have: of others it is not known what they mean."""
        return tuple(c for c, share in zip(self.categories[:-1], self.shares[:-1], strict=True) if share)

    def _indicators(self, text: str) -> tuple[float, ...]:
        if text not in self._seen:
            if not self.shares[-1]:
                return self.shares
            text = MISSING
        return tuple(float(text == c) for c in self.categories)


@dataclass(frozen=True, slots=True)
class FittedClinical:
    """The fitted columns, in alphabetical order."""

    columns: tuple[FittedColumn, ...]

    def transform(self, cases: Sequence[LesionCase]) -> FeatureTable:
        """(n, f) without NaN; see FittedColumn.encode for missing and unseen values."""
        blocks = [column.encode([case.clinical.get(column.name) for case in cases]) for column in self.columns]
        names = tuple(name for column in self.columns for name in column.feature_names)
        values = np.hstack(blocks) if blocks else np.empty((len(cases), 0))
        return FeatureTable(tuple(case.case_id for case in cases), names, values)

    def known(self, cases: Sequence[LesionCase]) -> list[bool]:
        """For each case whether at least one of its values tells anything."""
        return [any(column.knows(case.clinical.get(column.name)) for column in self.columns) for case in cases]

    def warnings(self, cases: Sequence[LesionCase], used: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
        """By case id: numbers outside the training range and unseen categories. Cases without any are left out.

        used: names of features that decide; of the columns that they come from, missing values are named as well.
        """
        deciding = {column for column in self.columns if set(column.feature_names) & set(used)}
        found = {}
        for case in cases:
            texts = []
            for column in self.columns:
                value = case.clinical.get(column.name)
                texts += [column.warning(value), column.missing(value) if column in deciding else ""]
            found[case.case_id] = tuple(text for text in texts if text)
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
        texts = [_category(v) for v in values]
        known = [c for c in (column.categories or sorted(set(texts))) if c != MISSING]
        categories = (*known, MISSING)
        # A text that dataset.json does not declare is an error of the table; here it would count as missing.
        texts = [t if t in known else MISSING for t in texts]
        shares = tuple(texts.count(c) / max(1, len(texts)) for c in categories)
        return FittedColumn(name, "categorical", sum(t != MISSING for t in texts), categories=categories, shares=shares)
    numbers = [x for x in (_number(v, name) for v in values) if x is not None]
    if not numbers:
        log.warning("The clinical column '%s' has no value in the training rows and is of no use.", name)
        return FittedColumn(name, "numeric", 0, unit=column.unit)
    return FittedColumn(name, "numeric", len(numbers), column.unit, float(np.median(numbers)), min(numbers),
                        max(numbers))


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
