"""All scans of a data set, in parallel, resumable; a scan that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rnnet.core.codec import digest_of
from rnnet.core.errors import CaseFailedError, RnnetError, SettingError
from rnnet.core.files import file_digest
from rnnet.core.log import get_logger
from rnnet.core.parallel import map_cases
from rnnet.core.storage import storage_errors, sweep_leftovers
from rnnet.core.types import Scan
from rnnet.dataset.case import RawDataset
from rnnet.planning.plan import PreprocessingPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.run_disk import check_space
from rnnet.preprocessing.run_failures import named, write_failures
from rnnet.preprocessing.run_memory import fitting_processes
from rnnet.preprocessing.run_scan import ScanWork
from rnnet.preprocessing.skull_strip.table import stripper_in_use
from rnnet.preprocessing.store import STORE_FORMAT, ScanStore

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
    weights_folder: Path | None = None, dask: str = "",
) -> PreprocessReport:
    """Preprocess every scan that is not in the store yet, or was made from other inputs.

    Failures are written to failures.json and returned; the other scans go on. A run may be killed at any moment: the
    next one does what is left, and the store holds the same bytes. weights_folder: where HD-BET's weights lie, None
    without them. dask: see core.parallel.map_cases.

    Raises:
        SettingError: relative paths, and workers on other machines.
        MissingWeightsError: the plan wants HD-BET and its weights are not there; before the first scan.
        StorageError: the disk is full or has clearly too little room, or the store cannot be written to; no further
            scan is begun, the finished ones are kept.
    """
    if dask not in ("", "local") and not (store.layout.folder.is_absolute() and dataset.layout.folder.is_absolute()):
        raise SettingError("Workers on other machines need absolute paths.", where=store.layout.folder,
                           fix="Give --root, or rnnet_raw and rnnet_preprocessed, as absolute paths.")
    stripper = stripper_in_use(plan.skull_strip, weights_folder)
    wanted = {scan.scan_id: _inputs(scan, plan, atlas, stripper) for scan in dataset.scans}
    if swept := sweep_leftovers(store.layout.folder):
        log.info("%d temporary file(s) of a run that was killed are deleted.", swept)
    todo = [s for s in dataset.scans if not store.has_scan(s.scan_id, wanted[s.scan_id])]
    check_space(store, [s.scan_id for s in todo], atlas)
    _discard(store, todo)
    declared = dataset.manifest.declared
    work = ScanWork(
        plan=plan, atlas=atlas, store=store, inputs={s.scan_id: wanted[s.scan_id] for s in todo},
        declared_registered=declared.registered, declared_stripped=declared.skull_stripped,
        components=dataset.components, weights_folder=weights_folder,
    )
    processes = fitting_processes(
        n_processes, todo, atlas, stripper="" if declared.skull_stripped else stripper.split()[0], dask=dask
    )
    results = map_cases(work, todo, n_processes=processes, title=f"preprocessing {dataset.name}", dask=dask)
    failed = []
    for scan, result in zip(todo, results, strict=True):
        if isinstance(result, RnnetError):
            failed.append((scan, named(scan, result, store.layout)))
        elif result:
            log.warning("%s: %s.", scan.scan_id, result)
    write_failures(store.layout, failed)
    return PreprocessReport(
        len(todo) - len(failed), len(dataset.scans) - len(todo), tuple(e for _, e in failed), store.layout.failures_json
    )


def _inputs(scan: Scan, plan: PreprocessingPlan, atlas: Atlas, stripper: str) -> dict[str, str]:
    """Digests of everything that a preprocessed scan is made from."""
    paths = {"image": scan.image_path, "mask": scan.mask_path, "brain": scan.brain_path}
    files = {name: file_digest(path) for name, path in paths.items() if path is not None and path.exists()}
    return {**files, "plan": digest_of(plan), "atlas": atlas.digest, "skull_stripper": stripper, "store": STORE_FORMAT}


def _discard(store: ScanStore, scans: Sequence[Scan]) -> None:
    """Forget older versions of the scans: if one fails now, no one may take the older record or picture for it."""
    with storage_errors(store.layout.folder):
        for scan in scans:
            store.discard_scan(scan.scan_id)
            store.layout.qc_picture(scan.scan_id).unlink(missing_ok=True)
