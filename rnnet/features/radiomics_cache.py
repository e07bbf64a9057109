"""Radiomics kept in a CSV file: only lesions that are new or have changed are computed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from rnnet.core.codec import digest_of
from rnnet.core.errors import RnnetError
from rnnet.core.files import text_digest
from rnnet.core.provenance import package_version
from rnnet.core.types import LesionCase
from rnnet.features.radiomics import CropReader, RadiomicsExtractor, RadiomicsRow, extract_rows, to_table
from rnnet.features.table import FeatureTable, read_table, write_table
from rnnet.planning.plan import CropPlan, FeaturesPlan

_CRC = "crop_crc32"


def radiomics_digest(plan: FeaturesPlan, crop: CropPlan) -> str:
    """Digest of everything but the voxels that the values depend on; for ScanStoreLayout.radiomics_csv."""
    settings = {
        "crop": crop, "bin_width": plan.bin_width, "normalize_scale": plan.normalize_scale,
        "voxel_array_shift": plan.voxel_array_shift, "minimum_roi_voxels": plan.minimum_roi_voxels,
        "log_sigma_mm": plan.log_sigma_mm, "wavelet": plan.wavelet,
        "pyradiomics": package_version("pyradiomics-bhklab"),
    }
    return digest_of(settings)[:8]


def load_or_extract(
    cases: Sequence[LesionCase], read_scan_crop: CropReader, plan: FeaturesPlan, *, path: Path, n_processes: int,
) -> FeatureTable:
    """Radiomics (n, f) of the cases, in their order, read from `path` as far as they stand there.

    path: ScanStoreLayout.radiomics_csv(radiomics_digest(...)). A row counts while the checksum of the case's crop is
    the stored one, so scans that were preprocessed anew are extracted anew. Finished rows are stored one by one, so
    an interrupted run goes on where it stopped. A case without radiomics is not stored: it is tried, and warned of,
    again each time.

    Raises:
        FileFormatError: `path` holds something else than a feature table.
    """
    names = RadiomicsExtractor(plan).names
    parts = path.with_suffix(".parts")
    known = _read_rows([*sorted(parts.glob("*.csv")), path], names)
    missing = [case for case in cases if not _is_current(case, known, read_scan_crop)]
    if missing:
        on_row = partial(_write_part, folder=parts, names=names)
        rows = extract_rows(missing, read_scan_crop, plan, n_processes=n_processes, on_row=on_row)
        known.update({row.case_id: row for row in rows})
        write_table(path, _with_checksums([row for row in known.values() if not row.warning], names))
        shutil.rmtree(parts, ignore_errors=True)
    return to_table([known[case.case_id] for case in cases], plan)


def _is_current(case: LesionCase, known: Mapping[str, RadiomicsRow], read_scan_crop: CropReader) -> bool:
    if case.case_id not in known:
        return False
    try:
        return read_scan_crop(case).crc32 == known[case.case_id].crc32
    except RnnetError:
        return False  # the extraction meets the same error and reports it


def _read_rows(paths: Sequence[Path], names: tuple[str, ...]) -> dict[str, RadiomicsRow]:
    """Stored rows by case id; where several files hold a case, the first counts."""
    rows: dict[str, RadiomicsRow] = {}
    for path in paths:
        if not path.is_file():
            continue
        table = read_table(path).select((_CRC, *names))
        for case_id, values in zip(table.case_ids, table.values, strict=True):
            rows.setdefault(case_id, RadiomicsRow(case_id, values[1:], int(values[0])))
    return rows


def _with_checksums(rows: Sequence[RadiomicsRow], names: tuple[str, ...]) -> FeatureTable:
    # A 32-bit checksum is exact as float64, so one file holds it beside the features.
    values = np.array([np.r_[float(row.crc32), row.values] for row in rows]).reshape(-1, len(names) + 1)
    return FeatureTable(tuple(row.case_id for row in rows), (_CRC, *names), values)


def _write_part(row: RadiomicsRow, *, folder: Path, names: tuple[str, ...]) -> None:
    # Case ids may hold characters that file names must not.
    write_table(folder / f"{text_digest(row.case_id)}.csv", _with_checksums([row], names))
