"""Records of the MOLAB tables. All days are counted from the patient's first MRI; None is a missing value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

# The release shifts every patient's dates so that the first MRI is on this day.
FIRST_SCAN = date(1900, 1, 1)

PRIMARIES = {
    1: "breast", 2: "NSCLC", 3: "SCLC", 4: "melanoma", 5: "kidney", 6: "colon", 7: "bladder", 8: "unknown",
    9: "ovary", 10: "pharynx", 11: "bone sarcoma", 12: "uterus",
}


@dataclass(frozen=True, slots=True)
class Treatment:
    """A drug, or several given together, as written; begin, end: days.

    drug '' where it is not known which; begin None: not known when it began; end None: none recorded.
    """

    drug: str
    begin: float | None
    end: float | None


@dataclass(frozen=True, slots=True)
class MolabLesion:
    """A row of the clinical table: one lesion, with what is recorded of its patient.

    patient_id: six digits, '010005'. age: years at the first MRI. gpa: graded prognostic assessment, 0 to 4.
    subtype: of a breast or lung tumour. srs_days: (begin, end) of each radiosurgery of this lesion whose begin is
    recorded, sorted. wbrt_days: (begin, end) of each whole-brain radiotherapy of the patient, likewise. systemic:
    medical treatments of the patient in the table's order; empty means none was given. surgery: 'partial', 'total' or
    'unknown extent'. death_cause: 'brain progression', 'systemic illness', 'systemic and brain progression', 'other'.
    mr_days: all MRIs of the patient, not only the segmented ones.
    """

    patient_id: str
    lesion: int
    age: float | None = None
    sex: str | None = None
    primary: str | None = None
    subtype: str | None = None
    gpa: float | None = None
    radiation_necrosis_day: float | None = None
    srs_days: tuple[tuple[float, float | None], ...] = ()
    wbrt_days: tuple[tuple[float, float | None], ...] = ()
    systemic: tuple[Treatment, ...] = ()
    surgery: str | None = None
    surgery_day: float | None = None
    death_day: float | None = None
    death_cause: str | None = None
    mr_days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MolabMeasurement:
    """A row of the morphology table: one lesion on one scan.

    day: of the scan, from the first MRI. max_diameter_mm: largest 3-D diameter (the table has cm). Volumes in cm3.
    pixel_spacing_mm: in the plane; slice_spacing_mm: between slices; slice_thickness_mm. scanner: its maker.
    """

    patient_id: str
    date: date
    day: int
    lesion: int
    max_diameter_mm: float | None
    total_volume_cm3: float | None = None
    enhancing_volume_cm3: float | None = None
    necrotic_volume_cm3: float | None = None
    field_tesla: float | None = None
    pixel_spacing_mm: float | None = None
    slice_spacing_mm: float | None = None
    slice_thickness_mm: float | None = None
    scanner: str = ""
