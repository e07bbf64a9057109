"""Predictions of every trained configuration for a labelled data set of another centre."""

from __future__ import annotations

from rnnet.core.errors import DatasetError
from rnnet.core.log import get_logger
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

log = get_logger(__name__)


def predict_external(
    workspace: Workspace, data: ExperimentData, name: str, *, device: str, n_processes: int
) -> None:
    """Preprocess the data set under the plan of `data`, predict it with every fold, write the predictions.

    Nothing of it is used for fitting.

    Raises:
        DatasetError: it has no labelled case, or other outcomes.
    """
    raw = read_dataset(workspace.raw_dataset(name))
    _check_comparable(data, raw)
    store = store_of(workspace, name, data.plan)
    if {s.scan_id for s in raw.scans} - set(store.scan_ids()):
        atlas = workspace_atlas(workspace)
        report = preprocess_missing(workspace, name, data.plan, atlas, n_processes=n_processes)
        for failure in report.failed:
            log.warning("%s: left out, %s", name, failure)
    corpus = open_corpus({name: raw.labelled()}, {name: store}, data.plan.crop)
    configs = trained_configs(data.results)
    radiomics = None
    if any(config in USES_RADIOMICS for config in configs):
        radiomics = lesion_radiomics(corpus.cases, corpus, store, data.plan, n_processes=n_processes)
    for config in configs:
        bundle = ModelBundle.load(workspace, data.name, data.plan.name, config=config, folds=None, device=device)
        warn_of_strippers(bundle.skull_strippers, store, [case.scan_id for case in corpus.cases])
        for fold, predictions in bundle.predict(corpus.cases, corpus.read, radiomics).folds.items():
            path = data.results.fold(config, fold).predictions(name)
            write_predictions(path, predictions, positive_outcome=data.plan.positive_outcome)


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
