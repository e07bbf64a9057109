"""An evaluated data set to the stored files of its report, and to the page that is drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rnnet.evaluation.repeat_results import ControlResult, SeedSpread
from rnnet.evaluation.results import EvaluatedLesion, ModelComparison
from rnnet.evaluation.summary import Evaluation, ModelSummary
from rnnet.experiment.data import ExperimentData
from rnnet.inference.external import ExternalResult
from rnnet.inference.unlike import UnlikeRuns
from rnnet.planning.center_distance import Comparison
from rnnet.reporting.collect import collect_cohorts, collect_facts
from rnnet.reporting.report import draw_report
from rnnet.reporting.stored import store_report


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
    comparisons: tuple[ModelComparison, ...] = ()


def write_evaluation(
    data: ExperimentData, evaluation: Evaluation, external: Mapping[str, ExternalResult],
    distances: Sequence[Comparison] = (), leaks: Sequence[str] = (), unlike: UnlikeRuns | None = None, *,
    lesions: Sequence[EvaluatedLesion],
) -> EvaluationReport:
    """Store everything that the report says in the evaluation folder of the data set, and draw the report.

    external: by name of the data set. distances: of the external data sets from the training data. leaks: of the
    models and their tests; those of the external data sets are added. unlike: runs that were not trained alike.
    lesions: what the figures were computed from.
    """
    leaks = tuple(dict.fromkeys((*leaks, *(leak for result in external.values() for leak in result.leaks))))
    facts = collect_facts(data, evaluation, external, distances, leaks, unlike or UnlikeRuns())
    store_report(data.results.report, evaluation, facts, collect_cohorts(data, list(external)), lesions)
    return EvaluationReport(
        evaluation.summaries, draw_report(data.results), external, leaks, evaluation.controls, evaluation.seeds,
        facts.warnings, evaluation.comparisons,
    )
