"""Lesions whose selection or outcome a reader should look at himself."""

from __future__ import annotations

from dataclasses import dataclass

from rnnet.dataset.cohort.candidates import RADIATION_NECROSIS
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
    """Doubtful samples, and lesions that were excluded because their outcomes contradict each other.

    A sample is doubtful where radiation necrosis is recorded more than half a year from its scan, and where no
    radiosurgery of the lesion is recorded before it.
    """
    contradictory = (
        AmbiguousRow(lesion_id, "", False, None, f"contradictory outcomes: {found.contradiction}")
        for lesion_id, found in selection.outcomes.items() if found.contradiction
    )
    doubts = (_far_necrosis, _no_srs)
    return (*contradictory, *(
        AmbiguousRow(row.scan.lesion_id, row.scan.case_id, True, row.outcome, doubt)
        for doubt_of in doubts for row in selection.selected if (doubt := doubt_of(row))
    ))


def _far_necrosis(row: JudgedScan) -> str:
    necrosis, day = row.scan.radiation_necrosis_day, row.scan.day
    if row.outcome != RADIATION_NECROSIS or necrosis is None or day is None or abs(necrosis - day) <= FAR_DAYS:
        return ""
    return f"grown on day {day:g}, radiation necrosis on day {necrosis:g}"


def _no_srs(row: JudgedScan) -> str:
    scan = row.scan
    if scan.srs_days is None or treated_before(scan):
        return ""
    later = f" (the first on day {scan.srs_days[0]:g})" if scan.srs_days else ""
    return f"no radiosurgery of the lesion before day {scan.day:g}{later}"
