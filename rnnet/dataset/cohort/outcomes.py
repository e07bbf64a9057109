"""The outcome of every lesion: a day of radiation necrosis, growth without it, or what the rows say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from rnnet.dataset.cohort.candidates import PROGRESSION, RADIATION_NECROSIS, LesionScan

GROWTH_SOURCE = "growth by RANO-BM rule, no radiation necrosis recorded"


@dataclass(frozen=True, slots=True)
class LesionOutcome:
    """outcome: None where it is not known. contradiction: the outcomes that exclude each other, '' usually."""

    outcome: str | None = None
    label_source: str = ""
    contradiction: str = ""


def lesion_outcomes(
    rows: Iterable[LesionScan], *, days_of_necrosis: bool, grown: Collection[str]
) -> Mapping[str, LesionOutcome]:
    """The outcome of each lesion, by lesion_id.

    An outcome in a row holds for the lesion on all scans. With `days_of_necrosis` a day of radiation necrosis marks
    radiation necrosis, and a recorded lesion among `grown` with neither a day nor an outcome is progression.
    """
    found: dict[str, dict[str, str]] = {}
    grown_only: set[str] = set()
    for row in rows:
        outcomes = found.setdefault(row.lesion_id, {})
        if row.outcome is not None:
            outcomes.setdefault(row.outcome, row.label_source)
        if days_of_necrosis and row.radiation_necrosis_day is not None:
            source = f"clinical record: radiation necrosis on day {row.radiation_necrosis_day:g}"
            outcomes.setdefault(RADIATION_NECROSIS, source)
        # Without a record the silence about necrosis says nothing.
        if days_of_necrosis and row.recorded and row.lesion_id in grown:
            grown_only.add(row.lesion_id)
    for lesion_id in grown_only:
        if not found[lesion_id]:
            found[lesion_id][PROGRESSION] = GROWTH_SOURCE
    return {lesion_id: _one(outcomes) for lesion_id, outcomes in found.items()}


def _one(outcomes: Mapping[str, str]) -> LesionOutcome:
    if len(outcomes) > 1:
        return LesionOutcome(contradiction=" and ".join(sorted(outcomes)))
    for outcome, source in outcomes.items():
        return LesionOutcome(outcome, source)
    return LesionOutcome()
