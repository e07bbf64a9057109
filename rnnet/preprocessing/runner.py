"""All scans of a data set, in parallel, resumable; a scan that fails does not stop the others."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rnnet.core.dask_cluster import check_scheduler
from rnnet.core.errors import CaseFailedError, RnnetError, SettingError
from rnnet.core.log import get_logger
from rnnet.core.parallel import map_cases
from rnnet.core.storage import storage_errors, sweep_leftovers
from rnnet.core.types import Scan
from rnnet.dataset.case import RawDataset
from rnnet.planning.plan import PreprocessingPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.run_disk import check_space
from rnnet.preprocessing.run_failures import named, write_failures
from rnnet.preprocessing.run_inputs import scan_inputs
from rnnet.preprocessing.run_memory import fitting_processes
from rnnet.preprocessing.run_scan import ScanWork
from rnnet.preprocessing.skull_strip.table import stripper_in_use
from rnnet.preprocessing.store import ScanStore

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PreprocessReport:
    """How many scans were done and skipped, and the failures. failures_json: the file that holds them all."""

    done: int
    skipped: int
    failed: tuple[CaseFailedError, ...]
    failures_json: Path | None = field(default=None, compare=False)


def preprocess_dataset(
    dataset: RawDataset, *, plan: PreprocessingPlan, atlas: Atlas, store: ScanStore, n_processes: int,
    weights_folder: Path | None = None, dask: str = "", clean: bool = False,
) -> PreprocessReport:
    """Preprocess every scan that is not in the store yet, was made from other inputs, or has no picture.

    Failures are written to failures.json and returned; the other scans go on. A run may be killed at any moment: the
    next one does what is left, and the store holds the same bytes. weights_folder: where HD-BET's weights lie, None
    without them. dask: see core.parallel.map_cases. clean: delete the store first, after everything was checked.

    Raises:
        SettingError: relative paths, and workers on other machines.
        MissingWeightsError: the plan wants HD-BET and its weights are not there; before the first scan.
        StorageError: the disk is full or has clearly too little room, or the store cannot be written to; no further
            scan is begun, the finished ones are kept.
        RnnetError: the Dask scheduler does not answer; nothing was deleted then.
    """
    if dask not in ("", "local") and not (store.layout.folder.is_absolute() and dataset.layout.folder.is_absolute()):
        raise SettingError("Workers on other machines need absolute paths.", where=store.layout.folder,
                           fix="Give --root, or rnnet_raw and rnnet_preprocessed, as absolute paths.")
    # A worker elsewhere has another working folder.
    weights_folder = None if weights_folder is None else weights_folder.absolute()
    stripper = stripper_in_use(plan.skull_strip, weights_folder)
    inputs, unread = scan_inputs(dataset.scans, plan, atlas, stripper, n_processes=n_processes)
    if swept := sweep_leftovers(store.layout.folder):
        log.info("%d temporary file(s) of a run that was killed are deleted.", swept)
    readable = [s for s in dataset.scans if s.scan_id in inputs]
    whole = set() if clean else {s.scan_id for s in readable if store.has_scan(s.scan_id, inputs[s.scan_id])}
    todo = [s for s in readable if s.scan_id not in whole or not store.layout.qc_picture(s.scan_id).is_file()]
    check_space(store, [s.scan_id for s in todo], atlas)
    declared = dataset.manifest.declared
    processes = fitting_processes(
        n_processes, [s.image_path for s in todo], atlas, stripper="" if declared.skull_stripped else
        stripper.split()[0], dask=dask,
    )
    if dask and todo:
        check_scheduler(dask)
    if clean:
        _delete(store)
    _discard(store, [s for s in dataset.scans if s.scan_id not in whole])
    work = ScanWork(
        plan=plan, atlas=atlas, store=store, inputs={s.scan_id: inputs[s.scan_id] for s in todo},
        declared_registered=declared.registered, declared_stripped=declared.skull_stripped,
        components=dataset.components, one_head=dataset.manifest.one_head, weights_folder=weights_folder,
    )
    results = map_cases(work, todo, n_processes=processes, title=f"preprocessing {dataset.name}", dask=dask)
    return _report(dataset, store, unread, dict(zip((s.scan_id for s in todo), results, strict=True)))


def _report(
    dataset: RawDataset, store: ScanStore, unread: Mapping[str, RnnetError], results: Mapping[str, str | RnnetError]
) -> PreprocessReport:
    """What became of the scans; failures.json is written."""
    failed = []
    for scan in dataset.scans:
        result = unread.get(scan.scan_id) or results.get(scan.scan_id)
        if isinstance(result, RnnetError):
            failed.append((scan, named(scan, result, store.layout)))
        elif result:
            log.warning("%s: %s.", scan.scan_id, result)
    write_failures(store.layout, failed)
    n_skipped = len(dataset.scans) - len(results) - len(unread)
    return PreprocessReport(
        len(dataset.scans) - n_skipped - len(failed), n_skipped, tuple(e for _, e in failed), store.layout.failures_json
    )


def _delete(store: ScanStore) -> None:
    with storage_errors(store.layout.folder):
        # Records first: if this is interrupted, no scan may count as whole whose voxels are gone.
        for scan_id in store.scan_ids():
            store.discard_scan(scan_id)
        if store.layout.folder.is_dir():
            shutil.rmtree(store.layout.folder)


def _discard(store: ScanStore, scans: Sequence[Scan]) -> None:
    """Forget older versions of the scans: if one fails now, no one may take the older record or picture for it."""
    with storage_errors(store.layout.folder):
        for scan in scans:
            store.discard_scan(scan.scan_id)
            store.layout.qc_picture(scan.scan_id).unlink(missing_ok=True)
