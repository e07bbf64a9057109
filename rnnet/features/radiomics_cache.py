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
from rnnet.core.radiomics_layout import radiomics_diagnostics
from rnnet.core.types import LesionCase
from rnnet.features.diagnostics import read_diagnostics, write_diagnostics
from rnnet.features.radiomics import RadiomicsExtractor
from rnnet.features.radiomics_rows import RadiomicsRow, ReadInput, extract_rows, to_table
from rnnet.features.radiomics_settings import pyradiomics_parameters
from rnnet.features.table import FeatureTable, read_table, write_table
from rnnet.planning.plan import FeaturesPlan

_CRC = "crop_crc32"


def radiomics_digest(plan: FeaturesPlan) -> str:
    """Digest of everything but the voxels that the values depend on; for ScanStoreLayout.radiomics_csv."""
    settings = {
        "parameters": pyradiomics_parameters(plan), "scale": plan.normalize_scale,
        "minimum_roi_voxels": plan.minimum_roi_voxels, "pyradiomics": package_version("pyradiomics-bhklab"),
    }
    return digest_of(settings)[:8]


def load_or_extract(
    cases: Sequence[LesionCase], read: ReadInput, plan: FeaturesPlan, *, path: Path, n_processes: int,
    title: str = "radiomics",
) -> FeatureTable:
    """As load_or_extract_rows, as a table (n, f); logs the cases without radiomics."""
    rows = load_or_extract_rows(cases, read, plan, path=path, n_processes=n_processes, title=title)
    return to_table(rows, plan)


def load_or_extract_rows(
    cases: Sequence[LesionCase], read: ReadInput, plan: FeaturesPlan, *, path: Path, n_processes: int,
    title: str = "radiomics",
) -> list[RadiomicsRow]:
    """Radiomics of the cases, in their order, read from `path` as far as they stand there.

    path: ScanStoreLayout.radiomics_csv(radiomics_digest(...)); pyradiomics' diagnostics are kept beside it. A row
    counts while the checksum of the case's voxels is the stored one, so scans that were preprocessed anew are extracted
    anew. Finished rows are stored one by one, so an interrupted run goes on where it stopped. A case without radiomics
    is not stored: it is tried again each time.

    Raises:
        FileFormatError: `path` holds something else than a feature table.
    """
    names = RadiomicsExtractor(plan).names
    parts = path.with_suffix(".parts")
    known = _read_rows([*sorted(p for p in parts.glob("*.csv") if p.name.count(".") == 1), path], names)
    missing = [case for case in cases if not _is_current(case, known, read)]
    if missing:
        on_row = partial(_write_part, folder=parts, names=names)
        rows = extract_rows(missing, read, plan, n_processes=n_processes, on_row=on_row, title=title)
        known.update({row.case_id: row for row in rows})
        finished = [row for row in known.values() if not row.warning]
        write_diagnostics(radiomics_diagnostics(path), finished)
        write_table(path, _with_checksums(finished, names))
        shutil.rmtree(parts, ignore_errors=True)
    return [known[case.case_id] for case in cases]


def _is_current(case: LesionCase, known: Mapping[str, RadiomicsRow], read: ReadInput) -> bool:
    if case.case_id not in known:
        return False
    try:
        return read(case).crc32 == known[case.case_id].crc32
    except RnnetError:
        return False  # the extraction meets the same error and reports it


def _read_rows(paths: Sequence[Path], names: tuple[str, ...]) -> dict[str, RadiomicsRow]:
    """Stored rows by case id; where several files hold a case, the first counts."""
    rows: dict[str, RadiomicsRow] = {}
    for path in paths:
        if not path.is_file():
            continue
        table = read_table(path).select((_CRC, *names))
        notes = read_diagnostics(radiomics_diagnostics(path))
        for case_id, values in zip(table.case_ids, table.values, strict=True):
            row = RadiomicsRow(case_id, values[1:], int(values[0]), diagnostics=notes.get(case_id, {}))
            rows.setdefault(case_id, row)
    return rows


def _with_checksums(rows: Sequence[RadiomicsRow], names: tuple[str, ...]) -> FeatureTable:
    # A 32-bit checksum is exact as float64, so one file holds it beside the features.
    values = np.array([np.r_[float(row.crc32), row.values] for row in rows]).reshape(-1, len(names) + 1)
    return FeatureTable(tuple(row.case_id for row in rows), (_CRC, *names), values)


def _write_part(row: RadiomicsRow, *, folder: Path, names: tuple[str, ...]) -> None:
    # Case ids may hold characters that file names must not. The features come last: with them the row is whole.
    path = folder / f"{text_digest(row.case_id)}.csv"
    write_diagnostics(radiomics_diagnostics(path), [row])
    write_table(path, _with_checksums([row], names))
