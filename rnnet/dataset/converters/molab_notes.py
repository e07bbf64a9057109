"""What a user of MOLAB must hear: ambiguous outcomes, and where images and tables do not fit together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rnnet.core.wording import listed
from rnnet.dataset.converters.molab_files import MolabScan, scan_id_of
from rnnet.dataset.converters.molab_records import MolabLesion
from rnnet.dataset.converters.molab_timeline import LesionCourse, last_srs_day, union_of_scan_days

# Half a year: scans lie about three months apart, so a longer way from growth to necrosis skips a scan.
FAR_DAYS = 180.0
_SHOWN = 10


def ambiguous_outcomes(courses: Iterable[LesionCourse]) -> tuple[str, ...]:
    """Lesions whose outcome by rule may be doubted, one note a kind; outcomes are not changed."""
    recorded = [c for c in courses if c.record is not None]
    necrosis = [c for c in recorded if _necrosis_day(c) is not None]
    kinds: tuple[tuple[str, list[LesionCourse], Callable[[LesionCourse], str]], ...] = (
        (f"radiation necrosis is recorded more than {FAR_DAYS:g} days from every scan with growth",
         [c for c in necrosis if c.qualifying and _distance(c) > FAR_DAYS], _days),
        ("radiation necrosis is recorded before a scan with growth: what was done about it may have changed the lesion",
         [c for c in necrosis if c.qualifying and (_necrosis_day(c) or 0.0) < c.qualifying[-1].day], _days),
        ("radiation necrosis without growth by the rule: no outcome",
         [c for c in necrosis if not c.qualifying], _days),
        ("growth, and no SRS of the lesion recorded before its last scan with growth",
         [c for c in recorded if c.qualifying and not _srs_before(c, c.qualifying[-1].day)], _days),
        ("radiation necrosis, and no SRS of the lesion recorded before it",
         [c for c in necrosis if not _srs_before(c, _necrosis_day(c) or 0.0)], _days),
    )
    return tuple(f"{len(found)} lesion(s): {what}: {'; '.join(map(shown, found))}."
                 for what, found, shown in kinds if found)


def table_against_scans(
    scans: Sequence[MolabScan], lesions: Sequence[MolabLesion], courses: Sequence[LesionCourse]
) -> tuple[str, ...]:
    """Scans, lesions and patients that only one of the two tables, or none, has."""
    measured = {(m.patient_id, m.day) for c in courses for m in c.measurements}
    mr_days = union_of_scan_days(lesions)
    here = {s.patient_id for s in scans}
    kinds = (
        ("scan(s) have a mask and no row in the table of measurements; their lesions get no outcome",
         [scan_id_of(s.patient_id, s.day) for s in scans if (s.patient_id, s.day) not in measured]),
        ("scan(s) lie on a day that is not among the patient's MRI dates in the clinical table",
         [scan_id_of(s.patient_id, s.day) for s in scans if s.day not in mr_days.get(s.patient_id, ())]),
        ("patient(s) have images and no row in the clinical table; their lesions get no outcome",
         sorted(here - set(mr_days))),
        ("lesion(s) are measured and have no row in the clinical table; they get no outcome",
         [_name(c) for c in courses if c.record is None and c.patient_id in here & set(mr_days)]),
        ("lesion(s) of the clinical table have no measurement",
         [_name(c) for c in courses if not c.measurements and c.patient_id in here]),
    )
    return tuple(f"{len(names)} {what}: {listed(names, _SHOWN)}." for what, names in kinds if names)


def _name(course: LesionCourse) -> str:
    return f"{course.patient_id}/{course.lesion}"


def _necrosis_day(course: LesionCourse) -> float | None:
    return None if course.record is None else course.record.radiation_necrosis_day


def _distance(course: LesionCourse) -> float:
    """Days from the recorded radiation necrosis to the nearest scan with growth."""
    day = _necrosis_day(course)
    return min(abs(m.day - day) for m in course.qualifying) if day is not None else 0.0


def _srs_before(course: LesionCourse, day: float) -> bool:
    return course.record is not None and last_srs_day(course.record, day) is not None


def _days(course: LesionCourse) -> str:
    """'010024/1 (necrosis day 265, growth days 969, 1029)'."""
    day = _necrosis_day(course)
    parts = ([] if day is None else [f"necrosis day {day:g}"]) + (
        [f"growth days {', '.join(str(m.day) for m in course.qualifying)}"] if course.qualifying else [])
    return f"{_name(course)} ({', '.join(parts)})"
