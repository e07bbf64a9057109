"""Digests of what the scans of a run are made from."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm

from rnnet.core.codec import digest_of
from rnnet.core.errors import CaseFailedError
from rnnet.core.files import file_digest
from rnnet.core.types import Scan
from rnnet.planning.plan import PreprocessingPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.store import STORE_FORMAT

# Reading that takes no longer needs no progress bar.
_QUIET_S = 2.0


def scan_inputs(
    scans: Sequence[Scan], plan: PreprocessingPlan, atlas: Atlas, stripper: str, *, n_processes: int
) -> tuple[dict[str, dict[str, str]], dict[str, CaseFailedError]]:
    """Digests of everything that each preprocessed scan is made from, and the scans whose files cannot be read.

    Both by scan id. n_processes: threads; they wait for the disk or hash, neither of which holds up the others.
    """
    common = {"plan": digest_of(plan), "atlas": atlas.digest, "skull_stripper": stripper, "store": STORE_FORMAT}
    inputs: dict[str, dict[str, str]] = {}
    failed: dict[str, CaseFailedError] = {}
    pool = ThreadPoolExecutor(n_processes)
    try:
        found = tqdm(pool.map(_file_digests, scans), total=len(scans), desc="looking for changes", delay=_QUIET_S)
        for scan, digests in zip(scans, found, strict=True):
            if isinstance(digests, CaseFailedError):
                failed[scan.scan_id] = digests
            else:
                inputs[scan.scan_id] = {**digests, **common}
    finally:
        pool.shutdown(cancel_futures=True)
    return inputs, failed


def _file_digests(scan: Scan) -> dict[str, str] | CaseFailedError:
    """Digests of the scan's files that are there; one that is not there is for the worker to tell."""
    digests = {}
    for name, path in (("image", scan.image_path), ("mask", scan.mask_path), ("brain", scan.brain_path)):
        try:
            if path is not None and path.exists():
                digests[name] = file_digest(path)
        except OSError as error:
            return CaseFailedError(f"The file cannot be read ({error.strerror or error}).",
                                   where=error.filename or path, fix="Check the rights on it, and the disk.")
    return digests
