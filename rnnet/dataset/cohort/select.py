"""The rules applied one after the other, with counts and reasons at each step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rnnet.dataset.cohort.candidates import Candidates, CohortSettings, LesionScan
from rnnet.dataset.cohort.counts import StepCounts, count_step
from rnnet.dataset.cohort.growth import nadirs_mm, qualifying_scans
from rnnet.dataset.cohort.outcomes import LesionOutcome, lesion_outcomes
from rnnet.dataset.cohort.rules import Rule, inclusion_rules

LATER_SCAN = "a later scan of a selected lesion"


@dataclass(frozen=True, slots=True)
class JudgedScan:
    """One lesion on one scan and what the rules say of it.

    nadir_mm: NaN without an earlier measured scan. outcome, label_source: of the lesion, after the outcome rule. rule,
    reason: the first rule that it does not pass, and why; both '' for a selected one.
    """

    scan: LesionScan
    nadir_mm: float
    outcome: str | None
    label_source: str
    rule: str = ""
    reason: str = ""

    @property
    def selected(self) -> bool:
        """Whether it is a sample of the cohort."""
        return not self.rule

    @property
    def growth_mm(self) -> float:
        """Diameter minus nadir; NaN where one of them is missing."""
        return self.scan.diameter_mm - self.nadir_mm


@dataclass(frozen=True, slots=True)
class CohortSelection:
    """Everything judged, in the order of the candidates; the rules; the counts after each, the candidates' first."""

    source: Candidates
    settings: CohortSettings
    rows: tuple[JudgedScan, ...]
    rules: tuple[Rule, ...]
    steps: tuple[StepCounts, ...]
    outcomes: Mapping[str, LesionOutcome]

    @property
    def selected(self) -> tuple[JudgedScan, ...]:
        """The samples of the cohort."""
        return tuple(row for row in self.rows if row.selected)


def select(source: Candidates, settings: CohortSettings) -> CohortSelection:
    """The cohort that the rules select from the candidates.

    With the unit 'lesion' the sample is the first scan that passes all rules: where the first scan with growth has a
    severe motion artefact, the next one that qualifies takes its place.

    Raises:
        DatasetError: radiosurgery is required and the source does not know of any.
        SettingError: a limit is negative.
    """
    settings.check()
    nadirs, grown = _growth(source.rows, settings)
    lesions_grown = {row.lesion_id for row in source.rows if row.case_id in grown}
    outcomes = lesion_outcomes(source.rows, days_of_necrosis=source.days_of_necrosis, grown=lesions_grown)
    rules = (
        *inclusion_rules(source, settings, nadirs_mm=nadirs, grown=grown, outcomes=outcomes),
        _unit_rule(settings),
    )
    by_lesion = {lesion_id: found.outcome for lesion_id, found in outcomes.items()}
    names = (source.positive_outcome, source.negative_outcome)
    left = source.rows
    steps = [count_step("candidates", "Lesions of the source", left, {}, by_lesion, names)]
    failed: dict[str, tuple[str, str]] = {}
    for rule in rules:
        reasons = {}
        if rule.name == "unit":
            reasons = _later_scans(left) if settings.unit == "lesion" else {}
        elif rule.applied:
            reasons = {row.case_id: reason for row in left if (reason := rule.reason(row))}
        steps.append(count_step(rule.name, rule.title, left, reasons, by_lesion, names, applied=rule.applied))
        failed |= {case_id: (rule.name, reason) for case_id, reason in reasons.items()}
        left = tuple(row for row in left if row.case_id not in reasons)
    rows = tuple(
        JudgedScan(row, nadirs[row.case_id], outcomes[row.lesion_id].outcome, outcomes[row.lesion_id].label_source,
                   *failed.get(row.case_id, ("", "")))
        for row in source.rows
    )
    return CohortSelection(source, settings, rows, rules, tuple(steps), outcomes)


def _growth(rows: Iterable[LesionScan], settings: CohortSettings) -> tuple[dict[str, float], frozenset[str]]:
    """(nadir of every row by case_id, case_ids of rows that have grown enough)."""
    series: dict[str, list[LesionScan]] = {}
    nadirs: dict[str, float] = {}
    for row in rows:
        nadirs[row.case_id] = float("nan")
        if row.day is not None:
            series.setdefault(row.lesion_id, []).append(row)
    grown = set()
    for scans in series.values():
        days = [row.day for row in scans if row.day is not None]
        diameters = [row.diameter_mm for row in scans]
        qualifying = qualifying_scans(days, diameters, relative=settings.relative, absolute_mm=settings.absolute_mm)
        for row, nadir, grows in zip(scans, nadirs_mm(days, diameters), qualifying, strict=True):
            nadirs[row.case_id] = nadir
            if grows:
                grown.add(row.case_id)
    return nadirs, frozenset(grown)


def _unit_rule(settings: CohortSettings) -> Rule:
    reading = (
        "One sample per lesion: its first scan that passes all rules." if settings.unit == "lesion"
        else "One sample per lesion on a scan: every scan that passes all rules. Samples of one lesion depend on each "
        "other; they must stay on one side of every split, as all samples of a patient."
    )
    return Rule("unit", f"Selected; sample unit: {settings.unit}", reading, lambda _: "",
                {"unit": settings.unit})


def _later_scans(rows: Iterable[LesionScan]) -> dict[str, str]:
    """Reasons by case_id of all but the first scan of each lesion."""
    first: dict[str, LesionScan] = {}
    later = []
    for row in sorted(rows, key=lambda r: r.day or 0.0):
        if first.setdefault(row.lesion_id, row) is not row:
            later.append(row.case_id)
    return dict.fromkeys(later, LATER_SCAN)
