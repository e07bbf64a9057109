"""From raw data sets to plans and preprocessed scans."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnet.core.workspace import DEFAULT_PLAN, Workspace
from rnnet.pipeline.datasets import verify_dataset_integrity
from rnnet.pipeline.names import Datasets

if TYPE_CHECKING:
    from rnnet.planning.center_distance import Comparison
    from rnnet.planning.plan import ExperimentPlan
    from rnnet.preprocessing.runner import PreprocessReport


def extract_fingerprint(workspace: Workspace, datasets: Datasets, *, n_processes: int = 1) -> list[Path]:
    """Measure each data set and write its dataset_fingerprint.json; returns the paths."""
    from rnnet.experiment.fingerprints import store_fingerprint

    names = map(workspace.dataset_name, datasets)
    return [store_fingerprint(workspace, name, n_processes=n_processes)[1] for name in names]


def compare_centers(workspace: Workspace, datasets: Datasets, *, n_processes: int = 1) -> list[Comparison]:
    """How far the centres of each data set lie apart, and each further data set from the first one.

    Read from the fingerprints; one that is missing, or older than its tables, is measured and stored.
    """
    from rnnet.experiment.fingerprints import compare_fingerprints, current_fingerprint

    names = dict.fromkeys(map(workspace.dataset_name, datasets))
    return compare_fingerprints([current_fingerprint(workspace, name, n_processes=n_processes) for name in names])


def plan_experiment(
    workspace: Workspace,
    datasets: Datasets,
    *,
    planner: str = "default",
    plan_name: str = DEFAULT_PLAN,
    settings: Sequence[str] = (),
    memory_gib: float | None = None,
    n_processes: int = 1,
) -> tuple[ExperimentPlan, Path]:
    """Plan for the first data set and its folds; the others only count as further pretraining cubes.

    memory_gib: of the device that will train; None takes that of this machine.
    A splits_final.json that is there already is checked and kept. A page with the plan's reasons is written beside it.
    """
    from rnnet.experiment.plan_dataset import plan_dataset
    from rnnet.reporting.plan_page import write_plan_page

    names = [workspace.dataset_name(d) for d in datasets]
    plan, path, fingerprint = plan_dataset(
        workspace, names, planner=planner, plan_name=plan_name, settings=settings, memory_gib=memory_gib,
        n_processes=n_processes,
    )
    write_plan_page(workspace.preprocessed_dataset(names[0]).plan_html(plan_name), plan, fingerprint)
    return plan, path


def preprocess(
    workspace: Workspace,
    datasets: Datasets,
    *,
    plan_name: str = DEFAULT_PLAN,
    n_processes: int = 1,
    clean: bool = False,
    dask: str = "",
) -> dict[str, PreprocessReport]:
    """Preprocess every scan of the data sets under the plan of the first one; finished scans are not redone.

    dask: "local" or the address of a Dask scheduler; "" for n_processes of this machine.
    """
    from rnnet.experiment.access import preprocess_missing, read_plan_of, workspace_atlas

    names = [workspace.dataset_name(d) for d in datasets]
    plan = read_plan_of(workspace, names[0], plan_name)
    atlas = workspace_atlas(workspace)
    return {
        name: preprocess_missing(workspace, name, plan, atlas, n_processes=n_processes, clean=clean, dask=dask)
        for name in names
    }


def plan_and_preprocess(
    workspace: Workspace,
    datasets: Datasets,
    *,
    planner: str = "default",
    plan_name: str = DEFAULT_PLAN,
    settings: Sequence[str] = (),
    memory_gib: float | None = None,
    verify: bool = False,
    preprocess_scans: bool = True,
    n_processes: int = 1,
    clean: bool = False,
    dask: str = "",
) -> tuple[ExperimentPlan, Path, dict[str, PreprocessReport]]:
    """Fingerprint, plan, folds and preprocessing of the data sets. dask is for the preprocessing alone.

    memory_gib: of the device that will train; None takes that of this machine.
    """
    if verify:
        for report in verify_dataset_integrity(workspace, datasets, n_processes=n_processes).values():
            report.raise_if_errors()
    extract_fingerprint(workspace, datasets, n_processes=n_processes)
    plan, path = plan_experiment(
        workspace,
        datasets,
        planner=planner,
        plan_name=plan_name,
        settings=settings,
        memory_gib=memory_gib,
        n_processes=n_processes,
    )
    if not preprocess_scans:
        return plan, path, {}
    reports = preprocess(workspace, datasets, plan_name=plan_name, n_processes=n_processes, clean=clean, dask=dask)
    return plan, path, reports


def plot_qc(
    workspace: Workspace,
    dataset: int | str,
    plan_name: str = DEFAULT_PLAN,
    *,
    plan_of: int | str | None = None,
    n_processes: int = 1,
) -> Path:
    """Write the page of all preprocessed scans of a data set into its store; returns its path.

    plan_of: the data set whose plan the scans were preprocessed under, if not the same one.
    """
    from rnnet.core.errors import MissingStageError
    from rnnet.experiment.access import read_plan_of, read_raw, store_of
    from rnnet.reporting.qc_page import write_qc_page
    from rnnet.reporting.qc_scans import read_qc_scans

    name = workspace.dataset_name(dataset)
    plan = read_plan_of(workspace, name if plan_of is None else workspace.dataset_name(plan_of), plan_name)
    store = store_of(workspace, name, plan)
    dataset_scans = read_raw(workspace, name, n_processes=n_processes).scans
    scans = read_qc_scans(store, dataset_scans)
    if not scans.done and not scans.failed:
        raise MissingStageError(
            f"{name} has no preprocessed scan under this plan.",
            where=store.layout.folder,
            fix=f"Run rnnet_preprocess -d {name}.",
        )
    write_qc_page(store.layout.qc_html, scans, dataset=name, plan_name=plan_name, n_processes=n_processes)
    return store.layout.qc_html


def download_assets(cache: Path, names: Sequence[str]) -> list[tuple[str, Path, str]]:
    """Bring assets into the cache; returns (name, folder, licence text to show) of each."""
    from rnnet.preprocessing.assets import ASSETS

    return [(name, *ASSETS.get(name)(cache)) for name in names]
