"""Whom and what patients are to the guard against leakage, from the data sets that are here now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rnnet.core.errors import RnnetError
from rnnet.core.log import get_logger
from rnnet.core.types import Scan
from rnnet.core.workspace import PreprocessedLayout, ScanStoreLayout, Workspace
from rnnet.dataset.cases_table import source_of
from rnnet.dataset.leakage import Exposure, joined_hashes
from rnnet.dataset.leakage_sources import scans_exposure
from rnnet.experiment.access import raw_scans
from rnnet.preprocessing.store import ScanStore

log = get_logger(__name__)


def recall(workspace: Workspace, patients: Iterable[str]) -> Exposure:
    """The other names of qualified patients, and all their images, whichever of them were used.

    For what an older version made, which recorded the patients alone. Those whose data set is not here, or does not
    have them any more, stay unknown.
    """
    wanted = frozenset(patients)
    seen = Exposure("recalled")
    for name in sorted({patient.partition("/")[0] for patient in wanted}):
        try:
            scans = [s for s in raw_scans(workspace, name) if f"{name}/{s.patient_id}" in wanted]
        except RnnetError as error:
            log.debug("%s cannot be asked about its patients: %s", name, error)
            continue
        seen |= _of_scans(workspace, name, scans)
    return replace(seen, unknown=wanted - seen.patients)


def stored_hashes(layout: PreprocessedLayout) -> dict[str, str | None]:
    """By scan, what its image shows, under whatever plan it was preprocessed; as ScanStore.image_hash."""
    found: dict[str, str | None] = {}
    for folder in sorted(p.parent for p in layout.folder.glob("*/scans") if p.is_dir()):
        store = ScanStore(ScanStoreLayout(folder))
        for scan_id in store.scan_ids():
            text, known = store.image_hash(scan_id), found.get(scan_id)
            found[scan_id] = known if text is None else joined_hashes(known or "", text)
    return found


def _of_scans(workspace: Workspace, name: str, scans: Iterable[Scan]) -> Exposure:
    scans = tuple(scans)
    hashes = stored_hashes(workspace.preprocessed_dataset(name))
    exposure = scans_exposure(
        "recalled", workspace.raw_dataset(name), scans, lambda scan: hashes.get(scan.scan_id) or ""
    )
    unhashed = frozenset(source_of(s) for s in scans if hashes.get(s.scan_id) is None)
    return replace(exposure, unhashed=unhashed)
