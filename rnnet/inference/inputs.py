"""A folder of new scans, their masks and a clinical table, as a data set in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnnet.core.errors import CaseFailedError, DatasetError, FileFormatError, RnnetError
from rnnet.core.log import get_logger
from rnnet.core.types import ClinicalValue, LesionCase, Scan
from rnnet.core.volume import read_volume
from rnnet.core.workspace import RawLayout, find_image, find_image_if_there
from rnnet.dataset.case import RawDataset
from rnnet.dataset.lesions import MINIMUM_LESION_VOX, whole_labels
from rnnet.dataset.manifest import Manifest
from rnnet.dataset.pool import pool_cases
from rnnet.dataset.problems import error
from rnnet.dataset.table import parse_clinical, read_table
from rnnet.inference.images import find_new_images

Failures = list[CaseFailedError]
# In cases.csv a mistake; here a patient may have what no training patient had.
_UNKNOWN_CATEGORY = "category-unknown"
log = get_logger(__name__)


def read_new_scans(
    images: Path, masks: Path, clinical_table: Path | None, manifest: Manifest, *, brain_masks: Path | None = None
) -> tuple[RawDataset, Failures]:
    """The lesions of all scans with one image and a usable mask, and a failure for each of the others.

    Image <scan>_0000 or <scan>, mask <scan>, and <scan> in brain_masks for the scans that have a brain mask. Mask
    value k is lesion k; when all masks hold zeros and one value only, every connected component is a lesion. The
    clinical table has scan_id, optionally lesion_value and center, and the manifest's clinical columns; a column that
    it lacks is missing for every lesion. A category that dataset.json does not declare is kept as it stands. Lesions
    whose centre is not named are of the centre 'new'.

    Raises:
        DatasetError: no image in the folder, no folder of brain masks, folders that cannot be one, or a table that
            does not fit.
    """
    if brain_masks is not None:
        _check_brain_masks(brain_masks, masks)
    scans: list[Scan] = []
    failures: Failures = []
    for scan_id, paths in find_new_images(images, [masks, *([brain_masks] if brain_masks else [])]).items():
        try:
            scans.append(_read_scan(scan_id, paths, masks, brain_masks))
        except RnnetError as failure:
            failures.append(CaseFailedError(f"{scan_id}: {failure.problem}", where=failure.where, fix=failure.fix))
    cases, components = pool_cases(tuple(scans))
    with_lesion = {case.scan_id for case in cases}
    failures += [
        CaseFailedError(f"{s.scan_id}: The mask has no lesion of {MINIMUM_LESION_VOX} voxels or more.",
                        where=s.mask_path, fix="Draw the whole lesion.")
        for s in scans if s.scan_id not in with_lesion
    ]
    scans = [s for s in scans if s.scan_id in with_lesion]
    without = [s.scan_id for s in scans if s.brain_path is None]
    if brain_masks is not None and without:
        log.warning("%d scan(s) have no brain mask in %s: %s.", len(without), brain_masks, ", ".join(without[:5]))
    rows = _read_clinical(clinical_table, manifest) if clinical_table else {}
    cases = tuple(_with_row(case, rows, manifest) for case in cases)
    return RawDataset("New scans", RawLayout(images), manifest, tuple(scans), cases, components), failures


def _check_brain_masks(brain_masks: Path, masks: Path) -> None:
    if not brain_masks.is_dir():
        raise DatasetError("The folder of brain masks is not there.", where=brain_masks,
                           fix="Check the path of --brain_masks.")
    if brain_masks.resolve() == masks.resolve():
        raise DatasetError("Lesion masks and brain masks cannot lie in one folder: both are called <scan>.",
                           where=brain_masks, fix="Give --brain_masks a folder of its own.")


def _read_scan(scan_id: str, images: Sequence[Path], masks: Path, brain_masks: Path | None) -> Scan:
    """The scan. Raises RnnetError if it has several images, or its mask is missing, empty or no mask."""
    if len(images) > 1:
        raise DatasetError("The scan stands in several images; none of them is used.",
                           where=", ".join(map(str, images)),
                           fix="Rename or remove all but one; masks belong into a folder of their own.")
    mask = find_image(masks, scan_id, ".nii.gz")
    try:
        labels = whole_labels(read_volume(mask).array)
    except FileFormatError as failure:
        raise DatasetError(failure.problem, where=failure.where or mask, fix=failure.fix) from failure
    if not labels.any():
        raise DatasetError("The mask is empty.", where=mask, fix="Mark the lesion with a value above 0.")
    brain = find_image_if_there(brain_masks, scan_id, ".nii.gz") if brain_masks else None
    return Scan(scan_id, scan_id, "new", None, images[0], mask, "test", brain)


@dataclass(frozen=True, slots=True)
class _ClinicalRow:
    """A row of the clinical table. center: '' where it is not named."""

    center: str = ""
    values: Mapping[str, ClinicalValue] = field(default_factory=dict)


def _with_row(
    case: LesionCase, rows: Mapping[tuple[str, str], _ClinicalRow], manifest: Manifest
) -> LesionCase:
    """The lesion with what stands in its own row, else in its scan's row, else with nothing."""
    row = rows.get((case.scan_id, str(case.lesion_value))) or rows.get((case.scan_id, "")) or _ClinicalRow()
    clinical = {name: row.values.get(name) for name in manifest.clinical}
    return replace(case, center=row.center or case.center, clinical=clinical)


def _read_clinical(path: Path, manifest: Manifest) -> dict[tuple[str, str], _ClinicalRow]:
    """By scan and lesion value ('' where the table has none)."""
    if not path.is_file():
        raise DatasetError("The clinical table does not exist.", where=path, fix="Check the path of --clinical.")
    table = read_table(path, ("scan_id",))
    problems = list(table.problems)
    rows: dict[tuple[str, str], _ClinicalRow] = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        values: dict[str, ClinicalValue] = {}
        for name, column in manifest.clinical.items():
            if name in row:
                values[name], problem = parse_clinical(row[name], column, name, table.where(line, name))
                if problem and problem.code == _UNKNOWN_CATEGORY:
                    values[name] = row[name]  # the model says of each lesion what it makes of it
                elif problem:
                    problems.append(problem)
        found = _ClinicalRow(row.get("center", ""), values)
        if rows.setdefault((row["scan_id"], row.get("lesion_value", "")), found) != found:
            problems.append(error("duplicate-lesion", table.where(line, "scan_id"),
                                  f"The scan '{row['scan_id']}' has two different rows for one lesion.", "Remove one."))
    if problems:
        first = problems[0]
        message = f"{first.message} ({len(problems)} problem(s) in the table)"
        raise DatasetError(message, where=first.where, fix=first.fix)
    return rows
