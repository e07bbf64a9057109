"""Patients of several data sets who are one person for certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from rnnet.core.types import Scan
from rnnet.core.workspace import RawLayout
from rnnet.dataset.cases_table import source_of
from rnnet.dataset.identity import read_other_ids
from rnnet.dataset.leakage import overlaps, same_people
from rnnet.dataset.leakage_sources import scans_exposure


def people_across(members: Mapping[RawLayout, Sequence[Scan]]) -> dict[str, str]:
    """Each qualified patient ('Dataset001_X/P001') to the first of those that are the same person for certain.

    By other_ids.csv, by the id that a converter made, by the scans of a third data set that both share, or by a file
    that both use (column source_scan). An equal patient_id alone does not tell: two centres may have a P001 each.
    """
    names: dict[str, set[str]] = {}
    for layout, scans in members.items():
        inside = same_people((scan.patient_id for scan in scans), read_other_ids(layout.other_ids_csv))
        for scan in scans:
            known = names.setdefault(f"{layout.folder.name}/{scan.patient_id}", set())
            known |= {f"{layout.folder.name}/{inside[scan.patient_id]}", f"file {source_of(scan)}"}
    sides = [scans_exposure(layout.folder.name, layout, scans) for layout, scans in members.items()]
    for one, other in combinations(sides, 2):
        for found in overlaps(one, other):
            if found.kind == "other name":
                names[found.held_out].add(found.seen)
    return same_people(names, names)
