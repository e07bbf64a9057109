"""From the summaries of all configurations to the figures and the report."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnet.core.codec import artefact_inputs, read_artefact
from rnnet.core.provenance import RunRecord
from rnnet.core.types import LesionCase, LesionPrediction
from rnnet.core.workspace import ReportLayout, trained_folds
from rnnet.evaluation.names import folds_text, model_name
from rnnet.evaluation.predictions import read_predictions
from rnnet.evaluation.repeat_results import ControlResult, SeedSpread
from rnnet.evaluation.summary import CROSS_VALIDATION, Evaluation, ModelSummary, pooled_predictions, subset_file
from rnnet.experiment.data import ExperimentData
from rnnet.experiment.label_share import LabelShare
from rnnet.inference.external import ExternalResult
from rnnet.inference.unlike import UnlikeRuns
from rnnet.planning.center_distance import Comparison
from rnnet.preprocessing.skull_strip.record import strippers_in
from rnnet.reporting.distances import distance_facts
from rnnet.reporting.markup import Figure
from rnnet.reporting.plots import plot_forest, plot_roc, plot_scores
from rnnet.reporting.report import write_report
from rnnet.reporting.tables import by_subset

GALLERY_SIZE = 6


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """The figures, where the report lies, what was done for each external data set, and what leaked in sentences.

    controls, seeds: figures of further trainings. warnings: what to know before believing the figures.
    """

    summaries: tuple[ModelSummary, ...]
    report: Path
    external: Mapping[str, ExternalResult] = field(default_factory=dict)
    leaks: tuple[str, ...] = ()
    controls: tuple[ControlResult, ...] = ()
    seeds: tuple[SeedSpread, ...] = ()
    warnings: tuple[str, ...] = ()


def write_evaluation(
    data: ExperimentData, evaluation: Evaluation, external: Mapping[str, ExternalResult],
    distances: Sequence[Comparison] = (), leaks: Sequence[str] = (), unlike: UnlikeRuns | None = None,
) -> EvaluationReport:
    """Write figures and report into the evaluation folder of the data set.

    external: by name of the data set. distances: of the external data sets from the training data. leaks: of the
    models and their tests; those of the external data sets are added. unlike: runs that were not trained alike.
    """
    layout, unlike = ReportLayout(data.results.evaluation), unlike or UnlikeRuns()
    leaks = tuple(dict.fromkeys((*leaks, *(leak for result in external.values() for leak in result.leaks))))
    figures, runs = _figures(data, evaluation, layout), _runs(data, evaluation)
    manifest = data.raw.manifest
    warnings = (
        *unlike.sentences, *_warnings(data, evaluation, external), *(d.warning for d in distances if d.warning),
        *_origins(data, evaluation),
    )
    write_report(
        layout.report_html,
        title=f"{manifest.name}: {data.plan.positive_outcome.replace('_', ' ')} or "
        f"{data.plan.negative_outcome.replace('_', ' ')}",
        summaries=evaluation.summaries,
        figures=figures,
        gallery=_gallery(data),
        plan=data.plan,
        dataset_facts=_dataset_facts(data, external, distances),
        failures=[
            *((case.case_id, "its scan failed in preprocessing") for case in data.corpus.missing),
            *((name, failure.problem) for name, result in external.items() for failure in result.report.failed),
        ],
        warnings=warnings,
        runs=runs,
        demonstration=manifest.reference if manifest.reference.startswith("Demonstration") else "",
        leaks=leaks,
        controls=evaluation.controls,
        seeds=evaluation.seeds,
        trained_settings=unlike.settings,
    )
    return EvaluationReport(
        evaluation.summaries, layout.report_html, external, leaks, evaluation.controls, evaluation.seeds, warnings
    )


def _figures(data: ExperimentData, evaluation: Evaluation, layout: ReportLayout) -> list[Figure]:
    positive, negative = data.plan.positive_outcome, data.plan.negative_outcome
    forest = layout.figure("forest")
    plot_forest(forest, evaluation.summaries)
    rocs, distributions = [], []
    for group in by_subset(evaluation.summaries):
        subset, title = group[0].subset, group[0].subset_title
        predictions = {s.config: _pooled(data, s) for s in group}
        roc, scores = layout.figure(f"roc_{subset}"), layout.figure(f"scores_{subset}")
        plot_roc(roc, predictions, subset_title=title, positive_outcome=positive)
        plot_scores(
            scores, predictions, thresholds={s.config: s.pooled.threshold for s in group}, subset_title=title,
            positive_outcome=positive, negative_outcome=negative,
        )
        rocs.append(Figure(f"ROC, {title}.", "Solid: imaging; dashed: clinical and radiomic tables.", roc))
        distributions.append(Figure(f"Scores, {title}.", "One point per lesion, by its outcome.", scores, wide=True))
    caption = "Squares: AUC; lines: its interval by patient; vertical line: chance."
    return [Figure("AUC of every model.", caption, forest, wide=True), *rocs, *distributions]


def _pooled(data: ExperimentData, summary: ModelSummary) -> tuple[LesionPrediction, ...]:
    folds = trained_folds(data.results, summary.config, "rnnet_train")
    paths = [data.results.fold(summary.config, f).predictions(subset_file(summary.subset)) for f in folds]
    return pooled_predictions(summary.subset, [read_predictions(p) for p in paths if p.is_file()])


def _gallery(data: ExperimentData) -> list[Figure]:
    pictures = sorted(data.results.explanation.glob("*.png"))[:GALLERY_SIZE]
    return [Figure(p.stem, "Attention rollout.", p) for p in pictures]


def _dataset_facts(
    data: ExperimentData, external: Mapping[str, ExternalResult], distances: Sequence[Comparison]
) -> dict[str, Any]:
    manifest = data.raw.manifest
    own = strippers_in(data.store, (c.scan_id for c in data.corpus.cases))
    strippers = {data.name: own, **{name: result.strippers for name, result in external.items()}}
    return {
        "Data set": {
            "folder": data.name, "reference": manifest.reference or "not given",
            "licence": manifest.licence or "not given",
            "scans": len(data.raw.scans), "labelled lesions used": len(data.corpus.cases),
            "positive class": data.plan.positive_outcome,
        },
        "Lesions by split, centre and outcome": _counts(data.corpus.cases),
        "Scans by skull-stripper": [
            {"data set": dataset, "skull-stripper": stripper, "scans": count}
            for dataset, counts in strippers.items() for stripper, count in counts.items()
        ],
        "Folds (patients never stand on both sides)": [
            {"fold": f.index, "training lesions": len(f.train_case_ids), "validation lesions":
             len(f.validation_case_ids)} for f in data.folds
        ],
        "Distance of external data sets from the training data": distance_facts(distances),
    }


def _counts(cases: Sequence[LesionCase]) -> list[dict[str, Any]]:
    lesions = Counter((c.split, c.center, str(c.outcome)) for c in cases)
    patients = {key: {c.patient_id for c in cases if (c.split, c.center, str(c.outcome)) == key} for key in lesions}
    return [
        {"split": split, "centre": center, "outcome": outcome.replace("_", " "), "lesions": n,
         "patients": len(patients[split, center, outcome])}
        for (split, center, outcome), n in sorted(lesions.items(), key=lambda item: (item[0][0] != "train", item[0]))
    ]


def _warnings(
    data: ExperimentData, evaluation: Evaluation, external: Mapping[str, ExternalResult]
) -> list[str]:
    found = []
    for summary in evaluation.summaries:
        if summary.subset == CROSS_VALIDATION and len(summary.folds) < len(data.folds):
            found.append(f"{model_name(summary.config)}: {len(summary.folds)} of {len(data.folds)} folds are trained.")
    small = [s for s in evaluation.summaries if min(s.counts.lesions_positive, s.counts.lesions_negative) < 10]
    for subset in dict.fromkeys(s.subset_title for s in small):
        found.append(f"{subset}: fewer than ten lesions of one outcome; the intervals are wide for that reason.")
    found += _label_shares(data, evaluation)
    if data.corpus.missing:
        found.append(f"{len(data.corpus.missing)} labelled lesions are left out: their scans failed in preprocessing.")
    found += [
        f"{name}: {len(result.report.failed)} scan(s) failed in preprocessing; their lesions are left out."
        for name, result in external.items() if result.report.failed
    ]
    return found


def _label_shares(data: ExperimentData, evaluation: Evaluation) -> list[str]:
    """One sentence for each configuration of which a fold was trained with a part of the labels."""
    found = []
    for config in _configs(evaluation):
        used = []
        for fold, path in _records(data, config):
            labels = LabelShare.recorded_in(artefact_inputs(path, made_by="rnnet_train"))
            if labels.share < 1.0:
                some, all_of_them = (
                    len({c.patient_id for c in data.sides(fold, labels=share)[0]}) for share in (labels, LabelShare())
                )
                used.append(f"fold {fold} with {some} of {all_of_them} (finetune.label_share {labels.share:g})")
        if used:
            found.append(f"{model_name(config)}: trained with a part of the labelled training patients: "
                         f"{', '.join(used)}.")
    return found


def _origins(data: ExperimentData, evaluation: Evaluation) -> list[str]:
    """What is not known about imported weights, with the folds that started from them."""
    folds: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for config in _configs(evaluation):
        for fold, path in _records(data, config):
            if origin := read_artefact(path, RunRecord, made_by="rnnet_train").origin:
                folds[config, origin].append(fold)
    return [f"{model_name(config)}, {folds_text(names)}: {origin}" for (config, origin), names in folds.items()]


def _configs(evaluation: Evaluation) -> list[str]:
    return list(dict.fromkeys(s.config for s in evaluation.summaries))


def _records(data: ExperimentData, config: str) -> list[tuple[str, Path]]:
    """(fold, run record) of every trained fold that has one."""
    folds = trained_folds(data.results, config, "rnnet_train")
    found = [(fold, data.results.fold(config, fold).run_json) for fold in folds]
    return [(fold, path) for fold, path in found if path.is_file()]


def _runs(data: ExperimentData, evaluation: Evaluation) -> list[RunRecord]:
    """One record per configuration: that of its first fold."""
    records = []
    layouts = [data.results.pretrain]
    for config in _configs(evaluation):
        layouts.append(data.results.fold(config, trained_folds(data.results, config, "rnnet_train")[0]))
    for layout in layouts:
        if layout.run_json.is_file():
            records.append(read_artefact(layout.run_json, RunRecord, made_by="rnnet_train"))
    return records
