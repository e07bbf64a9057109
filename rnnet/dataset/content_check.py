"""Scans of one data set that have the same voxels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rnnet.core.types import Problem
from rnnet.dataset.content import ScanContent
from rnnet.dataset.problems import error, warning


def same_content(scans: Iterable[ScanContent]) -> list[list[ScanContent]]:
    """Groups of two or more scans with the same voxels."""
    groups: dict[str, list[ScanContent]] = {}
    for scan in scans:
        if scan.digest:
            groups.setdefault(scan.digest, []).append(scan)
    return [group for group in groups.values() if len(group) > 1]


def check_duplicates(scans: Sequence[ScanContent]) -> list[Problem]:
    """One problem for every group of scans with the same voxels."""
    return [_duplicate(group) for group in same_content(scans)]


def _duplicate(group: Sequence[ScanContent]) -> Problem:
    names = ", ".join(f"'{s.scan_id}' (patient {s.patient_id}, {s.split})" for s in group)
    message = f"The same voxels in {len(group)} scans: {names}."
    if len({s.patient_id for s in group}) > 1 or len({s.split for s in group}) > 1:
        return error("duplicate-image", group[0].image, message,
                     "Keep the scan with its true patient and split, and remove the others with their rows.")
    return warning("duplicate-image", group[0].image, message, "Keep one of them: the lesions count twice.")
