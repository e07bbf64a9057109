"""From an evaluated data set to the facts of its report: cohort, flow of cases, splits, digests, kept features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rnnet.core.codec import read_artefact
from rnnet.core.files import file_digest
from rnnet.core.types import TABULAR_CONFIGS, LesionCase
from rnnet.core.workspace import trained_folds
from rnnet.dataset.case import RawDataset
from rnnet.dataset.splits import SplitsFile
from rnnet.evaluation.cohort import CohortDescription, describe_cohort
from rnnet.evaluation.names import model_name
from rnnet.evaluation.summary import Evaluation
from rnnet.experiment.access import read_raw
from rnnet.experiment.data import ExperimentData
from rnnet.fusion.kept import KeptFeatures, kept_features
from rnnet.inference.external import ExternalResult
from rnnet.inference.unlike import UnlikeRuns
from rnnet.planning.center_distance import Comparison
from rnnet.planning.fingerprint import DatasetFingerprint
from rnnet.preprocessing.skull_strip.record import strippers_in
from rnnet.reporting.collect_flow import external_flow, own_flow
from rnnet.reporting.collect_warnings import collect_runs, collect_warnings, configs_of, run_records
from rnnet.reporting.distances import distance_facts
from rnnet.reporting.facts import DISTANCES, LABEL_SOURCES, SCANS, Cohorts, ReportFacts, SplitFacts
from rnnet.reporting.tables import plain_outcome

_APART = (
    "No patient has lesions on both sides of a fold, and none in training and in the test split.",
    "No image of the test split, or of the validation part of a fold, was used to train or pretrain a model that is "
    "tested on it; images are compared by content, patients also under the names that other data sets give them.",
)


def collect_facts(
    data: ExperimentData, evaluation: Evaluation, external: Mapping[str, ExternalResult],
    distances: Sequence[Comparison], leaks: tuple[str, ...], unlike: UnlikeRuns,
) -> ReportFacts:
    """Everything in the report that is not a figure of a model."""
    manifest, plan = data.raw.manifest, data.plan
    raws = {name: read_raw(data.workspace, name) for name in external}
    return ReportFacts(
        title=f"{manifest.name}: {plain_outcome(plan.positive_outcome)} or {plain_outcome(plan.negative_outcome)}",
        plan=plan,
        dataset_facts=_dataset_facts(data, external, distances),
        failures=(
            *((case.case_id, "its scan failed in preprocessing") for case in data.corpus.missing),
            *((name, failure.problem) for name, result in external.items() for failure in result.report.failed),
        ),
        warnings=collect_warnings(data, evaluation, external, distances, unlike),
        demonstration=manifest.reference if manifest.reference.startswith("Demonstration") else "",
        leaks=leaks,
        runs=tuple(collect_runs(data, evaluation)),
        trained_settings=unlike.settings,
        flows=(own_flow(data), *(external_flow(data, raw) for raw in raws.values())),
        splits=_splits(data, leaks),
        digests=_digests(data, evaluation),
        kept=_kept(data, evaluation),
    )


def collect_cohorts(data: ExperimentData, external: Sequence[str]) -> Cohorts:
    """The characteristics by outcome of each data set, and by split of the own one where it has a test split."""
    raws: list[RawDataset] = [data.raw, *(read_raw(data.workspace, name) for name in external)]
    found: list[CohortDescription] = [describe_cohort([raw], by="outcome") for raw in raws]
    if data.test_cases:
        found.append(describe_cohort([data.raw], by="split"))
    return Cohorts(tuple(found))


def _dataset_facts(
    data: ExperimentData, external: Mapping[str, ExternalResult], distances: Sequence[Comparison]
) -> dict[str, Any]:
    manifest = data.raw.manifest
    own = strippers_in(data.store, (c.scan_id for c in data.corpus.cases))
    strippers = {data.name: own, **{name: result.strippers for name, result in external.items()}}
    sources = Counter(c.label_source or "not given" for c in data.corpus.cases)
    return {
        "Data set": {
            "folder": data.name, "reference": manifest.reference or "not given",
            "licence": manifest.licence or "not given",
            "scans": len(data.raw.scans), "labelled lesions used": len(data.corpus.cases),
            "positive class": plain_outcome(data.plan.positive_outcome),
        },
        "Lesions by split, centre and outcome": _counts(data.corpus.cases),
        LABEL_SOURCES: [
            {"source of the outcome": source, "lesions": n} for source, n in sorted(sources.items())
        ],
        SCANS: _grids(data),
        "Scans by skull-stripper": [
            {"data set": dataset, "skull-stripper": stripper, "scans": count}
            for dataset, counts in strippers.items() for stripper, count in counts.items()
        ],
        DISTANCES: distance_facts(distances),
    }


def _grids(data: ExperimentData) -> list[dict[str, Any]]:
    """Voxel spacing and size of the scans, axis by axis, where the data set's fingerprint is there."""
    path = data.workspace.preprocessed_dataset(data.name).fingerprint_json
    if not path.is_file():
        return []
    geometry = read_artefact(path, DatasetFingerprint, made_by="rnnet_extract_fingerprint").geometry
    rows = zip("zyx", geometry.spacing_zyx_mm, geometry.extent_zyx_mm, strict=True)
    return [
        {"axis": axis, "spacing, median (mm)": spacing.median, "spacing, range (mm)":
         f"{spacing.minimum:.4g} to {spacing.maximum:.4g}", "extent, median (mm)": extent.median}
        for axis, spacing, extent in rows
    ]


