"""The account of a selection: rules, counts and doubts, as cohort.json and selection.csv keep them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnet.core.codec import write_artefact
from rnnet.core.csv_text import csv_text
from rnnet.core.files import write_text
from rnnet.core.workspace import CohortLayout
from rnnet.dataset.cohort.ambiguous import AmbiguousRow, ambiguous_rows
from rnnet.dataset.cohort.candidates import UNIT_TITLES, CohortSettings, Unit
from rnnet.dataset.cohort.counts import Counts, StepCounts, count
from rnnet.dataset.cohort.rules import treated_before
from rnnet.dataset.cohort.select import CohortSelection, JudgedScan
from rnnet.dataset.cohort.srs_share import LEVEL, SRS_WARNING, srs_note, srs_share_p

COLUMNS = (
    "case_id", "lesion_id", "patient_id", "scan_id", "day", "unit", "selected", "rule", "reason", "diameter_mm",
    "nadir_mm", "growth_mm", "growth_percent", "outcome", "label_source", "radiation_necrosis_day", "srs_days",
)


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """A rule as it was applied, or why it was not."""

    name: str
    title: str
    applied: bool
    reading: str
    parameters: Mapping[str, float | str | bool]


@dataclass(frozen=True, slots=True)
class CohortReport:
    """Content of cohort.json.

    without_srs: samples with no radiosurgery of the lesion before; None if not known. without_srs_p: of Fisher's exact
    test of their shares by outcome. warnings: what would mislead a model that is trained on the samples.
    rules, steps: in the order of application; steps begin with the candidates. failures: scans that could not be
    measured.
    """

    source: str
    unit: Unit
    unit_title: str
    positive_outcome: str
    negative_outcome: str
    diameter: str
    settings: CohortSettings
    rules: tuple[RuleRecord, ...]
    steps: tuple[StepCounts, ...]
    without_srs: Counts | None = None
    without_srs_by_outcome: Mapping[str, Counts] | None = None
    without_srs_p: float | None = None
    warnings: tuple[str, ...] = ()
    ambiguous: tuple[AmbiguousRow, ...] = ()
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def selected(self) -> StepCounts:
        """Counts of the samples."""
        return self.steps[-1]

    @property
    def srs_note(self) -> str:
        """How many samples have no radiosurgery before, by outcome.

        '' where the source does not know of any, nothing was selected, or each sample must have one.
        """
        if self.without_srs_by_outcome is None or not self.selected.left.lesion_scans or self.settings.require_srs:
            return ""
        return srs_note(self.without_srs_by_outcome, self.selected.by_outcome, self.without_srs_p,
                        positive_outcome=self.positive_outcome)


def report_of(selection: CohortSelection) -> CohortReport:
    """The account of a selection."""
    source, settings = selection.source, selection.settings
    outcomes = (source.positive_outcome, source.negative_outcome)
    untreated = [row for row in selection.selected if not treated_before(row.scan)] if source.srs else None
    by_outcome = None if untreated is None else {
        o: count(r.scan for r in untreated if r.outcome == o) for o in outcomes
    }
    p = None if by_outcome is None else srs_share_p(by_outcome, selection.steps[-1].by_outcome)
    return CohortReport(
        source.source, settings.unit, UNIT_TITLES[settings.unit], *outcomes, source.diameter, settings,
        tuple(RuleRecord(r.name, r.title, r.applied, r.reading, r.parameters) for r in selection.rules),
        selection.steps,
        None if untreated is None else count(row.scan for row in untreated),
        by_outcome, p, (*_nothing_left(selection.steps), *((SRS_WARNING,) if p is not None and p < LEVEL else ())),
        ambiguous_rows(selection), source.notes, source.failures,
    )


def _nothing_left(steps: Sequence[StepCounts]) -> tuple[str, ...]:
    """Which rule took the last sample; nothing if samples are left."""
    if steps[-1].left.lesions:
        return ()
    first = next(step for step in steps if not step.left.lesions)
    return (f"Nothing was selected. After the step '{first.title}' no lesion was left.",)


def write_report(layout: CohortLayout, selection: CohortSelection, report: CohortReport) -> None:
    """selection.csv, one row per candidate, and cohort.json."""
    write_text(layout.selection_csv, csv_text(COLUMNS, (_cells(row, report.unit) for row in selection.rows)))
    write_artefact(layout.cohort_json, report)


def _cells(row: JudgedScan, unit: str) -> list[str]:
    scan = row.scan
    # Growth over a lesion that had vanished has no percentage.
    percent = 100 * row.growth_mm / row.nadir_mm if row.nadir_mm > 0 else math.nan
    return [
        scan.case_id, scan.lesion_id, scan.patient_id, scan.scan_id, _number(scan.day), unit,
        "yes" if row.selected else "no", row.rule, row.reason, _number(scan.diameter_mm), _number(row.nadir_mm),
        _number(row.growth_mm), _number(percent), row.outcome or "", row.label_source,
        _number(scan.radiation_necrosis_day), ";".join(_number(day) for day in scan.srs_days or ()),
    ]


def _number(value: float | None) -> str:
    """At most three decimals; empty where there is no value."""
    if value is None or math.isnan(value):
        return ""
    return f"{value:.3f}".rstrip("0").rstrip(".")
