"""The text header of NRRD and MetaImage files: what is needed to judge a file before its voxels are read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import FileFormatError
from rnnet.core.image_checks import COPY_AGAIN, check_bytes
from rnnet.core.inflate import MOST_PACKED, inflate, is_text

# A header is a few hundred bytes long; DICOM exporters may add some pages.
_LONGEST = 1 << 20
# The spaces whose axes are those of the patient; others, such as scanner-xyz, do not say where left is.
_SPACES = ("left-posterior-superior", "right-anterior-superior", "left-anterior-superior", "lps", "ras", "las")


@dataclass(frozen=True, slots=True)
class TextHeader:
    """spacing_mm: as written, before any reader has mended it; empty if the header has none.

    is_oriented: whether the axes are those of the patient. data_path: the file of the voxels; None if they are
    spread over several files or are in an encoding that only ITK knows.
    """

    spacing_mm: tuple[float, ...]
    is_oriented: bool
    data_path: Path | None
    data_offset: int
    compressed: bool


def read_text_header(path: Path) -> TextHeader:
    """Header of a .nrrd, .mha or .mhd file.

    Raises:
        FileFormatError: it is neither, or a number in it cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_LONGEST)
    try:
        if path.name.lower().endswith(".nrrd"):
            return _nrrd(head, path)
        return _meta_image(head, path)
    except ValueError as error:
        nature = "is plain text, not an image" if is_text(head[:512]) else "has no valid header"
        raise FileFormatError(f"The file {nature} ({error}).", where=path, fix=COPY_AGAIN) from error


def check_data(header: TextHeader, expected: int, path: Path) -> None:
    """Return if the `expected` bytes of voxels are there and, if they are compressed, undamaged.

    Raises:
        FileFormatError: the file of the voxels is missing, cut off or damaged.
    """
    if header.data_path is None:
        return
    if not header.data_path.is_file():
        raise FileFormatError(f"The file of the voxels, {header.data_path.name}, is missing.", where=path,
                              fix="Copy it beside the header, under the name that stands there.")
    stored = header.data_path.stat().st_size - header.data_offset
    if not header.compressed:
        check_bytes(stored, expected, header.data_path)
        return
    if expected > MOST_PACKED * stored:
        raise FileFormatError(
            f"The file is cut off, or its header is wrong: {stored} bytes cannot hold {expected} bytes of voxels.",
            where=header.data_path, fix=COPY_AGAIN,
        )
    with header.data_path.open("rb") as stream:
        stream.seek(header.data_offset)
        inflate(stream, expected, header.data_path)


def _nrrd(head: bytes, path: Path) -> TextHeader:
    """NRRD, as defined at https://teem.sourceforge.net/nrrd/format.html."""
    if not head.startswith(b"NRRD"):
        raise ValueError("it does not begin with NRRD")
    end = re.search(rb"\r?\n\r?\n", head)
    text = head[: end.start() if end else len(head)].decode("utf-8", "replace")
    fields = _fields(text.splitlines()[1:], ":")
    attached = not {"data file", "datafile"} & fields.keys()
    if attached and end is None:
        raise ValueError("its header has no end")
    encoding = fields.get("encoding", "").lower()
    known = encoding in ("raw", "gz", "gzip") and not {"byte skip", "byteskip", "line skip", "lineskip"} & fields.keys()
    where = path if attached else _beside(path, fields.get("data file", fields.get("datafile", "")))
    vectors = re.findall(r"\(([^)]*)\)", fields.get("space directions", ""))
    lengths = [math.hypot(*_numbers(vector.replace(",", " "))) for vector in vectors]
    spacing = lengths or [s for s in _numbers(fields.get("spacings", "")) if not math.isnan(s)]
    space = fields.get("space", "").lower().removesuffix("-time").removesuffix("t")
    return TextHeader(
        tuple(spacing), bool(vectors) and space in _SPACES, where if known else None,
        end.end() if end and attached else 0, encoding != "raw",
    )


def _meta_image(head: bytes, path: Path) -> TextHeader:
    """MetaImage, as defined at https://itk.org/Wiki/ITK/MetaIO/Documentation."""
    last = re.search(rb"^ElementDataFile *= *([^\r\n]*)\r?\n?", head, re.MULTILINE)
    if last is None:
        raise ValueError("it has no ElementDataFile")
    fields = _fields(head[: last.start()].decode("utf-8", "replace").splitlines(), "=")
    name = last[1].decode("utf-8", "replace").strip()
    attached = name.upper() == "LOCAL"
    known = fields.get("binarydata", "true").lower() in ("true", "1") and fields.get("headersize", "0") == "0"
    where = path if attached else _beside(path, name)
    return TextHeader(
        tuple(_numbers(fields.get("elementspacing", fields.get("elementsize", ""))))[:3],
        bool({"transformmatrix", "rotation", "orientation"} & fields.keys()), where if known else None,
        last.end() if attached else 0, fields.get("compresseddata", "false").lower() in ("true", "1"),
    )


def _fields(lines: list[str], separator: str) -> Mapping[str, str]:
    pairs = (line.partition(separator) for line in lines if not line.startswith("#"))
    return {name.strip().lower(): value.strip() for name, found, value in pairs if found}


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.split()]


def _beside(path: Path, name: str) -> Path | None:
    """The one data file that a header names; None for a list or a pattern of names."""
    return path.parent / name if name and "%" not in name and not name.upper().startswith("LIST") else None
