"""Centres whose scanners write other intensities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from rnnet.core.types import LesionCase, Problem
from rnnet.dataset.content import ScanContent
from rnnet.dataset.problems import warning

LARGEST_RATIO = 3.0
LEAST_SCANS = 3


def check_centers(where: object, scans: Iterable[ScanContent], cases: Sequence[LesionCase]) -> list[Problem]:
    """One warning if the centres' median intensity ranges (1st to 99th percentile in the head) differ by a factor.

    Centres with under three scans do not count. Outcomes are counted in the labelled training lesions.
    """
    ranges: dict[str, list[float]] = {}
    for scan in scans:
        if scan.intensity_p1 is not None and scan.intensity_p99 is not None:
            ranges.setdefault(scan.center, []).append(scan.intensity_p99 - scan.intensity_p1)
    medians = {center: median(found) for center, found in ranges.items() if len(found) >= LEAST_SCANS}
    if len(medians) < 2 or max(medians.values()) <= LARGEST_RATIO * min(medians.values()):
        return []
    ordered = sorted(medians, key=lambda center: -medians[center])
    widths = ", ".join(f"{center} {medians[center]:.4g} ({len(ranges[center])} scans)" for center in ordered)
    return [warning(
        "centers-differ", where, f"Median width of the intensities by centre: {widths}."
        + _outcomes(ordered, cases),
        "N4 and the z-score take care of the scale; if the outcome rates differ too, read the results by centre.",
    )]


def _outcomes(centers: Iterable[str], cases: Sequence[LesionCase]) -> str:
    """' Training lesions by outcome: A 3 progression, 4 radiation_necrosis; B ...'; '' without labelled cases."""
    counts = Counter((c.center, c.outcome) for c in cases if c.split == "train" and c.outcome is not None)
    names = sorted({outcome for _, outcome in counts if outcome is not None})
    if not names:
        return ""
    by_center = [f"{c} {', '.join(f'{counts[c, name]} {name}' for name in names)}" for c in centers]
    return f" Training lesions by outcome: {'; '.join(by_center)}."
