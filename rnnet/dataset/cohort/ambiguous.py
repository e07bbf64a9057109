"""Lesions whose selection or outcome a reader should look at himself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rnnet.dataset.cohort.candidates import NOT_IN_MASK, RADIATION_NECROSIS, LesionScan
from rnnet.dataset.cohort.rules import treated_before
from rnnet.dataset.cohort.select import CohortSelection, JudgedScan

# Half a year: scans lie about three months apart, so that a longer way skips a scan.
FAR_DAYS = 180.0


@dataclass(frozen=True, slots=True)
class AmbiguousRow:
    """case_id: '' where the doubt is about the lesion on all scans."""

    lesion_id: str
    case_id: str
    selected: bool
    outcome: str | None
    doubt: str


def ambiguous_rows(selection: CohortSelection) -> tuple[AmbiguousRow, ...]:
    """Doubtful samples, and lesions that are excluded, or perhaps wrongly judged, for what the source does not say.

    - Lesions that were excluded because their outcomes contradict each other.
    - Samples whose radiation necrosis is recorded before their scan, or more than half a year after it.
    - Lesions that have grown and that the clinical record does not have, on each such scan.
    - Lesions that are not measured on a scan between two others: if they had vanished, the nadir would be 0.
    - Samples without a radiosurgery of the lesion before their scan.
    """
    contradictory = (
        AmbiguousRow(lesion_id, "", False, None, f"contradictory outcomes: {found.contradiction}")
        for lesion_id, found in selection.outcomes.items() if found.contradiction
    )
    # The samples without radiosurgery come last: they are counted anyhow, and may be many.
    return (*contradictory, *_doubts(selection, _other_day), *_doubts(selection, _unrecorded), *_gaps(selection),
            *_doubts(selection, _no_srs))


def _doubts(selection: CohortSelection, doubt_of: Callable[[JudgedScan], str]) -> Iterator[AmbiguousRow]:
    for row in selection.rows:
        if doubt := doubt_of(row):
            yield AmbiguousRow(row.scan.lesion_id, row.scan.case_id, row.selected, row.outcome, doubt)


def _other_day(row: JudgedScan) -> str:
    """Radiation necrosis of a sample at another time than its scan."""
    necrosis, day = row.scan.radiation_necrosis_day, row.scan.day
    if not row.selected or row.outcome != RADIATION_NECROSIS or necrosis is None or day is None:
        return ""
    text = f"grown on day {day:g}, radiation necrosis on day {necrosis:g}"
    if necrosis < day:
        return f"{text}, before the scan: what was done about it may have changed the lesion"
    return text if necrosis - day > FAR_DAYS else ""


def _no_srs(row: JudgedScan) -> str:
    scan = row.scan
    if not row.selected or scan.srs_days is None or treated_before(scan):
        return ""
    later = f" (the first on day {scan.srs_days[0]:g})" if scan.srs_days else ""
    return f"no radiosurgery of the lesion before day {scan.day:g}{later}"


def _unrecorded(row: JudgedScan) -> str:
    if row.scan.recorded or row.rule != "outcome" or row.outcome is not None:
        return ""
    return f"grown on day {row.scan.day:g}, and the clinical record does not have the lesion: no outcome"


def _gaps(selection: CohortSelection) -> Iterator[AmbiguousRow]:
    """One row for each lesion and scan without it."""
    scans: dict[str, dict[str, float]] = {}
    lesions: dict[str, list[JudgedScan]] = {}
    for row in selection.rows:
        lesions.setdefault(row.scan.lesion_id, []).append(row)
        if row.scan.day is not None and _measured(row.scan):
            scans.setdefault(row.scan.patient_id, {})[row.scan.scan_id] = row.scan.day
    for lesion_id, rows in lesions.items():
        days = [row.scan.day for row in rows if row.scan.day is not None and _measured(row.scan)]
        # A lesion that was drawn there, and whose size is not known, has not vanished.
        seen = {row.scan.scan_id for row in rows if row.scan.unmeasured != NOT_IN_MASK}
        of_patient = scans.get(rows[0].scan.patient_id, {})
        for scan_id, day in of_patient.items():
            if days and scan_id not in seen and min(days) < day < max(days):
                yield AmbiguousRow(
                    lesion_id, "", any(row.selected for row in rows), rows[0].outcome,
                    f"not measured on day {day:g}, between scans with it: if it had vanished, the nadir would be 0",
                )


def _measured(scan: LesionScan) -> bool:
    return not math.isnan(scan.diameter_mm)
