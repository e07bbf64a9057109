"""A folder of new scans, their masks and a clinical table, as a data set in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnnet.core.errors import CaseFailedError, DatasetError, FileFormatError, RnnetError
from rnnet.core.log import get_logger
from rnnet.core.types import Scan
from rnnet.core.volume import read_volume
from rnnet.core.wording import listed
from rnnet.core.workspace import RawLayout, find_image, find_image_if_there
from rnnet.dataset.case import RawDataset
from rnnet.dataset.lesions import MINIMUM_LESION_VOX, whole_labels
from rnnet.dataset.manifest import Manifest
from rnnet.dataset.pool import pool_cases
from rnnet.inference.clinical_rows import with_clinical_rows
from rnnet.inference.images import find_new_images

Failures = list[CaseFailedError]
log = get_logger(__name__)


def read_new_scans(
    images: Path, masks: Path, clinical_table: Path | None, manifest: Manifest, *, brain_masks: Path | None = None
) -> tuple[RawDataset, Failures]:
    """The lesions of all scans with one image and a usable mask, and a failure for each of the others.

    Image <scan>_0000 or <scan>, mask <scan>, and <scan> in brain_masks for the scans that have a brain mask. Mask
    value k is lesion k; when all masks hold zeros and one value only, every connected component is a lesion. Lesions
    whose centre the clinical table does not name are of the centre 'new'; see with_clinical_rows.

    Raises:
        DatasetError: a folder is not there or holds no image, folders that cannot be one, or a table that does not fit.
    """
    for folder, what, option in ((images, "images", "-i"), (masks, "masks", "-m")):
        if not folder.is_dir():
            raise DatasetError(f"The folder of {what} is not there.", where=folder, fix=f"Check the path of {option}.")
    if brain_masks is not None:
        _check_brain_masks(brain_masks, masks)
    scans: list[Scan] = []
    failures: Failures = []
    found = find_new_images(images, [masks, *([brain_masks] if brain_masks else [])])
    for scan_id, paths in found.items():
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
        log.warning("%d scan(s) have no brain mask in %s: %s.", len(without), brain_masks, listed(without))
    cases = with_clinical_rows(cases, clinical_table, manifest, failed_scans=found.keys() - with_lesion)
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
    if not mask.exists():
        raise DatasetError("The mask does not exist.", where=mask, fix="Put the mask <scan> there, or check -m.")
    try:
        labels = whole_labels(read_volume(mask).array)
    except FileFormatError as failure:
        raise DatasetError(failure.problem, where=failure.where or mask, fix=failure.fix) from failure
    if not labels.any():
        raise DatasetError("The mask is empty.", where=mask, fix="Mark the lesion with a value above 0.")
    brain = find_image_if_there(brain_masks, scan_id, ".nii.gz") if brain_masks else None
    return Scan(scan_id, scan_id, "new", None, images[0], mask, "test", brain)
