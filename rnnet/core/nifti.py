"""NIfTI files, read and written with nibabel's headers.

ITK's NIfTI reader fills the missing rest of a cut-off file with zeros, replaces NaN by zero and does not compare
checksums; its writer leaves half a file on a full disk. All of that in silence, so NIfTI does not go through ITK.
"""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from rnnet.core.errors import FileFormatError
from rnnet.core.geometry import Array, Volume
from rnnet.core.image_checks import COPY_AGAIN, check_bytes, check_file, check_size
from rnnet.core.inflate import GZIP, MOST_PACKED, first_bytes, inflate, is_text
from rnnet.core.nifti_grid import read_grid

_HEADER_BYTES = {348: 1, 540: 2}  # header length -> version of NIfTI
_NO_HEADER = "The file has no valid NIfTI header."


def read_nifti(path: Path) -> Volume:
    """The volume of a .nii or .nii.gz file, in LPS and in the machine's byte order.

    Integers stay integers unless the header has a scaling; scaled ones become float32, of 32 bits and more float64.

    Raises:
        FileFormatError: see read_volume.
    """
    check_file(path)
    _check_name(path)
    header = _read_header(path)
    size = tuple(int(n) for n in header["dim"][1 : 1 + int(header["dim"][0])])
    check_size(size, path)
    dtype = _voxel_type(header, path)
    grid = read_grid(header, size[:3], path)
    flat = _read_voxels(path, dtype, int(np.prod(size, dtype=object)), _offset(header, path))
    array = _scaled(flat.astype(dtype.newbyteorder("="), copy=False), header, path).reshape(size[2::-1])
    x, y, z = grid.spacing_xyz_mm.tolist()
    ox, oy, oz = grid.origin_xyz_mm.tolist()
    return Volume(array, (z, y, x), (ox, oy, oz), tuple(grid.axes_xyz.ravel().tolist()), grid.notes)


def write_nifti(path: Path, volume: Volume) -> None:
    """Write a .nii or .nii.gz file with equal sform and qform. The same volume gives the same bytes."""
    import nibabel

    array = volume.array.astype(np.uint8) if volume.array.dtype == bool else volume.array
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.index_to_world
    image = nibabel.Nifti1Image(array.T, affine, dtype=array.dtype)
    image.set_sform(affine, "scanner")
    image.set_qform(affine, "scanner")
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


def _check_name(path: Path) -> None:
    """Return if the file is compressed exactly if its name says so."""
    with path.open("rb") as stream:
        head = stream.read(512)
    compressed = head.startswith(GZIP)
    if path.name.lower().endswith(".gz") and not compressed:
        nature = "plain text" if is_text(head) else "not compressed"
        raise FileFormatError(f"The file is called .gz, but its content is {nature}.", where=path, fix=COPY_AGAIN)
    if compressed and not path.name.lower().endswith(".gz"):
        raise FileFormatError("The file is compressed, but its name does not end in .gz.", where=path,
                              fix="Rename it to .nii.gz.")


def _read_header(path: Path) -> Any:
    """nibabel's view of the header as it stands in the file: nothing is mended."""
    import nibabel

    content = first_bytes(path, max(_HEADER_BYTES))
    little, big = int.from_bytes(content[:4], "little"), int.from_bytes(content[:4], "big")
    length, code = (big, ">") if big in _HEADER_BYTES else (little, "<")
    version = _HEADER_BYTES.get(length)
    if version is None or len(content) < length:
        problem = "The file is plain text, not an image." if is_text(content) else _NO_HEADER
        raise FileFormatError(problem, where=path, fix=COPY_AGAIN)
    magic = content[344:348] if version == 1 else content[4:8]
    if magic != b"n+%d\0" % version:
        nature = "of a .hdr/.img pair, without voxels" if magic[:2] == b"ni" else "not NIfTI's (ANALYZE?)"
        raise FileFormatError(f"The file's header is {nature}.", where=path,
                              fix="Convert the series from DICOM to .nii.gz again.")
    kind = nibabel.Nifti1Header if version == 1 else nibabel.Nifti2Header
    header = kind(content[:length], endianness=code, check=False)
    if not 1 <= int(header["dim"][0]) <= 7:
        raise FileFormatError(f"The header promises {int(header['dim'][0])} dimensions.", where=path, fix=COPY_AGAIN)
    return header


def _voxel_type(header: Any, path: Path) -> np.dtype[Any]:
    import nibabel

    try:
        dtype: np.dtype[Any] = header.get_data_dtype()
    except (nibabel.spatialimages.HeaderDataError, KeyError) as error:
        raise FileFormatError(f"The header's voxel type {int(header['datatype'])} is unknown.", where=path,
                              fix="Export the image as 16-bit integers or 32-bit floats.") from error
    if dtype.kind == "c":
        raise FileFormatError("The image is complex-valued.", where=path, fix="Save its magnitude.")
    if dtype.fields:
        raise FileFormatError("The image has colours, not one scalar per voxel.", where=path,
                              fix="Export the grey values.")
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise FileFormatError(f"Voxels of the type {dtype} cannot be read.", where=path,
                              fix="Export the image as 16-bit integers or 32-bit floats.")
    return dtype


def _offset(header: Any, path: Path) -> int:
    """Bytes before the first voxel."""
    offset = float(header["vox_offset"])
    least = int(header["sizeof_hdr"]) + 4
    if offset == 0:
        return least
    if not isfinite(offset) or offset < least:
        raise FileFormatError(f"The header says that the voxels begin at byte {offset:g}.", where=path, fix=COPY_AGAIN)
    return int(offset)


def _read_voxels(path: Path, dtype: np.dtype[Any], count: int, offset: int) -> Array:
    """All voxels of the file, flat and as they are stored."""
    expected, stored = offset + count * dtype.itemsize, path.stat().st_size
    with path.open("rb") as stream:
        if not path.name.lower().endswith(".gz"):
            check_bytes(stored, expected, path)
            return np.fromfile(stream, dtype, count, offset=offset)
        if expected > MOST_PACKED * stored:
            # Asked before any memory is taken for voxels that cannot be there.
            raise FileFormatError(
                f"The file is cut off, or its header is wrong: {stored} bytes cannot hold {count} voxels.",
                where=path, fix=COPY_AGAIN,
            )
        return np.frombuffer(inflate(stream, expected, path), dtype, count, offset)


def _scaled(flat: Array, header: Any, path: Path) -> Array:
    """The voxels times scl_slope plus scl_inter, if the header sets them and they change anything."""
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not isfinite(slope):
        return flat
    if not isfinite(inter):
        raise FileFormatError(f"The header's scl_inter is {inter}.", where=path, fix="Set it to 0, or export again.")
    if (slope, inter) == (1.0, 0.0):
        return flat
    kept = np.float64 if flat.dtype.itemsize > 4 or flat.dtype in (np.int32, np.uint32) else np.float32
    return (flat * slope + inter).astype(kept, copy=False)
