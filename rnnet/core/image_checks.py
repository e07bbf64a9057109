"""What every image reader checks: the file is there, its size, its voxel size and its axes make sense."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

from rnnet.core.errors import FileFormatError

COPY_AGAIN = "Copy or export it again."
# Voxels of clinical MRI lie between .2 and 10 mm; beyond these bounds the header is wrong or in another unit.
SPACING_MM = (0.01, 50.0)
# Largest cosine between two axes that counts as rounding; more is a shear, which a rigid grid cannot hold.
MOST_SHEAR = 1e-3


def check_file(path: Path) -> None:
    """Return if `path` is a file with content that may be read.

    Raises:
        FileFormatError: missing, a link that leads nowhere, without the right to read, or empty.
    """
    try:
        with path.open("rb") as stream:
            empty = not stream.read(1)
    except FileNotFoundError as error:
        if path.is_symlink():
            raise FileFormatError("The file is a symbolic link whose target does not exist.", where=path,
                                  fix="Correct the link, or copy the file itself.") from error
        raise FileFormatError("The image file does not exist.", where=path, fix="Check its name and folder.") from error
    except PermissionError as error:
        raise FileFormatError("You may not read the file (permission denied).", where=path,
                              fix="Give yourself the right to read it and its folder.") from error
    except OSError as error:
        raise FileFormatError(f"The file cannot be opened ({error.strerror}).", where=path, fix=COPY_AGAIN) from error
    if empty:
        raise FileFormatError("The file is empty (0 bytes).", where=path, fix=COPY_AGAIN)


def check_size(size: Sequence[int], path: Path) -> None:
    """Return if `size` (x, y, z, ...) is that of one 3-D volume.

    Raises:
        FileFormatError: no voxels, a single slice, or several volumes.
    """
    shown = " x ".join(map(str, size))
    if not size or min(size) < 1:
        raise FileFormatError(f"The header promises no voxels: its size is {shown or 'empty'}.", where=path,
                              fix="Export the image again.")
    if len(size) < 3 or min(size[:3]) == 1:
        raise FileFormatError(f"The image must be one scalar 3-D volume. Got a single slice ({shown}).", where=path,
                              fix="Export the whole stack of slices as one 3-D file.")
    if any(n > 1 for n in size[3:]):
        raise FileFormatError(f"The image must be one scalar 3-D volume. Got several in one file ({shown}).",
                              where=path, fix="Extract the one T1CE volume and save it alone.")


def check_spacing(spacing_mm: Sequence[float], path: Path) -> None:
    """Return if every spacing is within SPACING_MM.

    Raises:
        FileFormatError: zero, negative, not a number, or not the size of a voxel of a head.
    """
    low, high = SPACING_MM
    if not all(isfinite(s) and low <= s <= high for s in spacing_mm):
        shown = " x ".join(f"{s:g}" for s in spacing_mm)
        raise FileFormatError(f"The header's voxel size is {shown} mm; it must be within {low:g} to {high:g} mm.",
                              where=path, fix="Correct the header, or convert the series from DICOM again.")


def check_bytes(actual: int, expected: int, path: Path) -> None:
    """Return if at least the expected number of bytes is there.

    Raises:
        FileFormatError: fewer bytes.
    """
    if actual < expected:
        raise FileFormatError(f"The file is cut off: {actual} of {expected} bytes are there.", where=path,
                              fix=COPY_AGAIN)
