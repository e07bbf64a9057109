"""Which scans pretraining must not see: of held-out patients under any name, and copies."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Literal

from rnnet.core.types import Scan
from rnnet.core.workspace import RawLayout
from rnnet.dataset.cases_table import source_of
from rnnet.dataset.image_hash import matches
from rnnet.dataset.leakage import Exposure, overlaps
from rnnet.dataset.leakage_sources import scans_exposure

Reason = Literal[
    "held-out patient", "held-out patient under another name", "image of a held-out patient", "copy of another scan"
]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A scan that is not used. same_as: the qualified patient or scan ('Dataset001_X/P001') that it is the same as."""

    dataset: str
    scan_id: str
    patient_id: str
    reason: Reason
    same_as: str = ""


@dataclass(frozen=True, slots=True)
class PoolScan:
    """A scan of one of several data sets. image_hash: '' where it is not known."""

    dataset: str
    layout: RawLayout
    scan: Scan
    image_hash: str = ""

    @property
    def patient(self) -> str:
        """Unique over data sets."""
        return f"{self.dataset}/{self.scan.patient_id}"

    @property
    def qualified(self) -> str:
        """The scan's id, unique over data sets."""
        return f"{self.dataset}/{self.scan.scan_id}"

    def left_out(self, reason: Reason, same_as: str = "") -> LeftOut:
        """The scan as one that is not used."""
        return LeftOut(self.dataset, self.scan.scan_id, self.scan.patient_id, reason, same_as)


def of_held_out_patients(scans: Sequence[PoolScan], held_out: Mapping[str, Collection[str]]) -> list[LeftOut]:
    """Scans of the held-out patients (patient ids by data set), and of those who are the same people elsewhere.

    The same by other_ids.csv, by the id that a converter gave, or by one image; then all scans of that patient.
    """
    found = [s.left_out("held-out patient") for s in scans if s.scan.patient_id in held_out[s.dataset]]
    dropped = [s for s in scans if s.scan.patient_id in held_out[s.dataset]]
    staying = [s for s in scans if s.scan.patient_id not in held_out[s.dataset]]
    while dropped and staying:  # who is found has other names and images in turn
        same = _same_people(staying, dropped)
        found += [s.left_out(*same[s.patient]) for s in staying if s.patient in same]
        dropped = [s for s in staying if s.patient in same]
        staying = [s for s in staying if s.patient not in same]
    return found


def copies(scans: Sequence[PoolScan]) -> list[LeftOut]:
    """Scans that show what an earlier one shows. Follow-up scans of a patient of one data set are none of each other.

    Of several scans of a patient that look like one earlier scan, only the nearest is its copy: the others are
    follow-up scans.
    """
    found: dict[int, LeftOut] = {}
    taken: set[tuple[int, str]] = set()
    first_at: dict[str, int] = {}
    for index, scan in enumerate(scans):
        first = first_at.setdefault(source_of(scan.scan), index)
        if first != index and scans[first].dataset != scan.dataset:
            found[index] = scan.left_out("copy of another scan", scans[first].qualified)
            taken.add((first, scan.patient))
    hashes = [scan.image_hash for scan in scans]
    for first, index, _ in matches(hashes, hashes):
        scan, known = scans[index], index in found or (first, scans[index].patient) in taken
        if first < index and not known and scans[first].patient != scan.patient:
            found[index] = scan.left_out("copy of another scan", scans[first].qualified)
            taken.add((first, scan.patient))
    return [found[index] for index in sorted(found)]


def _same_people(scans: Sequence[PoolScan], held_out: Sequence[PoolScan]) -> dict[str, tuple[Reason, str]]:
    """Patients of `scans` who are held-out ones: why, and who they are."""
    at: dict[str, PoolScan] = {}
    for scan in scans:
        at.setdefault(source_of(scan.scan), scan)
    same: dict[str, tuple[Reason, str]] = {}
    for overlap in overlaps(_exposure(scans, "pretraining"), _exposure(held_out, "held-out patients")):
        if overlap.kind == "other name":
            same.setdefault(overlap.seen, ("held-out patient under another name", overlap.held_out))
        elif overlap.kind == "image":
            same.setdefault(at[overlap.seen].patient, ("image of a held-out patient", overlap.held_out))
    return same


def _exposure(scans: Iterable[PoolScan], name: str) -> Exposure:
    by_dataset: dict[str, list[PoolScan]] = {}
    for scan in scans:
        by_dataset.setdefault(scan.dataset, []).append(scan)
    return reduce(or_, (_of_one_dataset(members, name) for members in by_dataset.values()), Exposure(name))


def _of_one_dataset(scans: Sequence[PoolScan], name: str) -> Exposure:
    hashes = {s.scan.scan_id: s.image_hash for s in scans}
    return scans_exposure(name, scans[0].layout, [s.scan for s in scans], lambda scan: hashes[scan.scan_id])
