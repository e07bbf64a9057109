"""The mapping file of an own table: which column is what, and what its values mean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from rnnet.core.codec import from_plain, read_json
from rnnet.core.errors import DatasetError, FileFormatError, SettingError
from rnnet.core.types import Split
from rnnet.dataset.cases_table import REQUIRED_COLUMNS, SOURCE_SCAN
from rnnet.dataset.converters.own_table_cells import number_in, plain_code
from rnnet.dataset.manifest import ClinicalColumn, DeclaredState

_HOW_TO = "See documentation/how-to/convert_your_own_table.md."
# A column with no more different numbers than this holds codes rather than measurements.
_MOST_CODES, _MOST_CATEGORIES = 2, 10
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
    """A column that is kept beside the case and is never a feature."""

    column: str
    meaning: str


@dataclass(frozen=True, slots=True)
class TableMapping:
    """Content of mapping.json.

    name: of the centre or study; patient ids begin with it, and it is the centre where no column and no `center`
    says another. header_row: the line of the column names, counted from 1. masks: whether a mask file holds all
    lesions of a scan, with a value for each, or one lesion; 'auto' finds out. outcome_values, split_values: from the
    table's text to the name; '' for not known. date_format: as in strptime. blanks: texts that mean 'missing', beside
    the usual ones.
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


def suggested_mapping(columns: Sequence[str], rows: Sequence[Mapping[str, str]], name: str) -> str:
    """A mapping file to edit, as JSON: guesses for the columns whose names speak, all others as clinical ones.

    What the outcome's texts mean is not guessed.
    """
    words = {
        "image": r"image|t1|path|file|bild|datei", "mask": r"mask|seg", "patient": r"pat|subject|^id$",
        "scan": r"scan|study|exam|session", "lesion_value": r"lesion|läsion", "days": r"days", "date": r"date|datum",
        "outcome": r"outcome|label|diagnos|class|befund", "center": r"cent|site|klinik", "split": r"split|fold",
    }
    left = [c for c in columns if c]
    found: dict[str, Any] = {"image": "", "patient": ""}
    for use in ("mask", "patient", "image", "scan", "lesion_value", "outcome", "days", "date", "center", "split"):
        match = next((c for c in left if re.search(words[use], c, re.IGNORECASE)), None)
        if match is not None and not (use == "date" and "days" in found):
            found[use] = match
            left.remove(match)
    document = {
        "name": name, "columns": found,
        # No outcome on purpose: the file is refused until somebody has said what the texts mean.
        "outcome_values": dict.fromkeys(_distinct(rows, found.get("outcome", "")), "progression or radiation_necrosis"),
        "clinical": {_plain(c): {"column": c, **_type_of(rows, c)} for c in left},
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _check(mapping: TableMapping) -> None:
    if not mapping.columns.image or not mapping.columns.patient:
        raise SettingError("The fields 'columns.image' and 'columns.patient' must name columns.")
    if mapping.columns.days and mapping.columns.date:
        raise SettingError("The fields 'columns.days' and 'columns.date' must not both be given.", fix="Remove one.")
    if sorted(mapping.outcomes.values()) != [0, 1] or mapping.positive_outcome not in mapping.outcomes:
        raise SettingError("The field 'outcomes' must name two outcomes with the codes 0 and 1, and 'positive_outcome' "
                           "one of them.")
    unknown = sorted(set(mapping.outcome_values.values()) - {"", *mapping.outcomes})
    if unknown:
        raise SettingError(f"The field 'outcome_values' leads to '{unknown[0]}', which is no outcome.",
                           fix=f"Outcomes: {', '.join(mapping.outcomes)}; \"\" for not known.")
    for name in (*mapping.clinical, *mapping.information):
        if name in (*REQUIRED_COLUMNS, SOURCE_SCAN):
            raise SettingError(f"The column '{name}' must not be called that: cases.csv has such a column.",
                               fix="Choose another name in 'clinical' or 'information'.")
    both = set(mapping.clinical) & set(mapping.information)
    if both:
        raise SettingError(f"The column '{min(both)}' must not stand in both 'clinical' and 'information'.")
    for name, source in mapping.clinical.items():
        if source.type == "numeric" and (source.categories or source.values):
            raise SettingError(f"The field 'clinical.{name}' must have no categories and values: its type is numeric.")


def _distinct(rows: Sequence[Mapping[str, str]], column: str) -> list[str]:
    return list(dict.fromkeys(row[column] for row in rows if row.get(column)))


def _type_of(rows: Sequence[Mapping[str, str]], column: str) -> dict[str, Any]:
    values = sorted({plain_code(v) for v in _distinct(rows, column)})
    if len(values) > _MOST_CODES and all(number_in(v) is not None for v in values):
        return {"type": "numeric", "unit": ""}
    return {"type": "categorical", "categories": values if len(values) <= _MOST_CATEGORIES else []}


def _plain(column: str) -> str:
    return re.sub(r"\W+", "_", column.strip().lower()).strip("_") or "column"
