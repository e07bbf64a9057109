"""From the prediction files of all trained configurations to everything that an evaluation says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnnet.core.errors import MissingStageError, SettingError, UnknownComponentError
from rnnet.core.log import get_logger
from rnnet.core.types import CONFIGS, LesionPrediction
from rnnet.core.workspace import ResultsLayout, trained_folds
from rnnet.evaluation.case_facts import LABEL_SOURCE, Facts, label_sources
from rnnet.evaluation.comparison import FoldSizes, chosen_pairs, compare_models
from rnnet.evaluation.deciding import Decisions, cross_decisions, decide
from rnnet.evaluation.label_shares import label_share_results
from rnnet.evaluation.lesions import evaluated_lesions
from rnnet.evaluation.predictions import read_predictions
from rnnet.evaluation.repeats import control_results, seed_spreads, trained_controls
from rnnet.evaluation.results import EvaluatedLesion
from rnnet.evaluation.subgroups import subgroup_results
from rnnet.evaluation.summary import (
    CROSS_VALIDATION,
    SAME_CENTER_TEST,
    Evaluation,
    ModelSummary,
    subset_file,
    summarise,
    title_of,
)
from rnnet.experiment.data import ExperimentData

log = get_logger(__name__)
# Of one configuration on one test set, by fold.
FoldPredictions = dict[int, tuple[LesionPrediction, ...]]


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """What is evaluated.

    external: names of other data sets. facts: by name of the data set, the subgroups of its cases. compare: the models
    to compare; see comparison.chosen_pairs. label_sources: only lesions whose outcome comes from one of them; all by
    default. left_out: folders of controls and further runs that were not trained as the model beside which they would
    stand.
    """

    facts: Mapping[str, Facts]
    external: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    label_sources: tuple[str, ...] = ()
    left_out: Collection[Path] = field(default=())


def trained_configs(results: ResultsLayout) -> tuple[str, ...]:
    """Configurations with at least one trained fold, in the order of the published tables."""
    return tuple(config for config in CONFIGS if results.validated_folds(config))


def summarise_all(
    data: ExperimentData, request: EvaluationRequest
) -> tuple[Evaluation, tuple[EvaluatedLesion, ...]]:
    """Everything that the trained configurations show by cross-validation, on the test split and on external data sets.

    With it every lesion as every configuration sees it. Negative controls and seeds are of all lesions; with
    `label_sources` they are left out.

    Raises:
        MissingStageError: nothing is trained, or a configuration to compare is not.
        UnknownComponentError: a label source that no case has.
        DatasetError: configurations that are compared have not predicted the same lesions.
        SettingError: not one test set has lesions of both outcomes.
    """
    configs = trained_configs(data.results)
    if not configs:
        raise MissingStageError(
            "No configuration is trained.", where=data.results.folder, fix=f"Run rnnet_train {data.name} 0."
        )
    pairs = chosen_pairs(configs, request.compare)
    _check_sources(request)
    subsets = (CROSS_VALIDATION, SAME_CENTER_TEST, *request.external)
    decisions = {config: _decisions(data, config) for config in configs}
    evaluation = Evaluation(data.name, data.plan.name, (), label_sources=request.label_sources)
    lesions: list[EvaluatedLesion] = []
    for subset in subsets:
        found = _evaluate_subset(data, subset, decisions, request)
        own = {config: of_config for config, (_, of_config) in found.items()}
        evaluation = replace(
            evaluation,
            summaries=(*evaluation.summaries, *(summary for summary, _ in found.values())),
            subgroups=(*evaluation.subgroups, *(r for x in own.values() for r in subgroup_results(x, data.plan))),
            comparisons=(*evaluation.comparisons, *compare_models(
                pairs, own, {c: s for c, (s, _) in found.items()}, _fold_sizes(data), seed=data.plan.seed)),
        )
        lesions += [lesion for of_config in own.values() for lesion in of_config]
    if not evaluation.summaries:
        raise SettingError("No test set has lesions of both outcomes to evaluate.", where=data.results.folder,
                           fix="Evaluate more lesions, or those of other label sources.")
    if not request.label_sources:
        evaluation = _with_further(evaluation, data, configs, subsets, request.left_out)
    return evaluation, tuple(lesions)


def _with_further(
    evaluation: Evaluation, data: ExperimentData, configs: Sequence[str], subsets: Sequence[str],
    left_out: Collection[Path],
) -> Evaluation:
    """With controls, seeds and shares of the labels."""
    trained = (*configs, *trained_controls(data.results))
    return replace(
        evaluation,
        controls=control_results(data.results, subsets, data.plan, left_out),
        seeds=seed_spreads(data.results, trained, subsets, data.plan, left_out),
        label_shares=label_share_results(data, configs, subsets),
    )


def _evaluate_subset(
    data: ExperimentData, subset: str, decisions: Mapping[str, Decisions], request: EvaluationRequest
) -> dict[str, tuple[ModelSummary, tuple[EvaluatedLesion, ...]]]:
    """Summary and lesions of every configuration that has figures there."""
    facts = request.facts.get(subset if subset in request.external else data.name, {})
    results = {
        config: _evaluate(data, config, subset, of_config, facts, request.label_sources)
        for config, of_config in decisions.items()
    }
    return {config: result for config, result in results.items() if result is not None}


def _check_sources(request: EvaluationRequest) -> None:
    known = label_sources(of_case for facts in request.facts.values() for of_case in facts.values())
    for source in request.label_sources:
        if source not in known:
            raise UnknownComponentError.of("label source", source, known)


def _decisions(data: ExperimentData, config: str) -> Decisions:
    """Of all out-of-fold predictions, whatever lesions are evaluated: they are what was there when it was fixed."""
    by_fold = _read(data, config, CROSS_VALIDATION)
    return Decisions(decide(data.results, config, data.plan), cross_decisions(by_fold, data.plan))


def _read(data: ExperimentData, config: str, subset: str) -> FoldPredictions:
    found: FoldPredictions = {}
    for fold in trained_folds(data.results, config, "rnnet_train"):
        path = data.results.fold(config, fold).predictions(subset_file(subset))
        if path.is_file():
            found[int(fold)] = read_predictions(path, positive_outcome=data.plan.positive_outcome)
    return found


def _evaluate(
    data: ExperimentData, config: str, subset: str, decisions: Decisions, facts: Facts, sources: Sequence[str]
) -> tuple[ModelSummary, tuple[EvaluatedLesion, ...]] | None:
    """Summary and lesions; None where the subset has no predictions, or one outcome only."""
    by_fold = _read(data, config, subset)
    if sources:
        by_fold = {fold: _of_sources(predictions, facts, sources) for fold, predictions in by_fold.items()}
    if not by_fold:
        return None
    title = title_of(subset) + (f", outcome by {' or '.join(sources)}" if sources else "")
    try:
        summary = summarise(
            config, subset, list(by_fold.values()), fold_numbers=list(by_fold), decisions=decisions,
            positive_outcome=data.plan.positive_outcome, negative_outcome=data.plan.negative_outcome,
            seed=data.plan.seed, subset_title=title,
        )
    except SettingError as error:
        log.warning("%s on %s is left out: %s", config, subset, error)
        return None
    return summary, evaluated_lesions(
        config, subset, by_fold, decisions, is_cross_validation=subset == CROSS_VALIDATION, facts=facts)


def _of_sources(
    predictions: Sequence[LesionPrediction], facts: Facts, sources: Sequence[str]
) -> tuple[LesionPrediction, ...]:
    return tuple(p for p in predictions if facts.get(p.case_id, {}).get(LABEL_SOURCE) in sources)


def _fold_sizes(data: ExperimentData) -> FoldSizes:
    sides = {f.index: data.sides(f.index) for f in data.folds}
    return FoldSizes(*({n: len(side[i]) for n, side in sides.items()} for i in (0, 1)))
