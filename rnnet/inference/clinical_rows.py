"""The clinical table of new scans: which row belongs to which lesion, and what of the table is of no use."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.core.log import get_logger
from rnnet.core.types import ClinicalValue, LesionCase, Problem
from rnnet.core.wording import listed
from rnnet.dataset.manifest import Manifest
from rnnet.dataset.problems import error
from rnnet.dataset.table import TextTable, parse_clinical, parse_number, read_table

log = get_logger(__name__)

# In cases.csv a mistake; here a patient may have what no training patient had.
_UNKNOWN_CATEGORY = "category-unknown"
_PLACE = ("scan_id", "lesion_value", "center")

# A scan, and a lesion of it as text; '' where the row is of the whole scan.
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Row:
    """center: '' where it is not named."""

    center: str = ""
    values: Mapping[str, ClinicalValue] = field(default_factory=dict)


def with_clinical_rows(
    cases: Sequence[LesionCase], path: Path | None, manifest: Manifest, *, failed_scans: Collection[str] = ()
) -> tuple[LesionCase, ...]:
    """The lesions with what stands in their own row of the table, else in their scan's row, else with nothing.

    The table has scan_id, optionally lesion_value and center, and clinical columns of the manifest. A column that it
    lacks is missing for every lesion; that, rows of no lesion and lesions without a row are logged. A category that
    dataset.json does not declare is kept as it stands. failed_scans: rows of these are of a scan that is there, too.

    Raises:
        DatasetError: the table is not there or not readable, a cell does not fit, or nothing in it is of any use here.
    """
    rows = _read_rows(path, manifest) if path is not None else {}
    if path is not None:
        _check_matches(cases, {key: row for key, row in rows.items() if key[0] not in failed_scans}, path)
    found = []
    for case in cases:
        row = rows.get((case.scan_id, str(case.lesion_value))) or rows.get((case.scan_id, "")) or _Row()
        clinical = {name: row.values.get(name) for name in manifest.clinical}
        found.append(replace(case, center=row.center or case.center, clinical=clinical))
    return tuple(found)


def _read_rows(path: Path, manifest: Manifest) -> dict[_Key, _Row]:
    if not path.is_file():
        raise DatasetError("The clinical table does not exist.", where=path, fix="Check the path of --clinical.")
    table = read_table(path, ("scan_id",))
    _raise_if_any(table.problems)
    _check_columns(table, manifest)
    problems: list[Problem] = []
    rows: dict[_Key, _Row] = {}
    for line, cells in zip(table.lines, table.rows, strict=True):
        values: dict[str, ClinicalValue] = {}
        for name, column in manifest.clinical.items():
            if name in cells:
                values[name], problem = parse_clinical(cells[name], column, name, table.where(line, name))
                if problem and problem.code == _UNKNOWN_CATEGORY:
                    values[name] = cells[name]  # the model says of each lesion what it makes of it
                elif problem:
                    problems.append(problem)
        text = cells.get("lesion_value", "")
        number = parse_number(text)
        if text and (number is None or not number.is_integer()):
            problems.append(error("lesion-value-not-integer", table.where(line, "lesion_value"),
                                  f"'{text}' is not a whole number.", "Write the lesion's value in the mask."))
            continue
        found = _Row(cells.get("center", ""), values)
        # A spreadsheet may have written 1 as 1.0.
        if rows.setdefault((cells["scan_id"], "" if number is None else str(int(number))), found) != found:
            problems.append(error("duplicate-lesion", table.where(line, "scan_id"),
                                  f"The scan '{cells['scan_id']}' has two different rows for one lesion.",
                                  "Remove one."))
    _raise_if_any(problems)
    return rows


def _raise_if_any(problems: Sequence[Problem]) -> None:
    if problems:
        first = problems[0]
        more = f" ({len(problems)} problems in the table)" if len(problems) > 1 else ""
        raise DatasetError(f"{first.message}{more}", where=first.where, fix=first.fix)


def _check_columns(table: TextTable, manifest: Manifest) -> None:
    """A misspelt column is one that is missing and one that is not used: both are named."""
    missing = [name for name in manifest.clinical if name not in table.columns]
    unused = [name for name in table.columns if name not in (*_PLACE, *manifest.clinical)]
    if manifest.clinical and len(missing) == len(manifest.clinical) and "center" not in table.columns:
        raise DatasetError(
            "The clinical table has none of the columns that training knows.", where=table.path,
            fix=f"Name them as in dataset.json: {', '.join(manifest.clinical)}.",
        )
    if unused and not manifest.clinical:
        log.warning("Training knows no clinical data: the columns %s are not used.", ", ".join(unused))
    if missing:
        log.warning(
            "The clinical table lacks %s: missing for every lesion.%s", ", ".join(missing),
            f" Its columns {', '.join(unused)} are not used." if unused else "",
        )


def _check_matches(cases: Sequence[LesionCase], rows: Mapping[_Key, _Row], path: Path) -> None:
    keys = {key for case in cases for key in ((case.scan_id, str(case.lesion_value)), (case.scan_id, ""))}
    strangers = [f"{scan} lesion {value}" if value else scan for scan, value in rows if (scan, value) not in keys]
    if cases and rows and len(strangers) == len(rows):
        raise DatasetError(
            f"No row of the clinical table is of a lesion here: the first is of {strangers[0]}, the first lesion is "
            f"{cases[0].scan_id} lesion {cases[0].lesion_value}.", where=path,
            fix="Write the names of the image files, without _0000 and ending, into scan_id.",
        )
    if strangers:
        log.warning("%d row(s) of the clinical table are of no lesion here: %s.", len(strangers), listed(strangers))
    without = [c.case_id for c in cases
               if (c.scan_id, str(c.lesion_value)) not in rows and (c.scan_id, "") not in rows]
    if without:
        log.warning("%d lesion(s) have no row in the clinical table: %s.", len(without), listed(without))
