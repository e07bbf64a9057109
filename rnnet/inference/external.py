"""Predictions of every trained configuration for a labelled data set of another centre."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rnnet.core.errors import CaseFailedError, DatasetError
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import RawDataset, read_dataset
from rnnet.evaluation.predictions import write_predictions
from rnnet.evaluation.runs import trained_configs
from rnnet.experiment.access import preprocess_missing, store_of, workspace_atlas
from rnnet.experiment.corpus import open_corpus
from rnnet.experiment.data import ExperimentData
from rnnet.features.lesions import lesion_radiomics
from rnnet.fusion.tabular import USES_RADIOMICS
from rnnet.inference.bundle import ModelBundle
from rnnet.inference.strippers import warn_of_strippers
from rnnet.preprocessing.runner import PreprocessReport
from rnnet.preprocessing.skull_strip.record import strippers_in


@dataclass(frozen=True, slots=True)
class ExternalResult:
    """What was done for an external data set: its preprocessing, and its scans with a prediction by skull-stripper."""

    report: PreprocessReport
    strippers: Mapping[str, int]


def predict_external(
    workspace: Workspace, data: ExperimentData, name: str, *, device: str, n_processes: int
) -> ExternalResult:
    """Preprocess the data set under the plan of `data`, predict it with every fold, write the predictions.

    Nothing of it is used for fitting. Scans that fail are left out and returned.

    Raises:
        DatasetError: it has no labelled case, or other outcomes.
        CaseFailedError: not one scan with a labelled case could be preprocessed.
    """
    raw = read_dataset(workspace.raw_dataset(name))
    _check_comparable(data, raw)
    store = store_of(workspace, name, data.plan)
    report = PreprocessReport(0, len(raw.scans), ())
    if {s.scan_id for s in raw.scans} - set(store.scan_ids()):
        atlas = workspace_atlas(workspace)
        report = preprocess_missing(workspace, name, data.plan, atlas, n_processes=n_processes)
    corpus = open_corpus({name: raw.labelled()}, {name: store}, data.plan.crop, empty_allowed=True)
    if not corpus.cases:
        raise CaseFailedError(f"No labelled scan of {name} could be preprocessed.", where=raw.layout.folder,
                              fix=str(next(iter(report.failed), "")))
    configs = trained_configs(data.results)
    radiomics = None
    if any(config in USES_RADIOMICS for config in configs):
        radiomics = lesion_radiomics(corpus.cases, corpus, store, data.plan, n_processes=n_processes)
    scan_ids = [case.scan_id for case in corpus.cases]
    warned: set[tuple[str, ...]] = set()
    for config in configs:
        bundle = ModelBundle.load(workspace, data.name, data.plan.name, config=config, folds=None, device=device)
        if bundle.skull_strippers not in warned:  # the same for all configurations, unless they were trained apart
            warn_of_strippers(bundle.skull_strippers, store, scan_ids)
            warned.add(bundle.skull_strippers)
        for fold, predictions in bundle.predict(corpus.cases, corpus.read, radiomics).folds.items():
            path = data.results.fold(config, fold).predictions(name)
            write_predictions(path, predictions, positive_outcome=data.plan.positive_outcome)
    return ExternalResult(report, strippers_in(store, scan_ids))


def _check_comparable(data: ExperimentData, raw: RawDataset) -> None:
    if not raw.labelled():
        raise DatasetError(f"{raw.name} has no labelled case to evaluate on.", where=raw.layout.cases_csv,
                           fix="Fill in the column outcome.")
    ours, theirs = data.raw.manifest, raw.manifest
    if set(ours.outcomes) != set(theirs.outcomes):
        raise DatasetError(
            f"{raw.name} has the outcomes {', '.join(sorted(theirs.outcomes))}, {data.name} has "
            f"{', '.join(sorted(ours.outcomes))}.", where=raw.layout.dataset_json, fix="Use the same names.",
        )
