"""What further trainings of a model show: its negative controls, and the spread over seeds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from rnnet.core.codec import read_artefact
from rnnet.core.layouts import control_config, split_control
from rnnet.core.log import get_logger
from rnnet.core.provenance import RunRecord
from rnnet.core.types import CONTROLS, IMAGING_CONFIGS, LesionPrediction
from rnnet.core.workspace import FoldLayout, ResultsLayout, trained_folds
from rnnet.evaluation.predictions import read_predictions
from rnnet.evaluation.repeat_results import ControlResult, SeedSpread
from rnnet.evaluation.statistics import Interval, auc, clustered_bootstrap
from rnnet.evaluation.summary import outcomes_and_probabilities, pooled_predictions, subset_file, title_of
from rnnet.planning.plan import ExperimentPlan

log = get_logger(__name__)


def trained_controls(results: ResultsLayout) -> tuple[str, ...]:
    """Names of the negative controls that have out-of-fold predictions, as control_config makes them."""
    names = (control_config(config, control) for config in IMAGING_CONFIGS for control in CONTROLS)
    return tuple(name for name in names if results.validated_folds(name))


def control_results(
    results: ResultsLayout, subsets: Sequence[str], plan: ExperimentPlan, left_out: Collection[Path] = ()
) -> tuple[ControlResult, ...]:
    """Every negative control on every subset for which it has predictions of both outcomes.

    left_out: folders of runs that were not trained as the model was.
    """
    found = []
    for name in trained_controls(results):
        config, control = split_control(name)
        for subset in subsets:
            trained = [results.fold(name, f) for f in trained_folds(results, name, "rnnet_train")]
            folds = _folds_with([layout for layout in trained if layout.folder not in left_out], subset)
            own = [results.fold(name, f) for f in folds]
            measured = _auc_of(own, subset, control, plan)
            if measured is None:
                continue
            interval, n_positive, n_negative = measured
            model = [results.fold(config, f) for f in folds]
            is_there = len(_folds_with(model, subset)) == len(folds)
            of_model = _auc_of(model, subset, "", plan) if is_there else None
            found.append(ControlResult(
                config, control, subset, title_of(subset), plan.positive_outcome, n_positive, n_negative, folds,
                interval, of_model[0] if of_model else None, plan.negative_outcome,
            ))
    return tuple(found)


def seed_spreads(
    results: ResultsLayout, configs: Sequence[str], subsets: Sequence[str], plan: ExperimentPlan,
    left_out: Collection[Path] = (),
) -> tuple[SeedSpread, ...]:
    """The spread over seeds of every configuration or control that was trained with several.

    Of its folds those that were trained more than once, with the seeds that all of them have. left_out: folders of
    runs that were not trained as the first run of their fold.
    """
    found = []
    for config in configs:
        runs = {fold.name: _runs(fold, left_out) for fold in results.validated_folds(config)}
        repeated = {f: by_seed for f, by_seed in runs.items() if len(by_seed) > 1}
        if not repeated:
            continue
        seeds = sorted(set.intersection(*(set(by_seed) for by_seed in repeated.values())))
        for subset in subsets:
            spread = _spread(config, subset, repeated, seeds, plan)
            found += [spread] if spread is not None else []
    return tuple(found)


def _spread(
    config: str, subset: str, runs: dict[str, dict[int, FoldLayout]], seeds: Sequence[int], plan: ExperimentPlan
) -> SeedSpread | None:
    aucs: dict[int, float] = {}
    counts = (0, 0)
    for seed in seeds:
        layouts = [by_seed[seed] for by_seed in runs.values()]
        if len(_folds_with(layouts, subset)) < len(layouts):
            continue
        y, p = outcomes_and_probabilities(_known(layouts, subset, split_control(config)[1], plan))
        if 0 < int(y.sum()) < len(y):
            aucs[seed] = float(auc(y, p, np.ones((1, len(y))))[0])
            counts = int(y.sum()), int(len(y) - y.sum())
    if len(aucs) < 2:
        log.debug("%s on %s: fewer than two seeds have predictions.", config, subset)
        return None
    return SeedSpread(
        config, subset, title_of(subset), plan.positive_outcome, *counts, tuple(runs), tuple(aucs),
        tuple(aucs.values()), plan.negative_outcome,
    )


def _runs(layout: FoldLayout, left_out: Collection[Path]) -> dict[int, FoldLayout]:
    """By seed, the first run of a fold and the further ones that are predicted."""
    further = {
        seed: run for seed, run in layout.seeds().items()
        if run.folder not in left_out and run.predictions("validation").is_file()
    }
    if not further or not layout.predictions("validation").is_file():
        return {}
    first = read_artefact(layout.run_json, RunRecord, made_by="rnnet_train").seed
    return {**further, first: layout}


def _folds_with(layouts: Sequence[FoldLayout], subset: str) -> tuple[str, ...]:
    return tuple(
        layout.name for layout in layouts
        if layout.predictions(subset_file(subset)).is_file()
    )


def _known(
    layouts: Sequence[FoldLayout], subset: str, control: str, plan: ExperimentPlan
) -> list[LesionPrediction]:
    """The layouts' predictions together, of the lesions whose outcome is known."""
    folds = [
        read_predictions(
            layout.predictions(subset_file(subset)), positive_outcome=plan.positive_outcome, control=control
        )
        for layout in layouts
    ]
    return [p for p in pooled_predictions(subset, folds) if p.outcome is not None]


def _auc_of(
    layouts: Sequence[FoldLayout], subset: str, control: str, plan: ExperimentPlan
) -> tuple[Interval, int, int] | None:
    """AUC with its interval by patient, and the lesions of each outcome; None without predictions of both outcomes."""
    if not layouts:
        return None
    known = _known(layouts, subset, control, plan)
    y, p = outcomes_and_probabilities(known)
    patients = [k.patient_id for k in known]
    if not 0 < int(y.sum()) < len(y) or len(set(patients)) < 2:
        return None
    interval = clustered_bootstrap(y, p, patients, auc, seed=plan.seed)
    return interval, int(y.sum()), int(len(y) - y.sum())
