"""Checks of one scan's files: each is read once, and everything that the check of the set needs is taken from it."""

from __future__ import annotations

from dataclasses import dataclass

from rnnet.core.log import get_logger
from rnnet.core.types import Problem, Scan
from rnnet.core.volume import Volume
from rnnet.dataset.brain_check import check_brain_mask
from rnnet.dataset.content import ScanContent, voxel_digest
from rnnet.dataset.file_check import check_voxels, read_checked
from rnnet.dataset.head import Head, find_head
from rnnet.dataset.mask_check import MaskCheck, check_mask
from rnnet.dataset.problems import error

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ScanJob:
    """A scan and the lesion values that cases.csv names in it; None in an unlabelled pool."""

    scan: Scan
    lesion_values: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class ScanCheck:
    """What the check of one scan found. if_values, if_components, n_values: see MaskCheck."""

    content: ScanContent
    problems: tuple[Problem, ...] = ()
    if_values: tuple[Problem, ...] = ()
    if_components: tuple[Problem, ...] = ()
    n_values: int = 0


def check_scan(job: ScanJob) -> ScanCheck:
    """All problems of one scan's image and masks. A file that is not there is no matter of this check."""
    try:
        return _check(job.scan, job.lesion_values)
    except Exception as failure:
        # Whatever a library trips over in one scan must not end the check of the others.
        log.debug("%s failed.", job.scan.scan_id, exc_info=True)
        reason = " ".join(str(failure).split())
        found = error("check-failed", job.scan.image_path, f"{type(failure).__name__}: {reason}",
                      "Look at the image and its header; export it again as .nii.gz.")
        return ScanCheck(ScanContent.of(job.scan), (found,))


def _check(scan: Scan, values: tuple[int, ...] | None) -> ScanCheck:
    content, head, checked = ScanContent.of(scan), None, MaskCheck()
    image, problems = read_checked(scan.image_path, "image")
    if image is not None:
        head = find_head(image)
        wrong = check_voxels(scan.image_path, image, head)
        problems += wrong
        content = _content(scan, image, head, comparable=all(p.code != "constant-image" for p in wrong))
    mask, found = read_checked(scan.mask_path, "mask")
    problems += found
    if mask is not None and scan.mask_path is not None:
        checked = check_mask(scan.mask_path, mask, image, head, values)
        problems += checked.problems
    brain, found = read_checked(scan.brain_path, "brain-mask")
    problems += found
    if brain is not None and scan.brain_path is not None:
        problems += check_brain_mask(scan.brain_path, brain, image, checked.points)
    return ScanCheck(
        content, tuple(problems), tuple(checked.if_values), tuple(checked.if_components), checked.n_values
    )


def _content(scan: Scan, image: Volume, head: Head | None, *, comparable: bool) -> ScanContent:
    """comparable: constant images are all alike, and are an error of their own."""
    digest = voxel_digest(image) if comparable else ""
    if head is None:
        return ScanContent.of(scan, digest=digest)
    return ScanContent.of(scan, digest=digest, intensity_p1=head.intensity_p1, intensity_p99=head.intensity_p99)
