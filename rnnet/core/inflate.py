"""Compressed content, unpacked to its end: only there stands the checksum that tells whether it is undamaged."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO

from rnnet.core.errors import FileFormatError
from rnnet.core.image_checks import COPY_AGAIN, check_bytes

GZIP = b"\x1f\x8b"
# Deflate packs at most 1032 bytes into one; a header that promises more than that speaks of no real file.
MOST_PACKED = 1032
_BLOCK = 1 << 18
_PIECE = 1 << 24
_EITHER = 47  # zlib finds out by itself whether the content has a gzip or a zlib header


def inflate(stream: BinaryIO, expected: int, path: Path) -> bytearray:
    """The first `expected` bytes of the content of `stream`, which is gzip (one member or more) or zlib.

    All of it is unpacked and its checksums are compared, but no more than `expected` bytes are held.

    Raises:
        FileFormatError: damaged, or cut off before the end or before `expected` bytes.
    """
    content = bytearray()
    unpack = zlib.decompressobj(_EITHER)
    data = stream.read(_BLOCK)
    try:
        while data:
            content += unpack.decompress(data, _PIECE)[: expected - len(content)]
            data = unpack.unconsumed_tail or stream.read(_BLOCK)
            if unpack.eof:
                data = unpack.unused_data + data
                if not data.startswith(GZIP):
                    break  # the end; some writers fill up the last block of the disk
                unpack = zlib.decompressobj(_EITHER)
        if not unpack.eof:
            content += unpack.flush()[: expected - len(content)]
    except zlib.error as error:
        reason = str(error).rpartition(": ")[2]
        raise FileFormatError(f"The file is damaged: its content cannot be unpacked ({reason}).", where=path,
                              fix=COPY_AGAIN) from error
    check_bytes(len(content), expected, path)
    if not unpack.eof:
        raise FileFormatError("The file is cut off: the end of its compressed content is missing.", where=path,
                              fix=COPY_AGAIN)
    return content


def first_bytes(path: Path, count: int) -> bytes:
    """Up to `count` bytes of the content of a file, unpacked if it is compressed; fewer if it is cut off or damaged."""
    with path.open("rb") as stream:
        head = stream.read(max(count, 1 << 16))
    if not head.startswith(GZIP):
        return head[:count]
    try:
        return zlib.decompressobj(_EITHER).decompress(head, count)
    except zlib.error:
        return b""


def is_text(head: bytes) -> bool:
    """Whether the first bytes of a file are plain text."""
    return all(b >= 32 or b in b"\t\r\n" for b in head)
