"""The candidates of the MOLAB tables alone, without images."""

from __future__ import annotations

import math
from pathlib import Path

from rnnet.dataset.cohort.candidates import Candidates, LesionScan
from rnnet.dataset.converters.molab_files import named_patient, scan_id_of
from rnnet.dataset.converters.molab_tables import (
    MolabLesion,
    MolabMeasurement,
    read_clinical_table,
    read_morphology_table,
)

TABLE_DIAMETER = "largest 3-D diameter of the table of measurements (MAXDIAMETER3D; cm there, mm here)"


def table_candidates(morphology: Path, clinical: Path) -> Candidates:
    """Every measurement of the tables, and every lesion of the clinical table that has none, as candidates.

    Names are those that the converter of the release gives, so that a selection can be joined with its data set.

    Raises:
        DatasetError: a file is not the table that it should be.
    """
    lesions, clinical_notes = read_clinical_table(clinical)
    measurements, morphology_notes = read_morphology_table(morphology)
    records = {(lesion.patient_id, lesion.lesion): lesion for lesion in lesions}
    measured = {(m.patient_id, m.lesion) for m in measurements}
    rows = [_measured(m, records.get((m.patient_id, m.lesion))) for m in measurements]
    rows += [_unmeasured(lesion) for key, lesion in records.items() if key not in measured]
    unrecorded = sorted({row.lesion_id for row in rows if not row.recorded})
    notes = [f"The clinical table does not have the lesion {lesion}." for lesion in unrecorded]
    return Candidates(
        f"{morphology.name}, {clinical.name}", tuple(rows), TABLE_DIAMETER, days_of_necrosis=True, srs=True,
        notes=(*clinical_notes, *morphology_notes, *notes),
    )


def _measured(row: MolabMeasurement, record: MolabLesion | None) -> LesionScan:
    scan_id = scan_id_of(row.patient_id, row.day)
    return LesionScan(
        f"{scan_id}_{row.lesion}", _lesion_id(row.patient_id, row.lesion), named_patient(row.patient_id), scan_id,
        float(row.day), math.nan if row.max_diameter_mm is None else row.max_diameter_mm,
        "" if row.max_diameter_mm is not None else "no diameter in the table", recorded=record is not None,
        radiation_necrosis_day=record.radiation_necrosis_day if record else None, srs_days=_srs_days(record),
    )


def _unmeasured(record: MolabLesion) -> LesionScan:
    lesion_id = _lesion_id(record.patient_id, record.lesion)
    return LesionScan(
        lesion_id, lesion_id, named_patient(record.patient_id), "", None, math.nan, "no measurement in the table",
        radiation_necrosis_day=record.radiation_necrosis_day, srs_days=_srs_days(record),
    )


def _lesion_id(patient_id: str, lesion: int) -> str:
    return f"{named_patient(patient_id)}_{lesion}"


def _srs_days(record: MolabLesion | None) -> tuple[float, ...] | None:
    return None if record is None else tuple(begin for begin, _ in record.srs_days)
