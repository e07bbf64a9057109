"""How the described scans and lesions are spread, compact enough for ten thousand lesions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnnet.core.errors import DatasetError
from rnnet.core.types import LesionCase, Scan
from rnnet.planning.histogram import Histogram, histogram_of, histograms_of
from rnnet.planning.scan_measures import ScanMeasures

ThreeHistograms = tuple[Histogram, Histogram, Histogram]


@dataclass(frozen=True, slots=True)
class FingerprintHistograms:
    """Histograms over scans (grids axis by axis: z, y, x) and over lesions; None without a measured lesion.

    foreground_mean: centre to its scans' mean foreground intensity, in the scans' own units, with the same edges for
    all centres.
    """

    spacing_zyx_mm: ThreeHistograms
    shape_zyx_vox: ThreeHistograms
    lesion_axial_diameter_mm: Histogram | None
    lesion_volume_mm3: Histogram | None
    lesions_per_scan: Histogram | None
    foreground_mean: Mapping[str, Histogram]


def fingerprint_histograms(
    measures: Sequence[ScanMeasures], scans: Sequence[Scan], cases: Sequence[LesionCase]
) -> FingerprintHistograms:
    """Histograms of the measured scans. Raises DatasetError when a measure of the grids is not finite."""
    center_of = {scan.scan_id: scan.center for scan in scans}
    means: dict[str, list[float]] = {}
    for m in sorted(measures, key=lambda m: (center_of[m.scan_id], m.scan_id)):
        means.setdefault(center_of[m.scan_id], []).append(m.foreground_mean)
    sizes = [lesion.size for m in measures for lesion in m.lesions]
    per_scan = Counter(c.scan_id for c in cases)
    return FingerprintHistograms(
        _three([m.spacing_zyx_mm for m in measures], whole=False),
        _three([m.shape_zyx_vox for m in measures], whole=True),
        histogram_of(s.axial_diameter_mm for s in sizes),
        histogram_of(s.volume_mm3 for s in sizes),
        histogram_of((per_scan[s.scan_id] for s in scans), whole=True),
        histograms_of(means),
    )


def _three(rows: Sequence[Sequence[float]], *, whole: bool) -> ThreeHistograms:
    found = [histogram_of((row[axis] for row in rows), whole=whole) for axis in range(3)]
    z, y, x = found
    if z is None or y is None or x is None:
        raise DatasetError("A measured quantity of the scans is not finite.", fix="Check the image headers.")
    return z, y, x
