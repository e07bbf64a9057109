"""What trained models have seen, and what was allowed to leak into them."""

from __future__ import annotations

from collections.abc import Iterable

from rnnet.core.layouts import split_control
from rnnet.core.provenance import read_leaks
from rnnet.core.types import IMAGING_CONFIGS
from rnnet.core.workspace import FoldLayout, ResultsLayout
from rnnet.dataset.case import RawDataset
from rnnet.dataset.leakage import Exposure, check_apart
from rnnet.evaluation.repeats import trained_controls
from rnnet.evaluation.runs import trained_configs
from rnnet.experiment.access import raw_exposure
from rnnet.experiment.data import ExperimentData
from rnnet.fusion.artefact import load_tabular
from rnnet.preprocessing.store import ScanStore
from rnnet.training.checkpoint import read_checkpoint
from rnnet.training.exposure import Recall, checkpoint_exposure
from rnnet.training.folds import check_fold_of


def leaks_of(data: ExperimentData, *, allow_leakage: bool) -> tuple[str, ...]:
    """What was allowed to leak into the trained models of a data set, or between them and its test split.

    Raises:
        LeakageError: a model has seen a patient or image of the test split, unless `allow_leakage`.
        StaleArtefactError: a fold was trained on other cases than it has now, so that it may have seen those that it is
            validated on. Nothing allows that: training again always cures it.
    """
    configs = (*trained_configs(data.results), *trained_controls(data.results))
    held_out = data.held_out()
    found = check_apart(
        [(seen, held_out) for seen in models_seen(data, configs)], allow_leakage=allow_leakage,
        fix="The test split has changed since, or it was allowed then: train again.",
    )
    for config in configs:
        check_folds_of(data, config)
    return tuple(dict.fromkeys((*data.leaks, *recorded_leaks(data.results, configs), *found)))


def models_seen(data: ExperimentData, configs: Iterable[str]) -> tuple[Exposure, ...]:
    """For each configuration what its trained folds have seen together, pretraining included."""
    return tuple(config_seen(data.raw, data.store, data.results, config, data.recall) for config in configs)


def check_folds_of(data: ExperimentData, config: str) -> None:
    """Return if every fold of a configuration that has out-of-fold predictions was trained on the fold as it is now.

    So must its further runs with other seeds.

    Raises:
        StaleArtefactError: one was not, or the splits do not have it any more.
    """
    for layout in data.results.validated_folds(config):
        check_fold_of(data, config, layout.name, trained_patients(layout))
        for seed, run in layout.seeds().items():
            if run.predictions("validation").is_file():
                check_fold_of(data, config, layout.name, seed=seed)


def trained_patients(layout: FoldLayout) -> tuple[str, ...]:
    """The patients that a tabular model was fitted to; none for other models."""
    return load_tabular(layout.tabular_model).train_patient_ids if layout.tabular_model.is_file() else ()


def config_seen(
    raw: RawDataset, store: ScanStore, results: ResultsLayout, config: str, recall: Recall
) -> Exposure:
    """What all trained folds of a configuration have seen, 'all' and those of other seeds among them.

    config: of a model, or of a negative control. recall: see checkpoint_exposure.
    """
    is_imaging = split_control(config)[0] in IMAGING_CONFIGS
    seen = Exposure(f"{config} of {raw.name}" + (", or its pretraining," if is_imaging else ""))
    for layout in run_layouts(results, config):
        if layout.checkpoint_best.is_file():
            seen |= checkpoint_exposure(
                read_checkpoint(layout.checkpoint_best, made_by="rnnet_train", lazy=True), seen.name, recall
            )
        elif layout.tabular_model.is_file():
            patients = set(trained_patients(layout))
            # Patients that the data set does not have any more count as well.
            gone = Exposure(seen.name, frozenset(f"{raw.name}/{p}" for p in patients))
            scans = (s for s in raw.scans if s.patient_id in patients)
            seen |= gone | raw_exposure(raw.layout, store, seen.name, scans)
    return seen


def recorded_leaks(results: ResultsLayout, configs: Iterable[str]) -> tuple[str, ...]:
    """What --allow_leakage let through when these configurations were trained, by the records of their runs."""
    leaks = [
        f"{config}: {leak}"
        for config in configs for layout in run_layouts(results, config) for leak in read_leaks(layout.run_json)
    ]
    return tuple(dict.fromkeys(leaks))


def run_layouts(results: ResultsLayout, config: str) -> tuple[FoldLayout, ...]:
    """The folders of all folds of a configuration, and of their further runs with other seeds."""
    return tuple(
        run for layout in results.folds(config) for run in (layout, *layout.seeds().values())
    )
