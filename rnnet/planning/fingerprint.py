"""What a data set looks like: the facts that the planner's rules work on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rnnet.core.codec import digest_of
from rnnet.core.errors import DatasetError, RnnetError
from rnnet.core.log import get_logger
from rnnet.core.parallel import map_cases
from rnnet.core.types import LesionCase, Scan
from rnnet.dataset.case import RawDataset
from rnnet.dataset.splits import patients_per_outcome
from rnnet.planning.center_samples import CenterSamples, samples_by_center
from rnnet.planning.clinical_summary import ClinicalSummary, summarise_clinical
from rnnet.planning.fingerprint_histograms import FingerprintHistograms, fingerprint_histograms
from rnnet.planning.plan import SkullStripPlan
from rnnet.planning.quantiles import Quantiles, quantiles_of
from rnnet.planning.scan_measures import LesionMeasures, ScanMeasureJob, ScanMeasures, measure_scan

_log = get_logger(__name__)
ThreeQuantiles = tuple[Quantiles, Quantiles, Quantiles]


@dataclass(frozen=True, slots=True)
class GeometrySummary:
    """Grids of the scans as stored, axis by axis (z, y, x). orientations: letters of x, y, z -> number of scans."""

    spacing_zyx_mm: ThreeQuantiles
    shape_zyx_vox: ThreeQuantiles
    extent_zyx_mm: ThreeQuantiles
    orientations: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StateSummary:
    """How far the scans are preprocessed: what dataset.json declares and what their voxels show."""

    declared_registered: bool
    declared_skull_stripped: bool
    n_with_sri24_shape: int
    n_looking_skull_stripped: int
    zero_share: Quantiles


@dataclass(frozen=True, slots=True)
class IntensitySummary:
    """Intensities of the scans' foreground (above Otsu's threshold), in their own units, and of the lesions.

    Lesion values are in units of the standard deviation of their scan's foreground.
    """

    foreground_mean: Quantiles
    foreground_sd: Quantiles
    lesion_contrast_sd: Quantiles | None
    lesion_range_sd: Quantiles | None


@dataclass(frozen=True, slots=True)
class LesionSummary:
    """Sizes and numbers of the lesions. extent_mm: longest edge of the bounding box."""

    extent_mm: Quantiles | None
    axial_diameter_mm: Quantiles | None
    volume_mm3: Quantiles | None
    per_scan: Quantiles | None
    per_patient: Quantiles | None


@dataclass(frozen=True, slots=True)
class CenterSummary:
    """One centre's share of the training split.

    outcomes, patient_outcomes: lesions, and patients with at least one such lesion, per outcome.
    """

    n_patients: int
    n_scans: int
    n_lesions: int
    outcomes: Mapping[str, int]
    patient_outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DatasetFingerprint:
    """A data set in numbers.

    Only the training split is described; of the test split nothing but its numbers of scans and lesions is known
    here. A data set without a training split (an external centre) has its scans and lesions described instead
    (described = 'all'), but no outcome and no clinical value of it.

    samples: what the described patients of each centre measure, to compare centres and data sets later.
    n_cubes: lesions that pretraining may use, labelled or not. lesion_outcomes, patient_outcomes: training
    lesions, and patients with at least one such lesion, per outcome.
    """

    dataset: str
    positive_outcome: str
    negative_outcome: str
    described: Literal["training", "all"]
    n_scans: int
    n_patients: int
    n_cubes: int
    n_labelled: int
    n_test_scans: int
    n_test_lesions: int
    geometry: GeometrySummary
    state: StateSummary
    intensity: IntensitySummary
    lesions: LesionSummary
    lesion_outcomes: Mapping[str, int]
    patient_outcomes: Mapping[str, int]
    clinical: Mapping[str, ClinicalSummary]
    centers: Mapping[str, CenterSummary]
    labels_digest: str
    histograms: FingerprintHistograms
    samples: Mapping[str, CenterSamples]
    # Scans and lesions that could not be measured, with the reason.
    failed: Mapping[str, str] = field(default_factory=dict)


def extract_fingerprint(dataset: RawDataset, *, n_processes: int) -> DatasetFingerprint:
    """Measure the training scans of a data set, `n_processes` at a time.

    Raises:
        DatasetError: no scan can be measured.
    """
    described = [s for s in dataset.scans if s.split == "train"]
    has_training = bool(described)
    scans = described or list(dataset.scans)
    training = [c for c in dataset.cases if c.split == "train"]
    cases = training if has_training else list(dataset.cases)
    measures, failed = _measure(dataset, scans, cases, n_processes)
    lesions = [lesion for m in measures for lesion in m.lesions]
    manifest = dataset.manifest
    return DatasetFingerprint(
        dataset=dataset.name,
        positive_outcome=manifest.positive_outcome,
        negative_outcome=manifest.negative_outcome,
        described="training" if has_training else "all",
        n_scans=len(scans),
        n_patients=len({s.patient_id for s in scans}),
        n_cubes=len(training),
        n_labelled=sum(c.outcome is not None for c in training),
        n_test_scans=len(dataset.scans) - len(described),
        n_test_lesions=len(dataset.cases) - len(training),
        geometry=_geometry(measures),
        state=_state(dataset, measures),
        intensity=_intensity(measures, lesions),
        lesions=_lesions(lesions, scans, cases),
        lesion_outcomes=_counts(c.outcome for c in training if c.outcome is not None),
        patient_outcomes=dict(sorted(patients_per_outcome(training).items())),
        clinical=summarise_clinical(manifest, training),
        centers=_centers(scans, training) if has_training else {},
        labels_digest=labels_digest(dataset.cases),
        histograms=fingerprint_histograms(measures, scans, cases),
        samples=samples_by_center(measures, scans, training, manifest),
        failed=failed,
    )


def labels_digest(cases: Iterable[LesionCase]) -> str:
    """Digest of the cases; outcomes and clinical values of the test split do not enter it."""
    visible = [
        c if c.split == "train" else replace(c, outcome=None, label_source="", clinical={}, information={})
        for c in cases
    ]
    return digest_of(sorted(visible, key=lambda c: c.case_id))


def _measure(
    dataset: RawDataset, scans: Sequence[Scan], cases: Iterable[LesionCase], n_processes: int
) -> tuple[list[ScanMeasures], dict[str, str]]:
    values: dict[str, list[int]] = {}
    for case in cases:
        values.setdefault(case.scan_id, []).append(case.lesion_value)
    jobs = [ScanMeasureJob(s, tuple(values.get(s.scan_id, ())), dataset.components) for s in scans]
    results = map_cases(measure_scan, jobs, n_processes=n_processes, title="fingerprint")
    measures: list[ScanMeasures] = []
    failed: dict[str, str] = {}
    for job, result in zip(jobs, results, strict=True):
        if isinstance(result, RnnetError):
            failed[job.scan.scan_id] = str(result)
            continue
        measures.append(result)
        failed.update({f"{result.scan_id}, lesion {v}": "The mask does not have this value." for v in result.absent})
    for name, reason in failed.items():
        _log.warning("Not in the fingerprint: %s: %s", name, reason)
    if not measures:
        raise DatasetError(
            f"None of the {len(jobs)} scans can be measured.", where=dataset.layout.folder,
            fix=f"Run rnnet_verify_dataset_integrity -d {dataset.name} to see why.",
        )
    return measures, failed


def _geometry(measures: Sequence[ScanMeasures]) -> GeometrySummary:
    spacing = [m.spacing_zyx_mm for m in measures]
    shape = [m.shape_zyx_vox for m in measures]
    extent = [tuple(n * s for n, s in zip(m.shape_zyx_vox, m.spacing_zyx_mm, strict=True)) for m in measures]
    orientations = _counts(m.orientation for m in measures)
    return GeometrySummary(_three(spacing), _three(shape), _three(extent), orientations)


def _state(dataset: RawDataset, measures: Sequence[ScanMeasures]) -> StateSummary:
    declared = dataset.manifest.declared
    threshold = SkullStripPlan().stripped_zero_share
    return StateSummary(
        declared.registered, declared.skull_stripped, sum(m.has_sri24_shape for m in measures),
        sum(m.zero_share >= threshold for m in measures), _some(m.zero_share for m in measures),
    )


def _intensity(measures: Sequence[ScanMeasures], lesions: Sequence[LesionMeasures]) -> IntensitySummary:
    return IntensitySummary(
        _some(m.foreground_mean for m in measures), _some(m.foreground_sd for m in measures),
        quantiles_of(x.contrast_sd for x in lesions), quantiles_of(x.range_sd for x in lesions),
    )


def _lesions(lesions: Sequence[LesionMeasures], scans: Sequence[Scan], cases: Sequence[LesionCase]) -> LesionSummary:
    per_scan = Counter(c.scan_id for c in cases)
    per_patient = Counter(c.patient_id for c in cases)
    return LesionSummary(
        extent_mm=quantiles_of(max(x.size.extent_zyx_mm) for x in lesions),
        axial_diameter_mm=quantiles_of(x.size.axial_diameter_mm for x in lesions),
        volume_mm3=quantiles_of(x.size.volume_mm3 for x in lesions),
        per_scan=quantiles_of(per_scan[s.scan_id] for s in scans),
        per_patient=quantiles_of(per_patient[p] for p in {s.patient_id for s in scans}),
    )


def _centers(scans: Sequence[Scan], cases: Sequence[LesionCase]) -> dict[str, CenterSummary]:
    return {
        center: CenterSummary(
            len({s.patient_id for s in scans if s.center == center}), sum(s.center == center for s in scans),
            sum(c.center == center for c in cases),
            _counts(c.outcome for c in cases if c.center == center and c.outcome is not None),
            dict(sorted(patients_per_outcome(c for c in cases if c.center == center).items())),
        )
        for center in sorted({s.center for s in scans})
    }


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _three(rows: Sequence[Sequence[float]]) -> ThreeQuantiles:
    z, y, x = (_some(row[axis] for row in rows) for axis in range(3))
    return z, y, x


def _some(values: Iterable[float]) -> Quantiles:
    """Quantiles of values of which there is at least one."""
    found = quantiles_of(values)
    if found is None:
        raise DatasetError("A measured quantity of the scans is not finite.", fix="Check the image headers.")
    return found
