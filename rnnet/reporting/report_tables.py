"""All tables of a report with their numbers: the published Tables 1 to 3, then the further ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rnnet.reporting.cohort_tables import cohort_tables
from rnnet.reporting.comparison_tables import comparison_tables
from rnnet.reporting.further_tables import decision_table, kept_table, label_tables, patient_tables, subgroup_tables
from rnnet.reporting.published_tables import further_tables, results_tables
from rnnet.reporting.repeats import control_tables, seed_tables
from rnnet.reporting.stored import StoredReport
from rnnet.reporting.table_view import NumberedTable, numbered
from rnnet.reporting.tables import Table

Tables = Mapping[str, tuple[NumberedTable, ...]]


def report_tables(stored: StoredReport) -> Tables:
    """The tables of each section of the page, in the order of the page; sections without a table are left out.

    Raises:
        DatasetError: models of one test set that must not stand in one table.
    """
    evaluation, facts = stored.evaluation, stored.facts
    by_outcome = [d for d in stored.cohorts.descriptions if d.by == "outcome"]
    others = [d for d in stored.cohorts.descriptions if d.by != "outcome"]
    decisions = decision_table({s.config: s.decision for s in evaluation.summaries if s.decision})
    published = {
        "cohort": [table for d in by_outcome for table in cohort_tables(d)],
        "results": list(results_tables(evaluation.summaries)),
        "comparisons": list(comparison_tables(evaluation.comparisons)),
    }
    further: dict[str, Iterable[Table]] = {
        "decisions": (decisions,) if decisions else (),
        "labels": label_tables(evaluation.label_shares),
        "controls": control_tables(evaluation.controls),
        "seeds": seed_tables(evaluation.seeds),
        "kept": [kept_table(kept, positive_outcome=facts.plan.positive_outcome) for kept in facts.kept],
        "figures": further_tables(evaluation.summaries),
        "patients": patient_tables(evaluation.summaries),
        "partitions": [table for d in others for table in cohort_tables(d)],
        "subgroups": subgroup_tables(evaluation.subgroups),
    }
    found = {name: numbered(str(n), tables) for n, (name, tables) in enumerate(published.items(), start=1) if tables}
    shown = {name: list(tables) for name, tables in further.items()}
    number = 0
    for name, tables in shown.items():
        if tables:
            number += 1
            found[name] = numbered(f"S{number}", tables)
    return found
