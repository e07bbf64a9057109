"""What trained models have seen, and what was allowed to leak into them."""

from __future__ import annotations

from collections.abc import Iterable

from rnnet.core.provenance import read_leaks
from rnnet.core.types import IMAGING_CONFIGS
from rnnet.core.workspace import FoldLayout, ResultsLayout
from rnnet.dataset.case import RawDataset
from rnnet.dataset.leakage import Exposure, check_apart
from rnnet.evaluation.runs import trained_configs
from rnnet.experiment.access import raw_exposure
from rnnet.experiment.data import ExperimentData
from rnnet.fusion.artefact import load_tabular
from rnnet.preprocessing.store import ScanStore
from rnnet.training.checkpoint import read_checkpoint
from rnnet.training.exposure import checkpoint_exposure


def leaks_of(data: ExperimentData, *, allow_leakage: bool) -> tuple[str, ...]:
    """What was allowed to leak into the trained models of a data set, or between them and its test split.

    Raises:
        LeakageError: a model has seen a patient or image of the test split, unless `allow_leakage`.
    """
    configs = trained_configs(data.results)
    held_out = data.held_out()
    found = check_apart(
        [(seen, held_out) for seen in models_seen(data, configs)], allow_leakage=allow_leakage,
        fix="The test split has changed since, or it was allowed then: train again.",
    )
    return tuple(dict.fromkeys((*data.leaks, *recorded_leaks(data.results, configs), *found)))


def models_seen(data: ExperimentData, configs: Iterable[str]) -> tuple[Exposure, ...]:
    """For each configuration what its trained folds have seen together, pretraining included."""
    return tuple(config_seen(data.raw, data.store, data.results, config) for config in configs)


def config_seen(raw: RawDataset, store: ScanStore, results: ResultsLayout, config: str) -> Exposure:
    """What all trained folds of a configuration have seen, 'all' among them."""
    seen = Exposure(f"{config} of {raw.name}" + (", or its pretraining," if config in IMAGING_CONFIGS else ""))
    for layout in fold_layouts(results, config):
        if layout.checkpoint_best.is_file():
            seen |= checkpoint_exposure(
                read_checkpoint(layout.checkpoint_best, made_by="rnnet_train", lazy=True), seen.name
            )
        elif layout.tabular_model.is_file():
            patients = set(load_tabular(layout.tabular_model).train_patient_ids)
            # Patients that the data set does not have any more count as well.
            gone = Exposure(seen.name, frozenset(f"{raw.name}/{p}" for p in patients))
            scans = (s for s in raw.scans if s.patient_id in patients)
            seen |= gone | raw_exposure(raw.layout, store, seen.name, scans)
    return seen


def recorded_leaks(results: ResultsLayout, configs: Iterable[str]) -> tuple[str, ...]:
    """What --allow_leakage let through when these configurations were trained, by the records of their runs."""
    leaks = [
        f"{config}: {leak}"
        for config in configs for layout in fold_layouts(results, config) for leak in read_leaks(layout.run_json)
    ]
    return tuple(dict.fromkeys(leaks))


def fold_layouts(results: ResultsLayout, config: str) -> tuple[FoldLayout, ...]:
    """The folders of all folds of a configuration that are there."""
    folders = sorted(p for p in results.config(config).glob("fold_*") if p.is_dir())
    return tuple(FoldLayout(p) for p in folders)
