"""From stored results to pages."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rnnet.core.workspace import DEFAULT_PLAN, Workspace


def report(
    workspace: Workspace, dataset: int | str, *, plan_name: str = DEFAULT_PLAN, cohort: Path | None = None,
    label_sources: Sequence[str] = (),
) -> Path:
    """The report of an evaluated data set, drawn again from its stored files; returns the page.

    cohort: folder of rnnet_select_cohort, whose account is copied beside the report; the default is the data set's own.
    label_sources: the evaluation of the lesions of these sources alone.

    Raises:
        MissingStageError: there is no such evaluation; the message names the whole command.
    """
    from rnnet.core.errors import MissingStageError
    from rnnet.core.layouts import plan_option
    from rnnet.core.workspace import CohortLayout
    from rnnet.reporting.report import draw_report
    from rnnet.reporting.stored import keep_selection

    name = workspace.dataset_name(dataset)
    results = workspace.results_dataset(name, plan_name).of_selection(label_sources)
    if not results.report.summary_json.is_file():
        sources = f" --label_source {shlex.join(label_sources)}" if label_sources else ""
        raise MissingStageError(
            f"{name} has no evaluation under the plan '{plan_name}'{' of these label sources' if sources else ''}.",
            where=results.report.summary_json, fix=f"Run rnnet_evaluate {name}{plan_option(plan_name)}{sources}.",
        )
    own = CohortLayout(workspace.preprocessed_dataset(name).cohort)
    if cohort is not None or own.cohort_json.is_file():
        keep_selection(results.report, CohortLayout(cohort) if cohort is not None else own)
    return draw_report(results)
