"""From a workspace to the plan and the preprocessed scans of data sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from rnnet.core.codec import read_json
from rnnet.core.errors import DatasetError, MissingStageError, RnnetError
from rnnet.core.layouts import plan_option
from rnnet.core.log import get_logger
from rnnet.core.types import Scan
from rnnet.core.wording import listed
from rnnet.core.workspace import RawLayout, Workspace
from rnnet.dataset.case import RawDataset, read_dataset
from rnnet.dataset.cases_table import source_of
from rnnet.dataset.leakage import Exposure
from rnnet.dataset.leakage_sources import scans_exposure
from rnnet.dataset.manifest import read_manifest
from rnnet.dataset.pool import pool_scans
from rnnet.dataset.splits import hold_out, read_test_patients
from rnnet.planning.plan import ExperimentPlan, read_plan, with_settings
from rnnet.preprocessing.assets import atlas_folder
from rnnet.preprocessing.atlas import Atlas, load_atlas
from rnnet.preprocessing.runner import PreprocessReport, preprocess_dataset
from rnnet.preprocessing.skull_strip.weights import find_hd_bet_weights
from rnnet.preprocessing.store import ScanStore

log = get_logger(__name__)


def read_raw(workspace: Workspace, name: str, *, n_processes: int = 1) -> RawDataset:
    """The raw data set as every later step must see it: with the patients of splits_final.json in the test split.

    Raises:
        DatasetError: the first problem of the raw data set, or splits_final.json holds out a patient it does not have.
        LeakageError: a patient stands in training and in test.
    """
    dataset = read_dataset(workspace.raw_dataset(name), n_processes=n_processes)
    path = workspace.preprocessed_dataset(name).splits_json
    held_out = read_test_patients(path)
    unknown = sorted(held_out - {scan.patient_id for scan in dataset.scans})
    if unknown:
        raise DatasetError(
            f"{len(unknown)} held-out patient(s) are not in {name}: {listed(unknown)}.", where=path,
            fix=f"Run rnnet_make_splits -d {name} --overwrite, or correct the file.",
        )
    return replace(dataset, scans=hold_out(dataset.scans, held_out), cases=hold_out(dataset.cases, held_out))


def read_plan_of(workspace: Workspace, name: str, plan_name: str, settings: Sequence[str] = ()) -> ExperimentPlan:
    """The plan of a data set with the user's changes. Raises MissingStageError when it was never planned."""
    path = workspace.preprocessed_dataset(name).plans_json(plan_name)
    if not path.is_file():
        raise MissingStageError(f"{name} has no plan '{plan_name}'.", where=path,
                                fix=_cure_of_no_plan(workspace, name, plan_name))
    return with_settings(read_plan(path), settings)


def _cure_of_no_plan(workspace: Workspace, name: str, plan_name: str) -> str:
    """By what is there: its other plans; the data set under whose plan its scans were preprocessed; neither."""
    if own := [path.stem for path in plan_files(workspace, name)]:
        command = f"rnnet_plan_experiment -d {name}{plan_option(plan_name)}"
        return f"Its plans are {', '.join(own)}: choose with -p, or run {command}."
    here = workspace.preprocessed_dataset(name)
    for other in sorted(p.name for p in workspace.preprocessed.glob("Dataset*") if p.is_dir() and p.name != name):
        try:
            plan = read_plan(workspace.preprocessed_dataset(other).plans_json(plan_name))
        except RnnetError:
            continue  # no such plan there, or one with a mistake of its own, which is not asked about here
        if here.store(plan.data_identifier).folder.is_dir():
            return (
                f"Its scans were preprocessed under the plan of {other}: give --plan_of {other} to a command that has "
                f"it, or name {other} first (-d {other} {name})."
            )
    return f"Run rnnet_plan_experiment -d {name}{plan_option(plan_name)}."


def plan_files(workspace: Workspace, name: str) -> list[Path]:
    """The plans of a data set, by name."""
    files = sorted(workspace.preprocessed_dataset(name).folder.glob("*.json"))
    return [path for path in files if _is_plan(path)]


def _is_plan(path: Path) -> bool:
    try:
        content = read_json(path)
    except RnnetError:
        return False
    return isinstance(content, dict) and "planner" in content


def store_of(workspace: Workspace, name: str, plan: ExperimentPlan) -> ScanStore:
    """The store of a data set's scans under a plan's preprocessing."""
    return ScanStore(workspace.preprocessed_dataset(name).store(plan.data_identifier))


def preprocess_missing(
    workspace: Workspace, name: str, plan: ExperimentPlan, atlas: Atlas, *, n_processes: int, clean: bool = False,
    dask: str = "",
) -> PreprocessReport:
    """Preprocess the scans of a data set that are not in its store yet. dask, clean: see preprocess_dataset."""
    return preprocess_dataset(
        read_raw(workspace, name, n_processes=n_processes),
        plan=plan.preprocessing,
        atlas=atlas,
        store=store_of(workspace, name, plan),
        n_processes=n_processes,
        weights_folder=find_hd_bet_weights(workspace),
        dask=dask,
        clean=clean,
    )


def raw_scans(workspace: Workspace, name: str) -> tuple[Scan, ...]:
    """The scans of read_raw, without reading the masks of a pool.

    Raises:
        DatasetError: dataset.json or cases.csv cannot be used.
    """
    layout = workspace.raw_dataset(name)
    if layout.cases_csv.is_file():
        return read_raw(workspace, name).scans
    scans, _ = pool_scans(layout, read_manifest(layout))
    return hold_out(scans, read_test_patients(workspace.preprocessed_dataset(name).splits_json))


def raw_exposure(layout: RawLayout, store: ScanStore, name: str, scans: Iterable[Scan]) -> Exposure:
    """Patients and images of scans of a data set; what an image shows is known once it is preprocessed."""
    done = set(store.scan_ids())
    scans = tuple(scans)
    hashes = {s.scan_id: store.image_hash(s.scan_id) for s in scans if s.scan_id in done}
    exposure = scans_exposure(name, layout, scans, lambda scan: hashes.get(scan.scan_id) or "")
    unhashed = (source_of(s) for s in scans if hashes.get(s.scan_id, "") is None)
    return replace(exposure, unhashed=frozenset(unhashed))


def held_out_patients(dataset: RawDataset) -> set[str]:
    """Patients with at least one scan or case in the test split."""
    return {s.patient_id for s in dataset.scans if s.split == "test"} | {
        c.patient_id for c in dataset.cases if c.split == "test"
    }


def workspace_atlas(workspace: Workspace) -> Atlas:
    """The atlas that the user named, else the one in the cache.

    Raises:
        MissingWeightsError: neither is there; the message names the ways to get it.
    """
    chosen = workspace.atlas
    if chosen is not None and chosen.is_file():
        chosen = chosen.parent  # the two files of the atlas lie side by side
    return load_atlas(chosen or atlas_folder(workspace.cache))
