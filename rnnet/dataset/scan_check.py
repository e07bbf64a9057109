"""Checks of one scan's voxels and geometry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnet.core.errors import FileFormatError
from rnnet.core.nifti import count_not_finite, is_nifti
from rnnet.core.types import Problem, Scan
from rnnet.core.volume import Volume, read_volume
from rnnet.dataset.lesions import MINIMUM_LESION_VOX, Labels, lesion_labels, voxel_counts, whole_labels
from rnnet.dataset.problems import error, warning

EXACT_MM = 1e-3
_RESAMPLE = "Resample the mask onto the image's grid (nearest neighbour), or draw it on this image."


@dataclass(frozen=True, slots=True)
class ScanJob:
    """A scan and the lesion values that cases.csv names in it; None in an unlabelled pool."""

    scan: Scan
    lesion_values: tuple[int, ...] | None


def check_scan(job: ScanJob) -> list[Problem]:
    """All problems of one scan's image and mask files. A file that is not there is no matter of this check."""
    scan = job.scan
    image, problems = _read(scan.image_path, "image") if scan.image_path.is_file() else (None, [])
    if image is not None:
        problems += _check_voxels(scan.image_path, image)
    if scan.mask_path is None or not scan.mask_path.is_file():
        return problems
    mask, found = _read(scan.mask_path, "mask")
    problems += found
    if mask is None:
        return problems
    if image is not None:
        problems += _check_grids(scan.mask_path, image, mask)
    try:
        labels = whole_labels(mask.array)
    except FileFormatError as failure:
        return [*problems, error("mask-values-not-whole", scan.mask_path, failure.problem, failure.fix)]
    return problems + _check_lesions(scan.mask_path, labels, job.lesion_values)


def _read(path: Path, kind: str) -> tuple[Volume | None, list[Problem]]:
    if path.stat().st_size == 0:
        return None, [error("zero-byte-file", path, f"The {kind} file is empty (0 bytes).", "Copy or export it again.")]
    size = _size_xyz(path)
    if size is not None and not _is_volume(size):
        return None, [error("not-3d", path, f"The {kind} has the size {size} (x, y, z, ...), not one 3-D volume.",
                            "Save the one T1CE volume, or its mask, alone as a 3-D file.")]
    try:
        return read_volume(path), []
    except FileFormatError as failure:
        message = _disguise(path) or failure.problem
        return None, [error(f"unreadable-{kind}", path, message, failure.fix)]


def _size_xyz(path: Path) -> tuple[int, ...] | None:
    """Size from the header; None where the header cannot be read."""
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return None
    return tuple(int(n) for n in reader.GetSize())


def _is_volume(size: tuple[int, ...]) -> bool:
    return len(size) >= 3 and min(size[:3]) > 1 and all(n == 1 for n in size[3:])


def _disguise(path: Path) -> str:
    """What a file that is no image really is, as far as its first bytes tell; '' if they do not."""
    head = path.open("rb").read(512)
    if path.name.lower().endswith(".gz") and not head.startswith(b"\x1f\x8b"):
        nature = "plain text" if _is_text(head) else "not compressed"
        return f"The file is called .gz, but its content is {nature}."
    is_header = head.startswith((b"NRRD", b"ObjectType", b"NDims"))
    return "The file's content is plain text, not an image." if _is_text(head) and not is_header else ""


def _is_text(head: bytes) -> bool:
    return all(32 <= b < 127 or b in b"\t\r\n" for b in head)


def _check_voxels(path: Path, image: Volume) -> list[Problem]:
    array = image.array
    if array.dtype.kind == "f":
        # The NIfTI reader has replaced such voxels by 0 in the array already.
        wrong = count_not_finite(path) if is_nifti(path) else array.size - int(np.count_nonzero(np.isfinite(array)))
        if wrong:
            return [error("nan-or-inf", path, f"{wrong} voxels are not finite numbers (NaN or infinite).",
                          "Replace them, for example by 0 outside the head.")]
    if array.min() == array.max():
        return [error("constant-image", path, f"All voxels have the value {array.flat[0]}.", "Export the image again.")]
    return []


def _check_grids(path: Path, image: Volume, mask: Volume) -> list[Problem]:
    if image.array.shape != mask.array.shape:
        return [error("shape-mismatch", path, f"The mask has {mask.array.shape} voxels (z, y, x), the image "
                      f"{image.array.shape}.", _RESAMPLE)]
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in image.array.shape])).reshape(3, -1).T
    gap_mm = float(np.linalg.norm(image.world_xyz_mm(corners) - mask.world_xyz_mm(corners), axis=1).max())
    if gap_mm > min(image.spacing_zyx_mm) / 2:
        return [error("geometry-mismatch", path, f"Mask and image lie up to {gap_mm:.1f} mm apart (origin, spacing or "
                      "direction differ).", _RESAMPLE)]
    if gap_mm > EXACT_MM:
        return [warning("geometry-slightly-off", path, f"Mask and image lie up to {gap_mm:.3f} mm apart.",
                        "The image's geometry is used for both; nothing need be done.")]
    return []


def _check_lesions(path: Path, labels: Labels, values: tuple[int, ...] | None) -> list[Problem]:
    counts = voxel_counts(labels)
    if not counts:
        level = error if values is not None else warning
        return [level("empty-mask", path, "The mask has no lesion: all voxels are 0.",
                      "Draw the lesions, or remove the scan.")]
    if values is None:
        return _check_components(path, labels, counts)
    present = ", ".join(map(str, counts))
    problems = [
        error("lesion-value-absent", path, f"The lesion value {v} does not occur; the mask has {present}.",
              "Correct lesion_value in cases.csv, or the mask.")
        for v in values if v not in counts
    ]
    problems += [
        warning("mask-without-case", path, f"The mask value {v} ({n} voxels) has no row in cases.csv.",
                "Add a row (the outcome may stay empty), or leave that lesion unused.")
        for v, n in counts.items() if v not in values
    ]
    return problems + [_small(path, v, n) for v, n in counts.items() if v in values and n < MINIMUM_LESION_VOX]


def _check_components(path: Path, labels: Labels, counts: dict[int, int]) -> list[Problem]:
    """A mask of a pool: values, or components if it is binary."""
    if len(counts) > 1:
        return [_small(path, v, n) for v, n in counts.items() if n < MINIMUM_LESION_VOX]
    kept = sum(voxel_counts(lesion_labels(labels, components=True)).values())
    ignored = sum(counts.values()) - kept
    if not ignored:
        return []
    return [warning("ignored-specks", path, f"{ignored} voxels lie in components of fewer than {MINIMUM_LESION_VOX} "
                    "voxels, which a binary mask's lesions do not count.", "Remove them if they are noise.")]


def _small(path: Path, value: int, count: int) -> Problem:
    return warning("small-lesion", path, f"The lesion {value} has only {count} voxels.",
                   f"Check it; under {MINIMUM_LESION_VOX} voxels it gets no radiomics.")
