"""A planned data set whose scans are preprocessed: noise with the lesions of the raw masks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from rnnet.core.volume import read_volume
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import RawDataset, read_dataset
from rnnet.dataset.image_hash import atlas_hash
from rnnet.dataset.splits import make_splits, write_splits
from rnnet.experiment.access import store_of
from rnnet.planning.plan import ExperimentPlan, write_plan
from rnnet.preprocessing.store import ScanStore
from tests.factories import make_plan, write_raw_dataset
from tests.preprocessing.scans import make_scan

NAME = "Dataset001_Toy"
PLAN = make_plan()


def write_dataset(workspace: Workspace, name: str = NAME, **settings: Any) -> RawDataset:
    """A raw data set of four training and two test patients of small scans."""
    settings = {"n_patients": 4, "n_test": 2, "shape_zyx": (20, 22, 24), **settings}
    return read_dataset(write_raw_dataset(workspace.raw, name=name, **settings))


def write_planned(workspace: Workspace, dataset: RawDataset, plan: ExperimentPlan = PLAN) -> None:
    """Its plan and its folds."""
    layout = workspace.preprocessed_dataset(dataset.name)
    write_plan(layout.plans_json(plan.name), plan, inputs={})
    write_splits(layout.splits_json, make_splits(dataset.training_cases(), n_folds=plan.n_folds, seed=plan.seed))


def show(store: ScanStore, scan_id: str, seed: int) -> None:
    """Give a preprocessed scan the hash of made-up image number `seed`."""
    image = np.random.default_rng(seed).standard_normal((80, 96, 88)).astype(np.float32)
    store.write_scan(store.read_scan(scan_id), {}, image_hash=atlas_hash(image, np.ones(image.shape, bool)))


def write_preprocessed(
    workspace: Workspace, dataset: RawDataset, *, failed: Collection[str] = (), seed: int = 0
) -> ScanStore:
    """Its scans, without those that `failed`."""
    store = store_of(workspace, dataset.name, PLAN)
    for number, scan in enumerate(dataset.scans):
        if scan.scan_id not in failed and scan.mask_path is not None:
            labels = read_volume(scan.mask_path).array
            store.write_scan(make_scan(labels, scan_id=scan.scan_id, seed=seed + number), {})
    return store
