"""What is known of a MOLAB lesion at the time of a scan, and what the tables say became of it.

Definitions, with t the scan's day; every day is counted from the patient's first MRI:

- last SRS: the radiosurgery of this lesion with the latest begin before t (an SRS that begins on the day t is later
  than the scan: the planning MRI precedes the treatment).
- days_since_srs: t minus the begin of the last SRS; missing without one.
- recurrence_time: the same interval where the scan is one at which the lesion qualifies by growth, missing elsewhere.
- wbrt_before_srs: 'yes' if a whole-brain radiotherapy of the patient began before the last SRS did, else 'no'. Without
  a last SRS the scan stands in its place: 'yes' if one began before t, else 'no'. Were it missing then, it would tell
  whether an SRS is recorded, and that differs between the outcomes.
- systemic_treatment: 'yes' if a drug treatment is going on (begin <= t <= end; without an end it goes on), else 'no'.
  Where one is recorded whose begin is unknown and whose end is not past, it may have been going on: missing.
- number_of_lesions: lesions of the patient that are measured on the scan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rnnet.core.types import ClinicalValue
from rnnet.dataset.cohort.growth import qualifying_scans
from rnnet.dataset.converters.molab_records import PRIMARIES, MolabLesion, MolabMeasurement
from rnnet.dataset.manifest import ClinicalColumn

_YES_NO = ClinicalColumn("categorical", categories=("yes", "no"))
CLINICAL = {
    "age": ClinicalColumn("numeric", unit="years"),
    "sex": ClinicalColumn("categorical", categories=("female", "male")),
    "primary_tumour": ClinicalColumn("categorical", categories=tuple(PRIMARIES.values())),
    "gpa": ClinicalColumn("numeric"),
    "days_since_srs": ClinicalColumn("numeric", unit="days"),
    "recurrence_time": ClinicalColumn("numeric", unit="days"),
    "wbrt_before_srs": _YES_NO,
    "systemic_treatment": _YES_NO,
    "number_of_lesions": ClinicalColumn("numeric"),
}


@dataclass(frozen=True, slots=True)
class LesionCourse:
    """A lesion over time.

    record: its clinical row, None if the clinical table does not have it. measurements: by day. qualifies: of each
    measurement, whether the lesion has grown enough there (rnnet.dataset.cohort.growth).
    """

    patient_id: str
    lesion: int
    record: MolabLesion | None
    measurements: tuple[MolabMeasurement, ...]
    qualifies: tuple[bool, ...]

    @property
    def qualifying(self) -> tuple[MolabMeasurement, ...]:
        """The measurements at which the lesion qualifies, by day."""
        return tuple(m for m, grown in zip(self.measurements, self.qualifies, strict=True) if grown)

    @property
    def outcome(self) -> str | None:
        """'radiation_necrosis' with a recorded day, else 'progression'; None for a lesion that never qualifies."""
        if self.record is None or not any(self.qualifies):
            return None
        return "progression" if self.record.radiation_necrosis_day is None else "radiation_necrosis"


def lesion_courses(
    lesions: Iterable[MolabLesion], measurements: Iterable[MolabMeasurement]
) -> tuple[LesionCourse, ...]:
    """Every lesion of the two tables, by patient and number; one without a measurement has an empty course."""
    records = {(r.patient_id, r.lesion): r for r in lesions}
    over_time: dict[tuple[str, int], list[MolabMeasurement]] = {key: [] for key in records}
    for m in measurements:
        over_time.setdefault((m.patient_id, m.lesion), []).append(m)
    courses = []
    for key in sorted(over_time):
        found = sorted(over_time[key], key=lambda m: m.day)
        diameters = [float("nan") if m.max_diameter_mm is None else m.max_diameter_mm for m in found]
        grown = qualifying_scans([m.day for m in found], diameters)
        courses.append(LesionCourse(*key, records.get(key), tuple(found), grown))
    return tuple(courses)


def lesions_per_scan(measurements: Iterable[MolabMeasurement]) -> Counter[tuple[str, int]]:
    """Measured lesions by (patient, day)."""
    return Counter((m.patient_id, m.day) for m in measurements)


def last_srs_day(lesion: MolabLesion, day: float) -> float | None:
    """Begin of the last SRS of this lesion that began before `day`; None if none did."""
    return max((begin for begin, _ in lesion.srs_days if begin < day), default=None)


def wbrt_before_srs(lesion: MolabLesion, day: float) -> str:
    """Whether a WBRT began before the last SRS before `day`, or before `day` without such an SRS."""
    srs = last_srs_day(lesion, day)
    return "yes" if any(begin < (day if srs is None else srs) for begin, _ in lesion.wbrt_days) else "no"


def systemic_treatment(lesion: MolabLesion, day: float) -> str | None:
    """Whether a systemic treatment is going on at `day`; None where that cannot be said."""
    possible = [t for t in lesion.systemic if t.end is None or day <= t.end]
    if any(t.begin is not None and t.begin <= day for t in possible):
        return "yes"
    return None if any(t.begin is None for t in possible) else "no"


def clinical_at(lesion: MolabLesion, day: float, *, qualifies: bool, n_lesions: int) -> dict[str, ClinicalValue]:
    """The columns of CLINICAL for a lesion on the scan of `day`: nothing that was not known then."""
    srs = last_srs_day(lesion, day)
    since = None if srs is None else day - srs
    return {
        "age": lesion.age, "sex": lesion.sex, "primary_tumour": lesion.primary, "gpa": lesion.gpa,
        "days_since_srs": since, "recurrence_time": since if qualifies else None,
        "wbrt_before_srs": wbrt_before_srs(lesion, day), "systemic_treatment": systemic_treatment(lesion, day),
        "number_of_lesions": float(n_lesions),
    }


def union_of_scan_days(lesions: Sequence[MolabLesion]) -> dict[str, frozenset[int]]:
    """Days of all MRIs by patient; the rows of a patient may differ in how many they list."""
    days: dict[str, set[int]] = {}
    for record in lesions:
        days.setdefault(record.patient_id, set()).update(record.mr_days)
    return {patient: frozenset(found) for patient, found in days.items()}
