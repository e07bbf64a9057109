"""A folder of new scans, their masks and a clinical table, as a data set in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rnnet.core.errors import CaseFailedError, DatasetError, RnnetError
from rnnet.core.log import get_logger
from rnnet.core.types import ClinicalValue, LesionCase, Scan
from rnnet.core.volume import image_stem, read_volume
from rnnet.core.workspace import RawLayout, find_image, find_image_if_there
from rnnet.dataset.case import RawDataset
from rnnet.dataset.manifest import Manifest
from rnnet.dataset.pool import image_files, pool_cases
from rnnet.dataset.table import parse_clinical, read_table

Failures = list[CaseFailedError]
log = get_logger(__name__)


def read_new_scans(
    images: Path, masks: Path, clinical_table: Path | None, manifest: Manifest, *, brain_masks: Path | None = None
) -> tuple[RawDataset, Failures]:
    """The lesions of all scans whose mask can be read, and a failure for each of the others.

    Image <scan>_0000 or <scan>, mask <scan>, and <scan> in brain_masks for the scans that have a brain mask. Mask
    value k is lesion k; when all masks hold zeros and one value only, every connected component is a lesion. The
    clinical table has scan_id, optionally lesion_value, and the manifest's clinical columns; a column that it lacks is
    missing for every lesion.

    Raises:
        DatasetError: no image in the folder, no folder of brain masks, or a table that does not fit.
    """
    paths = list(image_files(images))
    if not paths:
        raise DatasetError("The folder holds no image.", where=images, fix="Put NIfTI, NRRD or MHA files there.")
    if brain_masks is not None and not brain_masks.is_dir():
        raise DatasetError("The folder of brain masks is not there.", where=brain_masks,
                           fix="Check the path of --brain_masks.")
    scans: list[Scan] = []
    failures: Failures = []
    for path in paths:
        scan_id = image_stem(path).removesuffix("_0000")
        mask = find_image(masks, scan_id, ".nii.gz")
        try:
            if not read_volume(mask).array.any():
                raise DatasetError("The mask is empty.", where=mask, fix="Mark the lesion with a value above 0.")
            brain = find_image_if_there(brain_masks, scan_id, ".nii.gz") if brain_masks else None
            scans.append(Scan(scan_id, scan_id, "new", None, path, mask, "test", brain))
        except RnnetError as error:
            failures.append(CaseFailedError(f"{scan_id}: {error.problem}", where=error.where, fix=error.fix))
    without = [s.scan_id for s in scans if s.brain_path is None]
    if brain_masks is not None and without:
        log.warning("%d scan(s) have no brain mask in %s: %s.", len(without), brain_masks, ", ".join(without[:5]))
    cases, components = pool_cases(tuple(scans))
    values = _read_clinical(clinical_table, manifest) if clinical_table else {}
    cases = tuple(replace(case, clinical=_clinical_of(case, values, manifest)) for case in cases)
    return RawDataset("New scans", RawLayout(images), manifest, tuple(scans), cases, components), failures


def _clinical_of(
    case: LesionCase, values: Mapping[tuple[str, str], dict[str, ClinicalValue]], manifest: Manifest
) -> dict[str, ClinicalValue]:
    """Values of the lesion's own row, else of its scan's row, else nothing."""
    row = values.get((case.scan_id, str(case.lesion_value))) or values.get((case.scan_id, "")) or {}
    return {name: row.get(name) for name in manifest.clinical}


def _read_clinical(path: Path, manifest: Manifest) -> dict[tuple[str, str], dict[str, ClinicalValue]]:
    if not path.is_file():
        raise DatasetError("The clinical table does not exist.", where=path, fix="Check the path of --clinical.")
    table = read_table(path, ("scan_id",))
    problems = list(table.problems)
    rows: dict[tuple[str, str], dict[str, ClinicalValue]] = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        values: dict[str, ClinicalValue] = {}
        for name, column in manifest.clinical.items():
            if name in row:
                values[name], problem = parse_clinical(row[name], column, name, table.where(line, name))
                problems += [problem] if problem else []
        rows[row["scan_id"], row.get("lesion_value", "")] = values
    if problems:
        first = problems[0]
        message = f"{first.message} ({len(problems)} problem(s) in the table)"
        raise DatasetError(message, where=first.where, fix=first.fix)
    return rows
