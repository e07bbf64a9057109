"""The mapping file of an own table: which column is what, and what its values mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from rnnet.core.codec import from_plain, read_json
from rnnet.core.errors import DatasetError, FileFormatError, SettingError
from rnnet.core.types import Split
from rnnet.dataset.cases_table import REQUIRED_COLUMNS, SOURCE_SCAN
from rnnet.dataset.manifest import ClinicalColumn, DeclaredState

_HOW_TO = "See documentation/how-to/convert_your_own_table.md."
_NAMES = {"image": ("image",), "mask": ("mask",), "patient": ("patient", "patient_id"), "scan": ("scan", "scan_id")}


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the table's columns; '' where the table has no such column."""

    image: str
    patient: str
    mask: str = ""
    scan: str = ""
    lesion_value: str = ""
    outcome: str = ""
    days: str = ""
    date: str = ""
    center: str = ""
    split: str = ""
    label_source: str = ""


@dataclass(frozen=True, slots=True)
class ClinicalSource:
    """A clinical column of cases.csv. values: from the table's text to the one that is kept ({"1": "female"})."""

    column: str
    type: Literal["numeric", "categorical"]
    unit: str = ""
    categories: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def declared(self) -> ClinicalColumn:
        """As dataset.json has it."""
        return ClinicalColumn(self.type, self.unit, self.categories)


@dataclass(frozen=True, slots=True)
class InformationSource:
    """A column that is kept beside the case and is never a feature.

    type: 'text' as it stands, or translated by `values`; 'number', whose decimal comma becomes a point; or 'day', a
    date, from which the days since the patient's first scan are counted. Numbers and days may be several, with ';'
    between them.
    """

    column: str
    meaning: str
    type: Literal["text", "number", "day"] = "text"
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableMapping:
    """Content of mapping.json.

    name: of the centre or study; patient ids begin with it, and it is the centre where no column and no `center`
    says another. header_row: the line of the column names, counted from 1. masks: whether a mask file holds all
    lesions of a scan, with a value for each, or one lesion; 'auto' finds out. outcome_values, split_values: from the
    table's text to the name; '' for not known. date_format: as in strptime. blanks: texts that mean 'missing', beside
    the usual ones. reference, licence: of the data, for dataset.json and the report.
    """

    columns: Columns
    name: str = ""
    center: str = ""
    label_source: str = ""
    sheet: str = ""
    header_row: int = 1
    masks: Literal["auto", "per_scan", "per_lesion"] = "auto"
    outcomes: Mapping[str, int] = field(default_factory=lambda: {"progression": 0, "radiation_necrosis": 1})
    positive_outcome: str = "radiation_necrosis"
    outcome_values: Mapping[str, str] = field(default_factory=dict)
    split_values: Mapping[str, Split | Literal[""]] = field(default_factory=dict)
    date_format: str = ""
    blanks: tuple[str, ...] = ()
    clinical: Mapping[str, ClinicalSource] = field(default_factory=dict)
    information: Mapping[str, InformationSource] = field(default_factory=dict)
    preprocessed: DeclaredState | None = None
    reference: str = ""
    licence: str = ""

    @property
    def is_pool(self) -> bool:
        """Whether the table says nothing of single lesions but where they are."""
        return not (self.columns.outcome or self.clinical or self.information)

    def used_columns(self) -> dict[str, str]:
        """Column of the table by what it is used for ('image', 'clinical.age'); those that are left out are not in."""
        used = {f.name: getattr(self.columns, f.name) for f in fields(Columns)}
        used.update({f"clinical.{name}": source.column for name, source in self.clinical.items()})
        used.update({f"information.{name}": source.column for name, source in self.information.items()})
        return {use: column for use, column in used.items() if column}

    def placing_columns(self) -> frozenset[str]:
        """Columns of the table that say which rows belong together; a wrong cell there misplaces its row."""
        columns = self.columns
        return frozenset((columns.patient, columns.scan, columns.lesion_value, columns.days, columns.date,
                          columns.center, columns.split)) - {""}


def read_mapping(path: Path) -> TableMapping:
    """The checked mapping file.

    Raises:
        DatasetError: the file is missing, is not valid JSON, or a field does not fit; the message names the field.
    """
    if not path.is_file():
        raise DatasetError("The mapping file is missing.", where=path, fix=_HOW_TO)
    try:
        mapping: TableMapping = from_plain(TableMapping, read_json(path))
        _check(mapping)
    except (SettingError, FileFormatError) as error:
        raise DatasetError(error.problem, where=path, fix=f"{error.fix} {_HOW_TO}".strip()) from error
    return mapping


def mapping_by_names(columns: Sequence[str]) -> TableMapping | None:
    """The mapping of a table whose columns have the names of the raw convention; None if image or patient is absent."""
    there = {c.casefold(): c for c in columns}
    found = {f.name: next((there[n] for n in _NAMES.get(f.name, (f.name,)) if n in there), "") for f in fields(Columns)}
    if found["days"] and found["date"]:
        found["date"] = ""
    return TableMapping(Columns(**found)) if found["image"] and found["patient"] else None


def _check(mapping: TableMapping) -> None:
    problems = [*_problems_of_columns(mapping), *_problems_of_values(mapping)]
    if problems:
        raise SettingError(" ".join(problems))


def _problems_of_columns(mapping: TableMapping) -> Iterator[str]:
    columns = mapping.columns
    if not columns.image or not columns.patient:
        yield "The fields 'columns.image' and 'columns.patient' must name columns."
    if columns.days and columns.date:
        yield "The fields 'columns.days' and 'columns.date' must not both be given: remove one."
    for name in (*mapping.clinical, *mapping.information):
        if name in (*REQUIRED_COLUMNS, SOURCE_SCAN):
            yield (f"The column '{name}' must not be called that: cases.csv has such a column. Choose another name in "
                   "'clinical' or 'information'.")
    for name in sorted(set(mapping.clinical) & set(mapping.information)):
        yield f"The column '{name}' must not stand in both 'clinical' and 'information'."
    for name, information in mapping.information.items():
        if information.type == "day" and not columns.date:
            yield (f"The field 'information.{name}' must not be a day without 'columns.date', from which days are "
                   "counted: with days in the table its type is number.")


def _problems_of_values(mapping: TableMapping) -> Iterator[str]:
    if sorted(mapping.outcomes.values()) != [0, 1] or mapping.positive_outcome not in mapping.outcomes:
        yield ("The field 'outcomes' must name two outcomes with the codes 0 and 1, and 'positive_outcome' one of "
               "them.")
    for unknown in sorted(set(mapping.outcome_values.values()) - {"", *mapping.outcomes}):
        yield (f"The field 'outcome_values' leads to '{unknown}', which is no outcome. Outcomes: "
               f"{', '.join(mapping.outcomes)}; \"\" for not known.")
    for name, clinical in mapping.clinical.items():
        if clinical.type == "numeric" and (clinical.categories or clinical.values):
            yield f"The field 'clinical.{name}' must have no categories and values: its type is numeric."
    for name, information in mapping.information.items():
        if information.type != "text" and information.values:
            yield f"The field 'information.{name}' must have no values: its type is {information.type}."
