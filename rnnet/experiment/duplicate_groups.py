"""Pairs of names of one patient or places of one image, put together and written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from rnnet.core.codec import write_artefact
from rnnet.core.files import write_text
from rnnet.core.workspace import DuplicatesLayout

Kind = Literal["patient", "image"]
Certainty = Literal["certain", "likely"]
_COLUMNS = (
    "group", "kind", "certainty", "first", "second", "first_patient", "second_patient", "distance", "reason",
)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Two names of one patient, or two places of one image.

    first, second: the qualified patient or scan ('Dataset001_X/P001'). distance: of the image hashes, None where they
    did not tell.
    """

    kind: Kind
    certainty: Certainty
    first: str
    second: str
    reason: str
    first_patient: str
    second_patient: str
    distance: float | None = None


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """All names of one patient, or all places of one image, and the pairs that tie them together.

    certainty: 'likely' as soon as one pair is.
    """

    kind: Kind
    certainty: Certainty
    members: tuple[str, ...]
    pairs: tuple[Duplicate, ...]


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """What was compared and what was found.

    frame: 'atlas' for preprocessed scans, 'head' for raw images. n_scans, n_hashed: by data set, all scans and those
    whose images could be compared.
    """

    frame: Literal["atlas", "head"]
    n_scans: Mapping[str, int]
    n_hashed: Mapping[str, int]
    groups: tuple[DuplicateGroup, ...]


def groups_of(pairs: Iterable[Duplicate]) -> tuple[DuplicateGroup, ...]:
    """The pairs, those that share a member put together: patients first, then by the names of the members."""
    pairs = tuple(pairs)
    leader: dict[tuple[Kind, str], str] = {}

    def root(kind: Kind, name: str) -> str:
        while (above := leader.setdefault((kind, name), name)) != name:
            name = above
        return name

    for pair in pairs:
        leader[pair.kind, root(pair.kind, pair.second)] = root(pair.kind, pair.first)
    tied: dict[tuple[Kind, str], list[Duplicate]] = {}
    for pair in pairs:
        tied.setdefault((pair.kind, root(pair.kind, pair.first)), []).append(pair)
    groups = [
        DuplicateGroup(
            kind, "likely" if any(p.certainty == "likely" for p in found) else "certain",
            tuple(sorted({end for p in found for end in (p.first, p.second)})), tuple(found),
        )
        for (kind, _), found in tied.items()
    ]
    return tuple(sorted(groups, key=lambda group: (group.kind != "patient", group.members)))


def write_duplicates(layout: DuplicatesLayout, report: DuplicateReport) -> None:
    """duplicates.csv, a row for each pair, and duplicates.json, the whole report."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for number, group in enumerate(report.groups, start=1):
        for p in group.pairs:
            distance = "" if p.distance is None else f"{p.distance:g}"
            writer.writerow([number, p.kind, p.certainty, p.first, p.second, p.first_patient, p.second_patient,
                             distance, p.reason])
    write_text(layout.duplicates_csv, text.getvalue())
    write_artefact(layout.duplicates_json, report)
