"""The candidates of a raw data set, measured from its masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from rnnet.core.errors import DatasetError, RnnetError
from rnnet.core.parallel import map_cases
from rnnet.core.types import LesionCase
from rnnet.dataset.case import RawDataset
from rnnet.dataset.cohort.candidates import (
    DIAMETER_TITLES,
    NOT_IN_MASK,
    PROGRESSION,
    RADIATION_NECROSIS,
    Candidates,
    CohortSettings,
    LesionScan,
)
from rnnet.dataset.cohort.derived import COHORT_COLUMN
from rnnet.dataset.cohort.identity import LESION_ID, lesion_ids
from rnnet.dataset.cohort.measure import MeasuredLesion, MeasureJob, measure_lesions
from rnnet.dataset.table import parse_number

NECROSIS_DAY, SRS_DAY, DIAMETER_MM, MOTION = "radiation_necrosis_day", "srs_day", "diameter_mm", "motion"
RECORDED = "recorded"
_FLAGS = {"": False, "no": False, "0": False, "false": False, "yes": True, "1": True, "true": True}
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class _Scans:
    """What was measured: lesions by scan and value, and why a scan could not be."""

    measured: Mapping[str, Mapping[int, MeasuredLesion]]
    failures: Mapping[str, str]


def dataset_candidates(dataset: RawDataset, settings: CohortSettings, *, n_processes: int) -> Candidates:
    """All cases of the data set as candidates.

    Information columns that are used where they are declared: lesion_id, recorded, radiation_necrosis_day, srs_day,
    motion, and diameter_mm if settings.diameter is 'table'. A scan that cannot be measured is a failure and no error.

    Raises:
        DatasetError: the data set is a pool or a selected cohort, has no column of diameters, or a cell cannot be
            understood.
    """
    _check(dataset, settings)
    columns = {*dataset.manifest.information, *dataset.manifest.clinical}
    scans = _measure(dataset, settings, n_processes)
    lesions = lesion_ids(dataset.cases)
    lesion_at = {(case.scan_id, case.lesion_value): lesions[case.case_id] for case in dataset.cases}
    days = {scan.scan_id: scan.days for scan in dataset.scans}
    rows = []
    for case in dataset.cases:
        found = scans.measured.get(case.scan_id, {}).get(case.lesion_value)
        diameter, unmeasured = _diameter(case, found, settings, scans.failures)
        rows.append(LesionScan(
            case.case_id, lesions[case.case_id], case.patient_id, case.scan_id, days[case.scan_id], diameter,
            unmeasured, case.outcome, case.label_source,
            radiation_necrosis_day=_cell(case, NECROSIS_DAY, parse_number), recorded=_recorded(case, columns),
            srs_days=(_cell(case, SRS_DAY, _numbers) or ()) if SRS_DAY in columns else None,
            motion=_cell(case, MOTION, _flag) or False,
            neighbours=tuple(lesion_at[case.scan_id, value] for value in found.neighbours) if found else (),
        ))
    return Candidates(
        dataset.name, _spread_over_lesions(rows), DIAMETER_TITLES[settings.diameter],
        dataset.manifest.positive_outcome, dataset.manifest.negative_outcome,
        days_of_necrosis=NECROSIS_DAY in columns, positions=True, srs=SRS_DAY in columns, motion=MOTION in columns,
        failures=tuple(f"{scan_id}: {reason}" for scan_id, reason in scans.failures.items()),
    )


def _check(dataset: RawDataset, settings: CohortSettings) -> None:
    manifest, where = dataset.manifest, dataset.layout.dataset_json
    if not dataset.layout.cases_csv.is_file():
        raise DatasetError("A pool without cases.csv has no lesions over time.", where=dataset.layout.folder,
                           fix="Give a labelled data set.")
    if COHORT_COLUMN in manifest.information:
        raise DatasetError(
            f"{dataset.name} is a selected cohort: the other scans of its lesions were left out.", where=where,
            fix="Select from the data set that it was made from; source_scan in cases.csv names it.",
        )
    if settings.diameter == "table" and DIAMETER_MM not in manifest.information:
        raise DatasetError(f"There is no information column {DIAMETER_MM}.", where=where,
                           fix="Use --diameter axial or feret, which measure the masks.")
    if NECROSIS_DAY in manifest.information and set(manifest.outcomes) != {RADIATION_NECROSIS, PROGRESSION}:
        raise DatasetError(
            f"With the column {NECROSIS_DAY} the outcomes must be {RADIATION_NECROSIS} and {PROGRESSION}. "
            f"Got {', '.join(manifest.outcomes)} instead.", where=where, fix="Rename the outcomes, or the column.",
        )


def _measure(dataset: RawDataset, settings: CohortSettings, n_processes: int) -> _Scans:
    values: dict[str, list[int]] = {}
    for case in dataset.cases:
        values.setdefault(case.scan_id, []).append(case.lesion_value)
    diameter = None if settings.diameter == "table" else settings.diameter
    jobs = [
        MeasureJob(scan, tuple(values[scan.scan_id]), diameter, settings.cube_edge_mm) for scan in dataset.scans
    ]
    measured, failures = {}, {}
    results = map_cases(measure_lesions, jobs, n_processes=n_processes, title="measuring lesions")
    for job, result in zip(jobs, results, strict=True):
        if isinstance(result, RnnetError):
            failures[job.scan.scan_id] = str(result)
        else:
            measured[job.scan.scan_id] = {lesion.value: lesion for lesion in result}
    return _Scans(measured, failures)


def _diameter(
    case: LesionCase, found: MeasuredLesion | None, settings: CohortSettings, failures: Mapping[str, str]
) -> tuple[float, str]:
    """(diameter in mm or NaN, why there is none)."""
    if case.scan_id in failures:
        return math.nan, "the scan cannot be measured"
    if found is None:
        return math.nan, NOT_IN_MASK
    if settings.diameter != "table":
        return found.diameter_mm, ""
    number = _cell(case, DIAMETER_MM, parse_number)
    if number is not None and number < 0:
        raise _wrong(case, DIAMETER_MM)
    return (math.nan, "no diameter in the table") if number is None else (number, "")


def _spread_over_lesions(rows: list[LesionScan]) -> tuple[LesionScan, ...]:
    """Each row with the days of necrosis and radiosurgery, and the record, that any row of its lesion has."""
    necrosis: dict[str, float] = {}
    srs: dict[str, set[float]] = {}
    recorded = {row.lesion_id for row in rows if row.recorded}
    for row in rows:
        if row.radiation_necrosis_day is not None:
            first = necrosis.get(row.lesion_id, math.inf)
            necrosis[row.lesion_id] = min(first, row.radiation_necrosis_day)
        srs.setdefault(row.lesion_id, set()).update(row.srs_days or ())
    return tuple(
        replace(
            row, radiation_necrosis_day=necrosis.get(row.lesion_id),
            srs_days=None if row.srs_days is None else tuple(sorted(srs[row.lesion_id])),
            recorded=row.lesion_id in recorded,
        )
        for row in rows
    )


def _recorded(case: LesionCase, columns: Collection[str]) -> bool:
    """Whether the clinical record has the lesion of this row; only then the lack of a day of necrosis is a finding.

    A lesion of a mask that no table knows has a row with empty cells: without a lesion_id where others have one, or,
    in a data set without that column, with nothing in any column that a recorded lesion would fill.
    """
    if _cell(case, RECORDED, _flag) is False:
        return False
    if LESION_ID in columns:
        return bool(case.information.get(LESION_ID))
    filled = any(case.information.values()) or any(value is not None for value in case.clinical.values())
    return filled or not set(columns) - {NECROSIS_DAY, SRS_DAY, MOTION, RECORDED}


def _cell(case: LesionCase, column: str, read: Callable[[str], _Value | None]) -> _Value | None:
    """The cell as `read` understands it, None where it is empty. Raises DatasetError where it does not."""
    value = case.information.get(column, case.clinical.get(column))
    text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value).strip()
    if not text:
        return None
    found = read(text)
    if found is None:
        raise _wrong(case, column)
    return found


def _wrong(case: LesionCase, column: str) -> DatasetError:
    value = case.information.get(column, case.clinical.get(column))
    expected = {MOTION: "yes, no, 1, 0 or empty", RECORDED: "yes, no, 1, 0 or empty",
                SRS_DAY: "days, separated by ';', or empty", DIAMETER_MM: "a diameter in mm or empty"}
    return DatasetError(
        f"'{value}' is not understood: the column {column} must be {expected.get(column, 'a day or empty')}.",
        where=f"cases.csv, case {case.case_id}, column {column}", fix="Correct the cell.",
    )


def _numbers(text: str) -> tuple[float, ...] | None:
    found = [parse_number(part.strip()) for part in text.split(";") if part.strip()]
    return None if None in found else tuple(n for n in found if n is not None)


def _flag(text: str) -> bool | None:
    return _FLAGS.get(text.lower())
