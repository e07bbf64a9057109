"""What the patients of a centre measure: enough to compare centres later without reading an image again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnnet.core.types import LesionCase, Scan
from rnnet.dataset.manifest import Manifest
from rnnet.planning.scan_measures import ScanMeasures

CLINICAL = "clinical: "
# The measured quantities and how they are called on screen and in reports.
QUANTITIES: Mapping[str, str] = {
    "voxel_edge_smallest_mm": "smallest voxel edge (mm)",
    "voxel_edge_largest_mm": "largest voxel edge (mm)",
    "foreground_mean": "mean intensity of the foreground",
    "lesion_contrast_sd": "lesion minus foreground (SD)",
    "lesion_axial_diameter_mm": "axial lesion diameter (mm)",
}


@dataclass(frozen=True, slots=True)
class CenterSamples:
    """One value for each patient, since scans and lesions of one patient are alike.

    numeric: quantity to the patients' values in rising order, each the median over the patient's scans or lesions.
    categorical: clinical column to the number of patients in each category. Patients without a value are left out.
    Clinical columns have the prefix CLINICAL.
    """

    n_patients: int
    numeric: Mapping[str, tuple[float, ...]]
    categorical: Mapping[str, Mapping[str, int]]


def samples_by_center(
    measures: Sequence[ScanMeasures], scans: Sequence[Scan], clinical_cases: Sequence[LesionCase], manifest: Manifest
) -> dict[str, CenterSamples]:
    """The samples of each centre. clinical_cases: those whose clinical values may be known here."""
    by_id = {m.scan_id: m for m in measures}
    found = {}
    for center in sorted({s.center for s in scans}):
        patients: dict[str, list[ScanMeasures]] = {}
        for scan in scans:
            if scan.center == center and scan.scan_id in by_id:
                patients.setdefault(scan.patient_id, []).append(by_id[scan.scan_id])
        measured = CenterSamples(len(patients), _measured(patients.values()), {})
        found[center] = joined(measured, clinical_samples([c for c in clinical_cases if c.center == center], manifest))
    return found


def clinical_samples(cases: Iterable[LesionCase], manifest: Manifest) -> CenterSamples:
    """The clinical columns alone: a patient's median, or the most frequent category (of equals the first by name)."""
    patients: dict[str, list[LesionCase]] = {}
    for case in cases:
        patients.setdefault(case.patient_id, []).append(case)
    numeric: dict[str, tuple[float, ...]] = {}
    categorical: dict[str, Mapping[str, int]] = {}
    for name, column in manifest.clinical.items():
        known = [[v for v in (c.clinical.get(name) for c in rows) if v is not None] for rows in patients.values()]
        known = [values for values in known if values]
        if not known:
            continue
        if column.type == "numeric":
            numeric[CLINICAL + name] = _medians([[float(v) for v in values] for values in known])
        else:
            usual = (min(Counter(map(str, v)).items(), key=lambda item: (-item[1], item[0]))[0] for v in known)
            categorical[CLINICAL + name] = dict(sorted(Counter(usual).items()))
    return CenterSamples(len(patients), numeric, categorical)


def joined(measured: CenterSamples, clinical: CenterSamples) -> CenterSamples:
    """Measured and clinical quantities of the same patients; the clinical ones replace those that are there."""
    return CenterSamples(
        max(measured.n_patients, clinical.n_patients), {**measured.numeric, **clinical.numeric},
        {**measured.categorical, **clinical.categorical},
    )


def pooled(samples: Iterable[CenterSamples]) -> CenterSamples:
    """The patients of several centres together."""
    n, numeric, categorical = 0, dict[str, list[float]](), dict[str, Counter[str]]()
    for part in samples:
        n += part.n_patients
        for name, values in part.numeric.items():
            numeric.setdefault(name, []).extend(values)
        for name, counts in part.categorical.items():
            categorical.setdefault(name, Counter()).update(counts)
    return CenterSamples(
        n, {name: tuple(sorted(values)) for name, values in numeric.items()},
        {name: dict(sorted(counts.items())) for name, counts in categorical.items()},
    )


def _measured(patients: Iterable[Sequence[ScanMeasures]]) -> dict[str, tuple[float, ...]]:
    rows: dict[str, list[list[float]]] = {name: [] for name in QUANTITIES}
    for scans in patients:
        lesions = [lesion for m in scans for lesion in m.lesions]
        # The edges by size, not by axis: the axes of scans that are stored another way round mean other directions.
        rows["voxel_edge_smallest_mm"].append([min(m.spacing_zyx_mm) for m in scans])
        rows["voxel_edge_largest_mm"].append([max(m.spacing_zyx_mm) for m in scans])
        rows["foreground_mean"].append([m.foreground_mean for m in scans])
        rows["lesion_contrast_sd"].append([x.contrast_sd for x in lesions])
        rows["lesion_axial_diameter_mm"].append([x.size.axial_diameter_mm for x in lesions])
    found = {name: _medians(values) for name, values in rows.items()}
    return {name: values for name, values in found.items() if values}


def _medians(rows: Iterable[Sequence[float]]) -> tuple[float, ...]:
    """Five digits are enough to compare distributions and keep the file small."""
    finite = [[v for v in row if np.isfinite(v)] for row in rows]
    return tuple(sorted(float(f"{np.median(row):.5g}") for row in finite if row))
