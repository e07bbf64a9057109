"""Predictions of every trained configuration for a labelled data set of another centre."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rnnet.core.errors import CaseFailedError, DatasetError
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import RawDataset
from rnnet.dataset.leakage import Exposure, check_apart
from rnnet.evaluation.case_facts import Facts, SizeLimit, case_facts
from rnnet.evaluation.predictions import write_predictions
from rnnet.evaluation.repeats import trained_controls
from rnnet.evaluation.runs import trained_configs
from rnnet.experiment.access import preprocess_missing, raw_exposure, read_raw, store_of, workspace_atlas
from rnnet.experiment.corpus import open_corpus
from rnnet.experiment.data import ExperimentData
from rnnet.features.lesions import lesion_radiomics
from rnnet.fusion.tabular import USES_RADIOMICS
from rnnet.inference.bundle import ModelBundle
from rnnet.inference.exposures import models_seen
from rnnet.inference.repeats import predict_repeats
from rnnet.inference.strippers import warn_of_strippers
from rnnet.preprocessing.runner import PreprocessReport
from rnnet.preprocessing.skull_strip.record import strippers_in
from rnnet.preprocessing.store import ScanStore


@dataclass(frozen=True, slots=True)
class ExternalResult:
    """What was done for an external data set: its preprocessing, and its scans with a prediction by skull-stripper.

    leaks: what --allow_leakage let through, in sentences. facts: subgroups by case id.
    """

    report: PreprocessReport
    strippers: Mapping[str, int]
    leaks: tuple[str, ...] = ()
    facts: Facts = field(default_factory=dict)


def predict_external(
    workspace: Workspace, data: ExperimentData, name: str, *, device: str, n_processes: int,
    allow_leakage: bool = False,
) -> ExternalResult:
    """Preprocess the data set under the plan of `data`, predict it with every fold, write the predictions.

    Nothing of it is used for fitting. Scans that fail are left out and returned.

    Raises:
        LeakageError: training or pretraining has seen one of its labelled patients or images, unless `allow_leakage`.
        DatasetError: it has no labelled case, or other outcomes.
        CaseFailedError: not one scan with a labelled case could be preprocessed.
    """
    raw = read_raw(workspace, name)
    _check_comparable(data, raw)
    store = store_of(workspace, name, data.plan)
    configs = trained_configs(data.results)
    seen = models_seen(data, (*configs, *trained_controls(data.results)))
    report = PreprocessReport(0, len(raw.scans), ())
    if {s.scan_id for s in raw.scans} - set(store.scan_ids()):
        if not allow_leakage:  # before hours of preprocessing; what the images show is known after it
            _check_unseen(seen, raw, store, allow_leakage=False)
        atlas = workspace_atlas(workspace)
        report = preprocess_missing(workspace, name, data.plan, atlas, n_processes=n_processes)
    corpus = open_corpus({name: raw.labelled()}, {name: store}, data.plan.crop, empty_allowed=True)
    if not corpus.cases:
        raise CaseFailedError(f"No labelled scan of {name} could be preprocessed.", where=raw.layout.folder,
                              fix=str(next(iter(report.failed), "")))
    leaks = _check_unseen(seen, raw, store, allow_leakage=allow_leakage)
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
    predict_repeats(data, name, corpus, device=device)
    facts = case_facts(corpus, SizeLimit.of(data.corpus))
    return ExternalResult(report, strippers_in(store, scan_ids), leaks, facts)


def _check_unseen(
    seen: Sequence[Exposure], raw: RawDataset, store: ScanStore, *, allow_leakage: bool
) -> tuple[str, ...]:
    """The allowed leaks. Raises LeakageError if a labelled patient or image of the data set was seen."""
    scan_ids = {case.scan_id for case in raw.labelled()}
    held_out = raw_exposure(
        raw.layout, store, f"the external data set {raw.name}", (s for s in raw.scans if s.scan_id in scan_ids)
    )
    return check_apart(
        [(exposure, held_out) for exposure in seen], allow_leakage=allow_leakage,
        fix="Take them out of the external data set, or train (and pretrain) again without them.",
    )


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
