"""Chosen scans of a data set measured for a comparison, where its fingerprint describes others."""

from __future__ import annotations

from collections.abc import Sequence

from rnnet.core.errors import DatasetError, RnnetError
from rnnet.core.log import get_logger
from rnnet.core.parallel import map_cases
from rnnet.core.types import LesionCase
from rnnet.dataset.case import RawDataset
from rnnet.planning.center_samples import CenterSamples, samples_by_center
from rnnet.planning.scan_measures import ScanMeasureJob, measure_scan

_log = get_logger(__name__)


def measure_samples(
    dataset: RawDataset, cases: Sequence[LesionCase], *, n_processes: int
) -> dict[str, CenterSamples]:
    """The samples of each centre, of these cases and their scans alone; their clinical values with them.

    Scans that cannot be measured are left out and named on the log.

    Raises:
        DatasetError: no scan can be measured.
    """
    values: dict[str, list[int]] = {}
    for case in cases:
        values.setdefault(case.scan_id, []).append(case.lesion_value)
    scans = [scan for scan in dataset.scans if scan.scan_id in values]
    jobs = [ScanMeasureJob(scan, tuple(values[scan.scan_id]), dataset.components) for scan in scans]
    measures = []
    results = map_cases(measure_scan, jobs, n_processes=n_processes, title=f"measuring {dataset.name}")
    for scan, result in zip(scans, results, strict=True):
        if isinstance(result, RnnetError):
            _log.warning("Not in the comparison: %s: %s", scan.scan_id, result)
        else:
            measures.append(result)
    if not measures:
        raise DatasetError(
            f"None of the {len(jobs)} scans can be measured.", where=dataset.layout.folder,
            fix=f"Run rnnet_verify_dataset_integrity -d {dataset.name} to see why.",
        )
    return samples_by_center(measures, scans, cases, dataset.manifest)
