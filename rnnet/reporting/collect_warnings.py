"""What a reader must know before believing the figures, and the records of the runs that made them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rnnet.core.codec import artefact_inputs, read_artefact
from rnnet.core.provenance import RunRecord
from rnnet.core.workspace import trained_folds
from rnnet.evaluation.names import folds_text, model_name
from rnnet.evaluation.summary import CROSS_VALIDATION, Evaluation
from rnnet.experiment.data import ExperimentData
from rnnet.experiment.label_share import LabelShare
from rnnet.inference.external import ExternalResult
from rnnet.inference.unlike import UnlikeRuns
from rnnet.planning.center_distance import Comparison


def collect_warnings(
    data: ExperimentData, evaluation: Evaluation, external: Mapping[str, ExternalResult],
    distances: Sequence[Comparison], unlike: UnlikeRuns,
) -> tuple[str, ...]:
    """Runs that were not trained alike, few lesions, scans left out, far centres, weights of unknown origin."""
    return (
        *unlike.sentences, *_warnings(data, evaluation, external), *(d.warning for d in distances if d.warning),
        *_origins(data, evaluation),
    )


def _warnings(
    data: ExperimentData, evaluation: Evaluation, external: Mapping[str, ExternalResult]
) -> list[str]:
    found = []
    for summary in evaluation.summaries:
        if summary.subset == CROSS_VALIDATION and len(summary.folds) < len(data.folds):
            found.append(f"{model_name(summary.config)}: {len(summary.folds)} of {len(data.folds)} folds are trained.")
    small = [s for s in evaluation.summaries if min(s.counts.lesions_positive, s.counts.lesions_negative) < 10]
    for subset in dict.fromkeys(s.subset_title for s in small):
        found.append(f"{subset}: fewer than ten lesions of one outcome. Its intervals are rough, and too narrow rather "
                     "than too wide: resamples of few patients cannot show what other patients would.")
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
    for config in configs_of(evaluation):
        used = []
        for fold, path in run_records(data, config):
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
    for config in configs_of(evaluation):
        for fold, path in run_records(data, config):
            if origin := read_artefact(path, RunRecord, made_by="rnnet_train").origin:
                folds[config, origin].append(fold)
    return [f"{model_name(config)}, {folds_text(names)}: {origin}" for (config, origin), names in folds.items()]


def configs_of(evaluation: Evaluation) -> list[str]:
    """The evaluated configurations."""
    return list(dict.fromkeys(s.config for s in evaluation.summaries))


def run_records(data: ExperimentData, config: str) -> list[tuple[str, Path]]:
    """(fold, run record) of every trained fold that has one."""
    folds = trained_folds(data.results, config, "rnnet_train")
    found = [(fold, data.results.fold(config, fold).run_json) for fold in folds]
    return [(fold, path) for fold, path in found if path.is_file()]


def collect_runs(data: ExperimentData, evaluation: Evaluation) -> list[RunRecord]:
    """One record per configuration: that of its first fold."""
    records = []
    layouts = [data.results.pretrain]
    for config in configs_of(evaluation):
        layouts.append(data.results.fold(config, trained_folds(data.results, config, "rnnet_train")[0]))
    for layout in layouts:
        if layout.run_json.is_file():
            records.append(read_artefact(layout.run_json, RunRecord, made_by="rnnet_train"))
    return records
