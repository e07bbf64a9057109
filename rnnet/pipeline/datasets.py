"""Raw data sets: what they are made from, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnet.core.workspace import Workspace
from rnnet.pipeline.names import Datasets

if TYPE_CHECKING:
    from rnnet.dataset.integrity import IntegrityReport


def verify_dataset_integrity(
    workspace: Workspace, datasets: Datasets, *, orientation: bool = False, n_processes: int = 1
) -> dict[str, IntegrityReport]:
    """All problems of each raw data set and of using them together, keyed by name. Raises nothing for what it finds.

    orientation: compare scans that were not preprocessed yet with the atlas as well (slow: finds the brain first).
    """
    from rnnet.dataset.cross_check import cross_check
    from rnnet.dataset.integrity import check_dataset
    from rnnet.experiment.access import workspace_atlas
    from rnnet.experiment.orientation_check import add_orientation

    atlas = workspace_atlas(workspace) if orientation else None
    names = [workspace.dataset_name(d) for d in datasets]
    reports = cross_check({n: check_dataset(workspace.raw_dataset(n), n_processes=n_processes) for n in names})
    return {
        n: add_orientation(workspace, r, plan_of=(n, *names), atlas=atlas, n_processes=n_processes)
        for n, r in reports.items()
    }
