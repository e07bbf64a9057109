"""Pairs of names of one patient or places of one image, put together and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rnnet.core.codec import write_artefact
from rnnet.core.csv_text import csv_text
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
    """Names of one patient, or places of one image, and the pairs that tie them together, all of one certainty."""

    kind: Kind
    certainty: Certainty
    members: tuple[str, ...]
    pairs: tuple[Duplicate, ...]


@dataclass(frozen=True, slots=True)
class SharedFiles:
    """Two data sets that use the same images, as the column source_scan of one of them says. No duplicates."""

    first: str
    second: str
    n_images: int
    n_patients: int


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """What was compared and what was found.

    Attributes:
        frame: 'atlas' for preprocessed scans, 'head' for raw images.
        n_scans: by data set, all scans.
        n_hashed: by data set, the scans whose images could be compared by what they show.
        groups: what was found.
        voxels_only: by data set and reason, the scans that could be compared by equal voxels alone.
        not_compared: by data set and reason, the scans whose images could not be compared at all.
        shared: images that stand in two data sets by design.
    """

    frame: Literal["atlas", "head"]
    n_scans: Mapping[str, int]
    n_hashed: Mapping[str, int]
    groups: tuple[DuplicateGroup, ...]
    voxels_only: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    not_compared: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    shared: tuple[SharedFiles, ...] = ()


def groups_of(pairs: Iterable[Duplicate]) -> tuple[DuplicateGroup, ...]:
    """The pairs, those of one certainty that share a member put together, so that a certain group stays certain.

    Patients first, of each kind the certain groups first, then by the names of the members.
    """
    pairs = tuple(pairs)
    certainties: tuple[Certainty, ...] = ("certain", "likely")
    groups = [g for c in certainties for g in _tied([p for p in pairs if p.certainty == c], c)]
    return tuple(sorted(groups, key=lambda group: (group.kind != "patient", group.certainty, group.members)))


def _tied(pairs: Sequence[Duplicate], certainty: Certainty) -> list[DuplicateGroup]:
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
    return [
        DuplicateGroup(kind, certainty, tuple(sorted({e for p in found for e in (p.first, p.second)})), tuple(found))
        for (kind, _), found in tied.items()
    ]


def write_duplicates(layout: DuplicatesLayout, report: DuplicateReport) -> None:
    """duplicates.csv, a row for each pair, and duplicates.json, the whole report."""
    write_text(layout.duplicates_csv, csv_text(_COLUMNS, (
        (number, p.kind, p.certainty, p.first, p.second, p.first_patient, p.second_patient,
         None if p.distance is None else f"{p.distance:g}", p.reason)
        for number, group in enumerate(report.groups, start=1) for p in group.pairs
    )))
    write_artefact(layout.duplicates_json, report)
