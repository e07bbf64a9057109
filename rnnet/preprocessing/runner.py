"""All scans of a data set, in parallel, resumable; a scan that fails does not stop the others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from rnnet.core.codec import digest_of
from rnnet.core.errors import CaseFailedError, RnnetError
from rnnet.core.files import file_digest, write_text
from rnnet.core.log import get_logger
from rnnet.core.parallel import map_cases
from rnnet.core.seeding import seed_for
from rnnet.core.types import Scan
from rnnet.core.volume import Volume, read_volume
from rnnet.dataset.case import RawDataset
from rnnet.dataset.lesions import lesion_labels
from rnnet.planning.plan import PreprocessingPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.qc import write_qc_picture
from rnnet.preprocessing.scan import ScanSettings, preprocess_scan
from rnnet.preprocessing.skull_strip.table import stripper_in_use
from rnnet.preprocessing.store import ScanStore

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PreprocessReport:
    """How many scans were done and skipped, and the failures."""

    done: int
    skipped: int
    failed: tuple[CaseFailedError, ...]


def preprocess_dataset(
    dataset: RawDataset, *, plan: PreprocessingPlan, atlas: Atlas, store: ScanStore, n_processes: int,
    weights_folder: Path | None = None,
) -> PreprocessReport:
    """Preprocess every scan that is not in the store yet, or was made from other inputs.

    Failures are written to failures.json and returned; the other scans go on. weights_folder: where HD-BET's weights
    lie, if not at HD-BET's own place.

    Raises:
        MissingWeightsError: the plan wants HD-BET and its weights are not there; before the first scan.
    """
    stripper = stripper_in_use(plan.skull_strip, weights_folder)
    wanted = {scan.scan_id: _inputs(scan, plan, atlas, stripper) for scan in dataset.scans}
    todo = [s for s in dataset.scans if not store.has_scan(s.scan_id, wanted[s.scan_id])]
    for scan in todo:
        store.discard_scan(scan.scan_id)  # if it fails now, no one may take the older version for it
    one = partial(_preprocess_one, dataset=_without_cases(dataset), plan=plan, atlas=atlas, store=store,
                  weights_folder=weights_folder, wanted=wanted)
    results = map_cases(one, todo, n_processes=n_processes, title=f"preprocessing {dataset.name}")
    failed = tuple(r for r in results if isinstance(r, CaseFailedError))
    _write_failures(store, failed)
    return PreprocessReport(len(todo) - len(failed), len(dataset.scans) - len(todo), failed)


def _inputs(scan: Scan, plan: PreprocessingPlan, atlas: Atlas, stripper: str) -> dict[str, str]:
    """Digests of everything that a preprocessed scan is made from."""
    paths = {"image": scan.image_path, "mask": scan.mask_path}
    files = {name: file_digest(path) for name, path in paths.items() if path is not None and path.is_file()}
    return {**files, "plan": digest_of(plan), "atlas": atlas.digest, "skull_stripper": stripper}


def _preprocess_one(
    scan: Scan, *, dataset: RawDataset, plan: PreprocessingPlan, atlas: Atlas, store: ScanStore,
    weights_folder: Path | None, wanted: Mapping[str, Mapping[str, str]],
) -> None:
    """Read, preprocess, store and draw one scan. Every error becomes a CaseFailedError that names it."""
    declared = dataset.manifest.declared
    settings = ScanSettings(
        declared_registered=declared.registered, declared_stripped=declared.skull_stripped,
        weights_folder=weights_folder, seed=seed_for(0, scan.scan_id) % 2**31,
    )
    try:
        image = read_volume(scan.image_path)
        lesions = _read_lesions(scan, components=dataset.components)
        done = preprocess_scan(image, lesions, scan_id=scan.scan_id, plan=plan, atlas=atlas, settings=settings)
        write_qc_picture(done, atlas, store.layout.qc_picture(scan.scan_id), raw=image)
        store.write_scan(done, wanted[scan.scan_id])
    except RnnetError as error:
        raise CaseFailedError(f"{scan.scan_id}: {error.problem}", where=error.where or scan.image_path,
                              fix=error.fix) from error
    except Exception as error:
        # Whatever a library trips over in one scan must not end the run for the others.
        log.debug("%s failed.", scan.scan_id, exc_info=True)
        raise CaseFailedError(f"{scan.scan_id}: {type(error).__name__}: {error}", where=scan.image_path,
                              fix="Look at the image and its header.") from error


def _without_cases(dataset: RawDataset) -> RawDataset:
    """The data set as a worker needs it: a pool's ten thousand cases need not travel with every scan."""
    return replace(dataset, scans=(), cases=())


def _read_lesions(scan: Scan, *, components: bool) -> Volume | None:
    if scan.mask_path is None:
        return None
    mask = read_volume(scan.mask_path)
    if components and not np.any(mask.array):
        return None
    return mask.with_array(lesion_labels(mask.array, components=components))


def _write_failures(store: ScanStore, failed: Sequence[CaseFailedError]) -> None:
    rows = [{"problem": f.problem, "where": f.where, "fix": f.fix} for f in failed]
    write_text(store.layout.failures_json, json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    if failed:
        log.warning("%d scan(s) failed; see %s.", len(failed), store.layout.failures_json)
