"""The files behind a report: written by an evaluation, read by whoever draws the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnet.core.codec import read_artefact, write_artefact
from rnnet.core.errors import DatasetError, SettingError
from rnnet.core.files import write_text
from rnnet.core.workspace import CohortLayout, ReportLayout
from rnnet.dataset.cohort.report import CohortReport
from rnnet.evaluation.lesions import read_lesions, write_lesions
from rnnet.evaluation.results import EvaluatedLesion
from rnnet.evaluation.summary import Evaluation
from rnnet.reporting.facts import Cohorts, ReportFacts
from rnnet.reporting.render import metrics_csv
from rnnet.reporting.scores import Scores, scores_by_model

_MADE_BY = "rnnet_evaluate"


@dataclass(frozen=True, slots=True)
class StoredReport:
    """What a report is drawn from. scores: by test set and configuration. selection: of the cohort, where known."""

    evaluation: Evaluation
    facts: ReportFacts
    cohorts: Cohorts
    scores: Mapping[str, Mapping[str, Scores]]
    selection: CohortReport | None = None


def store_report(
    layout: ReportLayout, evaluation: Evaluation, facts: ReportFacts, cohorts: Cohorts,
    lesions: Sequence[EvaluatedLesion],
) -> None:
    """Write summary.json, metrics.csv, facts.json, cohorts.json and lesions.csv.

    Raises:
        SettingError: no summary.
        DatasetError: models of one subset that are not comparable, or another positive class than the plan's; nothing
            is written then.
    """
    if not evaluation.summaries:
        raise SettingError("There is no model to report.", fix="Run rnnet_train first.")
    for s in evaluation.summaries:
        if s.positive_outcome != facts.plan.positive_outcome:
            raise DatasetError(
                f"The figures of '{s.config}' are of the positive class {s.positive_outcome}, the plan's is "
                f"{facts.plan.positive_outcome}.", fix="Run rnnet_train and rnnet_evaluate again with this plan.",
            )
    metrics = metrics_csv(evaluation.summaries)
    write_artefact(layout.summary_json, evaluation)
    write_text(layout.metrics_csv, metrics)
    write_artefact(layout.facts_json, facts)
    write_artefact(layout.cohorts_json, cohorts)
    write_lesions(layout.lesions_csv, lesions, positive_outcome=facts.plan.positive_outcome)


def read_report(layout: ReportLayout) -> StoredReport:
    """The stored files of a report.

    Raises:
        MissingStageError: one of them is not there; the message names the command.
        FileFormatError: one of them cannot be read.
    """
    selection = None
    if layout.selection_json.is_file():
        selection = read_artefact(layout.selection_json, CohortReport, made_by="rnnet_select_cohort")
    return StoredReport(
        read_artefact(layout.summary_json, Evaluation, made_by=_MADE_BY),
        read_artefact(layout.facts_json, ReportFacts, made_by=_MADE_BY),
        read_artefact(layout.cohorts_json, Cohorts, made_by=_MADE_BY),
        scores_by_model(read_lesions(layout.lesions_csv)),
        selection,
    )


def keep_selection(layout: ReportLayout, cohort: CohortLayout) -> None:
    """Copy the account of a selection of the cohort beside the report.

    Raises:
        MissingStageError: there is no such account.
        FileFormatError: it cannot be read.
    """
    found = read_artefact(cohort.cohort_json, CohortReport, made_by="rnnet_select_cohort")
    write_artefact(layout.selection_json, found)
