"""Whole preprocessing runs in processes of their own, and what they leave in the store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from rnnet.core.workspace import RawLayout, ScanStoreLayout
from rnnet.dataset.case import read_dataset
from rnnet.planning.plan import BiasFieldPlan, PreprocessingPlan
from rnnet.preprocessing.runner import PreprocessReport, preprocess_dataset
from rnnet.preprocessing.store import ScanStore
from tests.factories import ATLAS_SHAPE_ZYX, make_atlas, write_raw_dataset

PROJECT = Path(__file__).parents[2]
PLAN = PreprocessingPlan(bias_field=BiasFieldPlan(shrink_factor=4, iterations=(3,)))
BROKEN = "P001_s1"


def write_raw(folder: Path, *, n_patients: int = 4) -> RawLayout:
    """A raw data set of small scans, one of which cannot be read."""
    layout = write_raw_dataset(
        folder, n_patients=n_patients, n_test=0, shape_zyx=ATLAS_SHAPE_ZYX, stripped=True, registered=True
    )
    path = layout.image_path(BROKEN, "train", ".nii.gz")
    path.write_bytes(path.read_bytes()[:2000])
    return layout


def run(raw: Path, store: Path, *, n_processes: int = 1, dask: str = "") -> PreprocessReport:
    """Preprocess the data set in `raw` into `store`."""
    return preprocess_dataset(
        read_dataset(RawLayout(raw)), plan=PLAN, atlas=make_atlas(), store=ScanStore(ScanStoreLayout(store)),
        n_processes=n_processes, dask=dask,
    )


def start(raw: Path, store: Path, *, n_processes: int = 1, kill_at_write: int = 0) -> subprocess.Popen[bytes]:
    """The same in a process of its own; it kills itself when its k-th file is written, but not yet in its place."""
    arguments = f"{str(raw)!r}, {str(store)!r}, {n_processes}, {kill_at_write}"
    code = f"from tests.preprocessing.runs import main; main({arguments})"
    return subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stderr=subprocess.DEVNULL)


def main(raw: str, store: str, n_processes: int, kill_at_write: int) -> None:
    """The process that start() starts."""
    replace, writes = os.replace, 0

    def kill(source: Path, target: Path) -> None:
        nonlocal writes
        writes += 1
        if writes == kill_at_write:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    if kill_at_write:
        os.replace = kill  # type: ignore[assignment]
    run(Path(raw), Path(store), n_processes=n_processes)


def content(store: Path) -> dict[str, bytes]:
    """Every file of a store, by its path."""
    return {str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()}
