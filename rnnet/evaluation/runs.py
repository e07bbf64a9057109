"""From the prediction files of all trained configurations to their summaries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from rnnet.core.codec import write_artefact
from rnnet.core.errors import MissingStageError, SettingError
from rnnet.core.log import get_logger
from rnnet.core.types import CONFIGS, LesionPrediction
from rnnet.core.workspace import ResultsLayout, trained_folds
from rnnet.evaluation.decision import Decision, fit_threshold
from rnnet.evaluation.predictions import out_of_fold, read_predictions
from rnnet.evaluation.repeats import control_results, seed_spreads, trained_controls
from rnnet.evaluation.summary import (
    CROSS_VALIDATION,
    SAME_CENTER_TEST,
    Evaluation,
    ModelSummary,
    outcomes_and_probabilities,
    subset_file,
    summarise,
)
from rnnet.experiment.data import ExperimentData

log = get_logger(__name__)


def trained_configs(results: ResultsLayout) -> tuple[str, ...]:
    """Configurations with at least one trained fold, in the order of the published tables."""
    return tuple(c for c in CONFIGS if any(results.config(c).glob("fold_[0-9]*/predictions_validation.csv")))


def decide(results: ResultsLayout, config: str, positive_outcome: str) -> Decision:
    """The configuration's threshold, fixed on its out-of-fold predictions and stored beside its folds.

    Raises:
        MissingStageError: no fold is trained.
    """
    folds = trained_folds(results, config, f"rnnet_train DATASET FOLD -c {config}")
    predictions = out_of_fold([read_predictions(results.fold(config, f).predictions("validation")) for f in folds])
    y, p = outcomes_and_probabilities(predictions)
    decision = fit_threshold(y.tolist(), p.tolist(), positive_outcome=positive_outcome)
    write_artefact(results.decision_json(config), decision)
    return decision


def summarise_all(
    data: ExperimentData, external: Sequence[str], left_out: Collection[Path] = ()
) -> Evaluation:
    """Summaries of every trained configuration by cross-validation, on the test split and on external data sets.

    With them the negative controls, and the spread over seeds of whatever was trained with several. left_out: folders
    of controls and further runs that were not trained as the model beside which they would stand.

    Raises:
        MissingStageError: nothing is trained.
    """
    configs = trained_configs(data.results)
    if not configs:
        raise MissingStageError(
            "No configuration is trained.", where=data.results.folder, fix=f"Run rnnet_train {data.name} 0."
        )
    summaries = []
    subsets = (CROSS_VALIDATION, SAME_CENTER_TEST, *external)
    for config in configs:
        decision = decide(data.results, config, data.plan.positive_outcome)
        for subset in subsets:
            summaries += _summary(data, config, subset, decision)
    controls = control_results(data.results, subsets, data.plan, left_out)
    seeds = seed_spreads(data.results, (*configs, *trained_controls(data.results)), subsets, data.plan, left_out)
    return Evaluation(data.name, data.plan.name, tuple(summaries), controls, seeds)


def _summary(data: ExperimentData, config: str, subset: str, decision: Decision) -> list[ModelSummary]:
    """The summary as a list of one, or of none where the subset has no predictions or one outcome only."""
    folds = trained_folds(data.results, config, "rnnet_train")
    predictions: dict[int, tuple[LesionPrediction, ...]] = {}
    for fold in folds:
        path = data.results.fold(config, fold).predictions(subset_file(subset))
        if path.is_file():
            predictions[int(fold)] = read_predictions(path, positive_outcome=data.plan.positive_outcome)
    if not predictions:
        return []
    try:
        return [
            summarise(
                config, subset, list(predictions.values()), fold_numbers=list(predictions),
                threshold=decision.threshold,
                positive_outcome=data.plan.positive_outcome, negative_outcome=data.plan.negative_outcome,
                seed=data.plan.seed,
            )
        ]
    except SettingError as error:
        log.warning("%s on %s is left out: %s", config, subset, error)
        return []
