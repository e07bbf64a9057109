"""What a page on preprocessed scans shows of each: read from the store's records, failures and pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnet.core.codec import read_json
from rnnet.core.errors import FileFormatError
from rnnet.core.types import Scan
from rnnet.core.workspace import ScanStoreLayout
from rnnet.preprocessing.store import ScanRecord, ScanStore


@dataclass(frozen=True, slots=True)
class QcScan:
    """A preprocessed scan. A quantity is None where its step did not run.

    information_before, information_after: with the atlas, in nats, before and after registration.
    lesions: (number in the mask, volume in mm3), largest first.
    """

    scan_id: str
    patient_id: str
    center: str
    split: str
    brain_dice: float | None
    information_before: float | None
    information_after: float | None
    angle_degrees: float | None
    registration: str
    stripper: str
    field_range: tuple[float, float] | None
    warnings: tuple[str, ...]
    lesions: tuple[tuple[int, int], ...]
    picture: Path | None


@dataclass(frozen=True, slots=True)
class FailedScan:
    """A scan that could not be preprocessed, with the error's three parts."""

    scan_id: str
    problem: str
    where: str
    fix: str
    picture: Path | None


@dataclass(frozen=True, slots=True)
class QcScans:
    """The scans of a data set: done (worst registration first), failed, and neither."""

    done: tuple[QcScan, ...]
    failed: tuple[FailedScan, ...]
    waiting: tuple[str, ...]


def read_qc_scans(store: ScanStore, scans: Sequence[Scan]) -> QcScans:
    """Everything that is known of the data set's `scans` in a store.

    Raises:
        FileFormatError: a record or failures.json does not fit.
    """
    present = set(store.scan_ids())
    done = [_done(scan, store.read_record(scan.scan_id), store.layout) for scan in scans if scan.scan_id in present]
    # What was not measured comes last: the scan was declared to lie on the atlas.
    done.sort(key=lambda s: (s.brain_dice is None, s.brain_dice or 0.0, s.scan_id))
    failed = [f for f in read_failures(store.layout) if f.scan_id not in present]
    named = present | {f.scan_id for f in failed}
    return QcScans(tuple(done), tuple(failed), tuple(s.scan_id for s in scans if s.scan_id not in named))


def read_failures(layout: ScanStoreLayout) -> list[FailedScan]:
    """The rows of failures.json; none where the file is not there.

    Raises:
        FileFormatError: it is not a list of objects.
    """
    if not layout.failures_json.is_file():
        return []
    rows = read_json(layout.failures_json)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FileFormatError("The file must hold a list of objects.", where=layout.failures_json,
                              fix="Run rnnet_preprocess again.")
    return [
        FailedScan(
            # Records of older versions name the scan in the problem only.
            str(row.get("scan_id") or str(row.get("problem", "")).split(":")[0]), str(row.get("problem", "")),
            str(row.get("where") or ""), str(row.get("fix") or ""), _picture(layout, row.get("picture")),
        )
        for row in rows
    ]


def kind_of_warning(text: str) -> str:
    """The warning without its numbers: warnings of one kind are counted together."""
    return re.sub(r"\d+(?:[.,]\d+)?( ?%)?", "…", text)


def _done(scan: Scan, record: ScanRecord, layout: ScanStoreLayout) -> QcScan:
    values: dict[str, Mapping[str, Any]] = {step.step: step.values for step in record.history}
    registration, stripped, quality = (values.get(name, {}) for name in ("registration", "skull_strip", "quality"))
    low_high = values.get("bias_field", {}).get("field_range")
    lesions = sorted(((value, box.n_voxels) for value, box in record.boxes.items()), key=lambda item: -item[1])
    picture = layout.qc_picture(scan.scan_id)
    return QcScan(
        scan_id=scan.scan_id, patient_id=scan.patient_id, center=scan.center, split=scan.split,
        brain_dice=_number(quality.get("brain_dice")),
        information_before=_number(quality.get("mutual_information_before")),
        information_after=_number(quality.get("mutual_information_after")),
        angle_degrees=_number(registration.get("angle_degrees")),
        registration=str(registration.get("reason") or registration.get("method") or "not recorded"),
        stripper=f"{stripped.get('stripper', 'not recorded')} {stripped.get('version') or ''}".strip(),
        field_range=None if low_high is None else (float(low_high[0]), float(low_high[1])),
        warnings=record.warnings, lesions=tuple(lesions), picture=picture if picture.is_file() else None,
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _picture(layout: ScanStoreLayout, stored: Any) -> Path | None:
    if not stored:
        return None
    path = Path(str(stored))
    path = path if path.is_absolute() else layout.folder / path
    return path if path.is_file() else None
