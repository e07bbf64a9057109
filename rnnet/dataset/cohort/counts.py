"""Counting lesions, lesions on scans, and patients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rnnet.dataset.cohort.candidates import LesionScan

UNKNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class Counts:
    """lesion_scans: lesions on scans. A patient with lesions of both outcomes counts under both."""

    lesions: int = 0
    lesion_scans: int = 0
    patients: int = 0


@dataclass(frozen=True, slots=True)
class StepCounts:
    """What is left after one rule, and what it took away.

    by_outcome: positive outcome first; the last one is 'not_known'. excluded: reason to number of lesions on scans.
    lost: lesions and patients of which nothing is left, and all lesions on scans, that the rule took away.
    """

    rule: str
    title: str
    applied: bool
    left: Counts
    by_outcome: Mapping[str, Counts]
    excluded: Mapping[str, int] = field(default_factory=dict)
    lost: Counts = Counts()


def count(rows: Iterable[LesionScan]) -> Counts:
    """Counts of rows; one without a scan counts as a lesion only."""
    kept = list(rows)
    return Counts(
        len({r.lesion_id for r in kept}), sum(r.scan_id != "" for r in kept), len({r.patient_id for r in kept})
    )


def count_step(
    rule: str, title: str, before: Sequence[LesionScan], reasons: Mapping[str, str], outcomes: Mapping[str, str | None],
    names: Sequence[str], *, applied: bool = True,
) -> StepCounts:
    """Counts of a rule that takes away the rows with a reason.

    reasons: by case_id, of excluded rows only. outcomes: by lesion_id. names: the outcomes in order.
    """
    left = [r for r in before if r.case_id not in reasons]
    left_counts, before_counts = count(left), count(before)
    return StepCounts(
        rule, title, applied, left_counts,
        {
            name or UNKNOWN: count(r for r in left if outcomes.get(r.lesion_id) == name)
            for name in (*names, None)
        },
        dict(Counter(reasons[r.case_id] for r in before if r.case_id in reasons)),
        Counts(*(
            getattr(before_counts, f) - getattr(left_counts, f) for f in ("lesions", "lesion_scans", "patients")
        )),
    )
