"""MOLAB / OpenBTAI-METS: lesions over time after radiosurgery, with the day of radiation necrosis (the labelled set).

Ocana-Tienda et al., Scientific Data 10, 208, 2023; images and tables: figshare collection 6194104.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnet.core.errors import FileFormatError
from rnnet.core.volume import Volume
from rnnet.dataset.converters.folder_walk import FolderWalk
from rnnet.dataset.converters.molab_files import SOURCE, MolabScan, find_scans, find_tables, named_patient, scan_id_of
from rnnet.dataset.converters.molab_notes import ambiguous_outcomes, table_against_scans
from rnnet.dataset.converters.molab_records import MolabLesion, MolabMeasurement
from rnnet.dataset.converters.molab_tables import read_clinical_table, read_morphology_table
from rnnet.dataset.converters.molab_timeline import (
    CLINICAL,
    LesionCourse,
    clinical_at,
    last_srs_day,
    lesion_courses,
    lesions_per_scan,
)
from rnnet.dataset.converters.source import (
    Dropped,
    Release,
    SourceInfo,
    SourceLesion,
    SourceMask,
    SourceScan,
    StoredFile,
)
from rnnet.dataset.lesions import voxel_counts, whole_labels

_INFORMATION = {
    "lesion_id": "the lesion over time: the same on all scans of its patient",
    "recorded": "whether the release's clinical table has the lesion: yes or no",
    "diameter_mm": "largest 3-D diameter in the release's table of measurements, in mm",
    "srs_day": "begin of the lesion's last SRS before the scan, in days since the patient's first MRI",
    "radiation_necrosis_day": "recorded day of radiation necrosis of the lesion, in days since the first MRI",
}
# The last digit of a mask value is the lesion's part: 1 enhancing, 2 necrosis.
_SEGMENTS = 10
_GROWTH = "growth by RANO-BM rule, no radiation necrosis recorded"


@dataclass(frozen=True, slots=True)
class SegmentCodes:
    """The lesion numbers of a mask whose values are lesion number and segment digit: 11 -> 1, 102 -> 10.

    The mask keeps its own grid: preprocessing resamples it once, together with the image; a second interpolation here
    would move the lesion's edge by up to half a voxel. path: of the mask, for messages.
    """

    path: Path

    def __call__(self, parts: Sequence[Volume]) -> Volume:
        """The mask with lesion numbers (uint16).

        Raises:
            FileFormatError: a value is no whole number, or has no lesion number (1 to 9).
        """
        try:
            codes = whole_labels(parts[0].array)
        except FileFormatError as failure:
            raise FileFormatError(failure.problem, where=self.path, fix=failure.fix) from failure
        single = [value for value in voxel_counts(codes) if value < _SEGMENTS]
        if single:
            raise FileFormatError(
                f"The mask has the value(s) {', '.join(map(str, single))}; a lesion number followed by a segment digit "
                "was expected (11, 12, 21, ...).", where=self.path,
                fix="Use the release's mask as it is downloaded; convert your own masks with the source 'table'.",
            )
        return parts[0].with_array((codes // _SEGMENTS).astype(np.uint16))


class Molab:
    """Converter of the MOLAB release."""

    @property
    def info(self) -> SourceInfo:
        """What --list prints."""
        return SourceInfo(
            name="molab",
            title="MOLAB / OpenBTAI-METS: brain metastases over time, with recorded radiation necrosis",
            needs=(
                "<patient>/<patient>/NIFTI/<patient>_<yyyymmdd>..._img.nii and ..._msk.nii (or flattened, or .nii.gz)",
                "OpenBTAI_METS_ClinicalData_Nov2023.xlsx", "OpenBTAI_MORPHOLOGICAL_MEASUREMENTS.xlsx",
            ),
            gives="labelled lesions over time (progression or radiation necrosis where a lesion has grown)",
            size="75 patients, 593 segmented T1CE series; in the tables 160 lesions and 499 measurements",
            licence="CC BY 4.0",
            access="figshare collection 6194104 (https://doi.org/10.6084/m9.figshare.c.6194104) or molab.es",
            reference="Ocana-Tienda B et al. A comprehensive dataset of annotated brain metastasis MR images with "
            "clinical and radiomic data. Scientific Data 10:208, 2023.",
        )

    def read(self, folder: Path) -> Release:
        """The scans that have image and mask, and a row for every measured lesion on them.

        A lesion has an outcome on the scans at which it has grown (>= 20 % and >= 5 mm over the nadir of its earlier
        scans): radiation necrosis where a day of it is recorded, else progression. Other rows have none: they are no
        samples of the cohort and serve pretraining.

        Raises:
            DatasetError: a table is missing or is another one, or no image is named like this release's.
        """
        walk = FolderWalk(folder)
        clinical_path, morphology_path = find_tables(walk)
        scans, dropped_scans = find_scans(walk)
        lesions, clinical_notes = read_clinical_table(clinical_path)
        measurements, morphology_notes = read_morphology_table(morphology_path)
        courses = lesion_courses(lesions, measurements)
        here = {s.patient_id for s in scans}
        rows, dropped_rows = _rows(courses, {(s.patient_id, s.day) for s in scans}, lesions_per_scan(measurements))
        return Release(
            scans=tuple(map(_scan, scans)), lesions=rows, clinical=CLINICAL, information=_INFORMATION,
            dropped=(*dropped_scans, *_patients_without_scan(lesions, here), *dropped_rows),
            unknown_files=walk.unknown(),
            notes=(*clinical_notes, *morphology_notes, *table_against_scans(scans, lesions, courses),
                   *ambiguous_outcomes(c for c in courses if c.patient_id in here)),
        )


def _scan(scan: MolabScan) -> SourceScan:
    mask = SourceMask((StoredFile(scan.mask),), SegmentCodes(scan.mask))
    return SourceScan(scan_id_of(scan.patient_id, scan.day), named_patient(scan.patient_id), SOURCE,
                      StoredFile(scan.image), mask, days=float(scan.day))


def _rows(
    courses: Sequence[LesionCourse], scans: set[tuple[str, int]], lesions_on: Mapping[tuple[str, int], int]
) -> tuple[tuple[SourceLesion, ...], list[Dropped]]:
    """A row for every measured lesion of the scans; measurements of patients with scans, but not on that day."""
    here = {patient for patient, _ in scans}
    rows: list[SourceLesion] = []
    dropped: list[Dropped] = []
    for course in courses:
        for measurement, grown in zip(course.measurements, course.qualifies, strict=True):
            key = (measurement.patient_id, measurement.day)
            if key in scans:
                rows.append(_row(course, measurement, grown=grown, n_lesions=lesions_on[key]))
            elif measurement.patient_id in here:
                dropped.append(Dropped("lesion", f"{scan_id_of(*key)}, lesion {course.lesion}",
                                       "it is measured, and there are no image and mask of that day"))
    return tuple(rows), dropped


def _row(course: LesionCourse, measurement: MolabMeasurement, *, grown: bool, n_lesions: int) -> SourceLesion:
    record, day = course.record, measurement.day
    information = {
        "lesion_id": f"{named_patient(course.patient_id)}_{course.lesion}",
        "recorded": "no" if record is None else "yes",
        "diameter_mm": "" if measurement.max_diameter_mm is None else f"{measurement.max_diameter_mm:.3f}",
    }
    scan_id = scan_id_of(course.patient_id, day)
    if record is None:
        return SourceLesion(scan_id, course.lesion, clinical={"number_of_lesions": float(n_lesions)},
                            information=information)
    srs, necrosis = last_srs_day(record, day), record.radiation_necrosis_day
    information["srs_day"] = "" if srs is None else f"{srs:g}"
    information["radiation_necrosis_day"] = "" if necrosis is None else f"{necrosis:g}"
    outcome = course.outcome if grown else None
    source = _GROWTH if necrosis is None else f"clinical record: radiation necrosis on day {necrosis:g}"
    return SourceLesion(
        scan_id, course.lesion, outcome, source if outcome else "",
        clinical_at(record, day, qualifies=grown, n_lesions=n_lesions), information,
    )


def _patients_without_scan(lesions: Sequence[MolabLesion], here: set[str]) -> list[Dropped]:
    missing = sorted({record.patient_id for record in lesions} - here)
    return [Dropped("patient", named_patient(p), "no scan of the patient in the folder can be used") for p in missing]
