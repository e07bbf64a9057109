"""How outcomes and centres are spread over the parts of a split, in lesions and patients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rnnet.core.types import Fold, LesionCase


@dataclass(frozen=True, slots=True)
class Count:
    """Lesions, and the patients that have them."""

    lesions: int
    patients: int

    def __str__(self) -> str:
        return f"{self.lesions} ({self.patients})"


@dataclass(frozen=True, slots=True)
class PartBalance:
    """Labelled lesions and patients of one part of a split.

    part: 'fold 0 training', 'fold 0 validation', ..., 'test', 'all'. A patient with lesions of both outcomes counts
    under both. by_outcome, by_center, by_both (outcome, centre): in the order of their names.
    """

    part: str
    total: Count
    by_outcome: tuple[tuple[str, Count], ...]
    by_center: tuple[tuple[str, Count], ...]
    by_both: tuple[tuple[tuple[str, str], Count], ...]


def split_balance(cases: Iterable[LesionCase], folds: Sequence[Fold]) -> tuple[PartBalance, ...]:
    """The balance of both sides of every fold, of the test split and of all labelled cases together."""
    labelled = [c for c in cases if c.outcome is not None]
    by_id = {c.case_id: c for c in labelled}
    parts: list[tuple[str, list[LesionCase]]] = []
    for fold in folds:
        parts.append((f"fold {fold.index} training", [by_id[i] for i in fold.train_case_ids]))
        parts.append((f"fold {fold.index} validation", [by_id[i] for i in fold.validation_case_ids]))
    parts += [("test", [c for c in labelled if c.split == "test"]), ("all", labelled)]
    outcomes = sorted({str(c.outcome) for c in labelled})
    centers = sorted({c.center for c in labelled})
    return tuple(_balance(name, part, outcomes, centers) for name, part in parts)


def balance_table(parts: Sequence[PartBalance], positive_outcome: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """(headers, rows) with 'lesions (patients)' in every cell; the positive class is named in its header."""
    first = parts[0]
    outcomes = [name + (" [positive class]" if name == positive_outcome else "") for name, _ in first.by_outcome]
    several = len(first.by_center) > 1
    headers = ["part", "lesions (patients)", *outcomes]
    if several:
        headers += [f"centre {name}" for name, _ in first.by_center]
        headers += [f"{outcome}, {center}" for (outcome, center), _ in first.by_both]
    rows = []
    for part in parts:
        counts = [part.total, *(count for _, count in part.by_outcome)]
        if several:
            counts += [count for _, count in (*part.by_center, *part.by_both)]
        rows.append((part.part, *map(str, counts)))
    return tuple(headers), rows


def _balance(name: str, cases: Sequence[LesionCase], outcomes: Sequence[str], centers: Sequence[str]) -> PartBalance:
    return PartBalance(
        part=name, total=_count(cases),
        by_outcome=tuple((o, _count(c for c in cases if c.outcome == o)) for o in outcomes),
        by_center=tuple((name, _count(c for c in cases if c.center == name)) for name in centers),
        by_both=tuple(
            ((o, name), _count(c for c in cases if c.outcome == o and c.center == name))
            for o in outcomes for name in centers
        ),
    )


def _count(cases: Iterable[LesionCase]) -> Count:
    found = list(cases)
    return Count(len(found), len({c.patient_id for c in found}))
