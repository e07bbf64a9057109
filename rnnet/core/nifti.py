"""What ITK's NIfTI reader passes over in silence: files that are cut off, and voxels that are not finite.

It fills the missing rest of a cut-off file with zeros and replaces NaN and infinity by zero.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from rnnet.core.errors import FileFormatError

_FIX = "Copy or export it again."


def is_nifti(path: Path) -> bool:
    """Whether the file's name says NIfTI."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def check_whole(path: Path) -> None:
    """Return if the NIfTI file at `path` has all the voxels that its header promises.

    Raises:
        FileFormatError: no NIfTI header, a name that ends in .gz without compression, or bytes missing at the end.
    """
    compressed = path.name.lower().endswith(".gz")
    with path.open("rb") as stream:
        if compressed and stream.read(2) != b"\x1f\x8b":
            raise FileFormatError("The file is called .gz, but its content is not compressed.", where=path, fix=_FIX)
    image = _load(path)
    itemsize = image.header.get_data_dtype().itemsize
    expected = int(image.dataobj.offset) + int(np.prod(image.shape, dtype=np.int64)) * itemsize
    actual = _content_bytes(path, expected) if compressed else path.stat().st_size
    if actual < expected:
        raise FileFormatError(
            f"The file is cut off: {actual} of {expected} bytes are there.", where=path, fix=_FIX
        )


def count_not_finite(path: Path) -> int:
    """Voxels of the NIfTI file at `path` that are stored as NaN or infinity."""
    image = _load(path)
    if image.header.get_data_dtype().kind != "f":
        return 0
    stored = image.dataobj.get_unscaled()
    return int(stored.size - np.count_nonzero(np.isfinite(stored)))


def _load(path: Path) -> Any:
    import nibabel

    try:
        return nibabel.load(path)
    except (nibabel.filebasedimages.ImageFileError, nibabel.spatialimages.HeaderDataError, OSError, EOFError) as error:
        raise FileFormatError("The file has no valid NIfTI header.", where=path, fix=_FIX) from error


def _content_bytes(path: Path, expected: int) -> int:
    """Length of the content of a gzip file, up to its damage if it has one."""
    with path.open("rb") as stream:
        stream.seek(-4, 2)
        # A gzip file ends with the length of its content; only if that does not fit must it be unpacked.
        if int.from_bytes(stream.read(4), "little") == expected % 2**32:
            return expected
    length = 0
    try:
        with gzip.open(path) as stream:
            while block := stream.read(1 << 20):
                length += len(block)
    except (EOFError, OSError, zlib.error):
        # read() gives nothing of the block in which the damage lies; the length is a lower bound.
        return length
    return length
