"""The inclusion rules, each with how it was read and why a lesion on a scan does not pass it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rnnet.core.errors import DatasetError
from rnnet.dataset.cohort.candidates import Candidates, CohortSettings, LesionScan
from rnnet.dataset.cohort.outcomes import LesionOutcome


@dataclass(frozen=True, slots=True)
class Rule:
    """name: short. title: of those that pass. reading: how the rule was understood.

    applied: False where the source lacks what it needs; `reading` then says so. reason: why a row is excluded, '' if
    it passes.
    """

    name: str
    title: str
    reading: str
    reason: Callable[[LesionScan], str]
    parameters: Mapping[str, float | str | bool]
    applied: bool = True


def inclusion_rules(
    source: Candidates, settings: CohortSettings, *, nadirs_mm: Mapping[str, float], grown: frozenset[str],
    outcomes: Mapping[str, LesionOutcome],
) -> tuple[Rule, ...]:
    """The rules in the order in which they are applied.

    nadirs_mm: by case_id, NaN where there is none. grown: case_ids that pass the growth rule. outcomes: by lesion_id.

    Raises:
        DatasetError: radiosurgery is required and the source does not know of any.
    """
    rules = [
        Rule("measured", "Measured on a dated scan", f"Diameter: {source.diameter}.", _unmeasured,
             {"diameter": settings.diameter}),
        Rule("followed", "With an earlier measured scan",
             "An earlier day, on which the lesion was measured. The first scan is the baseline and never qualifies.",
             lambda row: "no earlier measured scan" if math.isnan(nadirs_mm[row.case_id]) else "", {}),
        _growth(settings, grown),
        _outcome(source, outcomes),
    ]
    if settings.require_srs:
        rules.append(_after_srs(source))
    return (*rules, _motion(source), _neighbours(source, settings, outcomes))


def treated_before(row: LesionScan) -> bool:
    """Whether a radiosurgery of the lesion is recorded on a day before the scan."""
    return row.day is not None and any(day < row.day for day in row.srs_days or ())


def _unmeasured(row: LesionScan) -> str:
    if not row.scan_id or math.isnan(row.diameter_mm):
        return row.unmeasured or "no diameter"
    return "the day of the scan is not known" if row.day is None else ""


def _growth(settings: CohortSettings, grown: frozenset[str]) -> Rule:
    limits = f"{100 * settings.relative:g} % and {settings.absolute_mm:g} mm"
    return Rule(
        "growth", f"Grown by at least {limits}",
        f"Growth of at least {limits}, both, over the nadir: the smallest diameter of the lesion on earlier scans, "
        "baseline included. The exact limits count. Scans that are excluded by a later rule still give a nadir.",
        lambda row: "" if row.case_id in grown else f"growth below {limits.replace('and', 'or')}",
        {"relative": settings.relative, "absolute_mm": settings.absolute_mm},
    )


def _outcome(source: Candidates, outcomes: Mapping[str, LesionOutcome]) -> Rule:
    def reason(row: LesionScan) -> str:
        found = outcomes[row.lesion_id]
        if found.contradiction:
            return "contradictory outcomes"
        return "" if found.outcome is not None else "outcome not known"

    reading = "The outcome of a lesion's rows holds for the lesion; rows that contradict each other exclude it."
    if source.days_of_necrosis:
        reading = (
            "A day of radiation necrosis, whenever it is, marks the lesion as radiation necrosis; growth of a lesion "
            f"without such a day marks progression. {reading}"
        )
    return Rule("outcome", "With a known outcome", reading, reason, {"days_of_necrosis": source.days_of_necrosis})


def _after_srs(source: Candidates) -> Rule:
    if not source.srs:
        raise DatasetError("It is not known when the lesions had radiosurgery.", where=source.source,
                           fix="Add the information column srs_day, or leave out --require_srs.")
    return Rule(
        "srs", "After radiosurgery of the lesion", "A radiosurgery of this lesion began on a day before the scan.",
        lambda row: "" if treated_before(row) else "no radiosurgery of the lesion before",
        {"require_srs": True},
    )


def _motion(source: Candidates) -> Rule:
    reading = (
        "The column motion says yes for scans with severe motion artefact; an empty cell means no."
        if source.motion else "Not applied: there is no column motion."
    )
    return Rule("motion", "Without severe motion artefact", reading,
                lambda row: "severe motion artefact" if row.motion else "", {}, source.motion)


def _neighbours(source: Candidates, settings: CohortSettings, outcomes: Mapping[str, LesionOutcome]) -> Rule:
    edge = f"{settings.cube_edge_mm:g} mm"

    def reason(row: LesionScan) -> str:
        own = outcomes[row.lesion_id].outcome
        for neighbour in row.neighbours or ():
            other = outcomes[neighbour]
            if other.contradiction or other.outcome not in (None, own):
                return "neighbour with the other outcome"
        return ""

    reading = (
        f"No voxel of a lesion with the other outcome in the cube of {edge} around the middle of the lesion's bounding "
        "box on this scan, along the axes of the patient. A neighbour whose outcome is not known does not conflict; "
        "one with contradictory outcomes does."
        if source.positions else "Not applied: the table has no positions."
    )
    return Rule("neighbours", f"No conflicting neighbour in the cube of {edge}", reading, reason,
                {"cube_edge_mm": settings.cube_edge_mm}, source.positions)
