"""The failures of a run: named, and written to failures.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rnnet.core.codec import read_json
from rnnet.core.errors import CaseFailedError, FileFormatError, RnnetError
from rnnet.core.files import write_text
from rnnet.core.log import get_logger
from rnnet.core.types import Scan
from rnnet.core.workspace import ScanStoreLayout

log = get_logger(__name__)


def named(scan: Scan, error: RnnetError, layout: ScanStoreLayout) -> CaseFailedError:
    """The error with the scan's name in front, and its picture behind if there is one."""
    picture = layout.qc_picture(scan.scan_id)
    look = f"See {picture}." if picture.is_file() else ""
    return CaseFailedError(f"{scan.scan_id}: {error.problem}", where=error.where or scan.image_path,
                           fix=f"{error.fix} {look}".strip())


def write_failures(layout: ScanStoreLayout, failed: Sequence[tuple[Scan, CaseFailedError]]) -> None:
    """failures.json: a list, empty if nothing failed, of scan_id, problem, where, fix and picture.

    picture is the picture's path below the store's folder, null if the scan did not come that far. A file that says
    the same already is left alone, so that a finished store may be read-only.
    """
    rows = [
        {"scan_id": scan.scan_id, "problem": e.problem, "where": e.where, "fix": e.fix,
         "picture": _picture(layout, scan.scan_id)}
        for scan, e in failed
    ]
    path = layout.failures_json
    if _content(path) != rows:
        write_text(path, json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    if failed:
        log.warning("%d scan(s) failed; see %s.", len(failed), path)


def _content(path: Path) -> object:
    try:
        return read_json(path) if path.is_file() else None
    except FileFormatError:
        return None


def _picture(layout: ScanStoreLayout, scan_id: str) -> str | None:
    picture = layout.qc_picture(scan_id)
    return picture.relative_to(layout.folder).as_posix() if picture.is_file() else None