def _counts(cases: Sequence[LesionCase]) -> list[dict[str, Any]]:
    lesions = Counter((c.split, c.center, str(c.outcome)) for c in cases)
    patients = {key: {c.patient_id for c in cases if (c.split, c.center, str(c.outcome)) == key} for key in lesions}
    return [
        {"split": split, "centre": center, "outcome": plain_outcome(outcome), "lesions": n,
         "patients": len(patients[split, center, outcome])}
        for (split, center, outcome), n in sorted(lesions.items(), key=lambda item: (item[0][0] != "train", item[0]))
    ]


def _splits(data: ExperimentData, leaks: Sequence[str]) -> SplitFacts:
    path = data.workspace.preprocessed_dataset(data.name).splits_json
    rule = read_artefact(path, SplitsFile, made_by="rnnet_make_splits").rule
    outcome = {c.case_id: c.outcome for c in data.corpus.cases}
    patient = {c.case_id: c.patient_id for c in data.corpus.cases}
    positive = plain_outcome(data.plan.positive_outcome)
    rows = []
    for fold in data.folds:
        row: dict[str, Any] = {"fold": fold.index}
        for name, ids in (("training", fold.train_case_ids), ("validation", fold.validation_case_ids)):
            there = [i for i in ids if i in outcome]
            row[f"{name} lesions"] = len(there)
            row[f"{name}, {positive}"] = sum(outcome[i] == data.plan.positive_outcome for i in there)
            row[f"{name} patients"] = len({patient[i] for i in there})
        rows.append(row)
    return SplitFacts(rule, () if leaks else _APART, tuple(rows))


def _digests(data: ExperimentData, evaluation: Evaluation) -> tuple[tuple[str, str], ...]:
    """First 16 digits of SHA-256 of what everything was made from, and of the record of every trained fold."""
    layout, planned = data.raw.layout, data.workspace.preprocessed_dataset(data.name)
    files = [layout.dataset_json, layout.cases_csv, planned.splits_json, planned.plans_json(data.plan.name)]
    named = [(path.name, path) for path in files if path.is_file()]
    for config in configs_of(evaluation):
        named += [(f"record of {model_name(config)}, fold {fold}", path) for fold, path in run_records(data, config)]
    return tuple((name, file_digest(path)) for name, path in named)


def _kept(data: ExperimentData, evaluation: Evaluation) -> tuple[KeptFeatures, ...]:
    configs = [c for c in configs_of(evaluation) if c in TABULAR_CONFIGS]
    return tuple(kept_features(data.results, c, trained_folds(data.results, c, "rnnet_train")) for c in configs)
