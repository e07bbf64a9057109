"""Atomic writes and digests: a file is either whole or not there."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rnnet.core.storage import TEMPORARY_PREFIX, flush, held, storage_errors


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary file in the same folder that becomes `path` when the block ends without an error.

    Its bytes are on the disk before it takes the name: also after a power cut the file is whole or not there.

    Raises:
        StorageError: the disk is full, or the folder or file cannot be written; nothing is left behind.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # The ending stays last: image writers choose their format by it.
        temporary = path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:8]}-{path.name}")
        with held(temporary):
            try:
                yield temporary
                flush(temporary)
                os.replace(temporary, path)
            finally:
                with suppress(OSError):
                    temporary.unlink()


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def file_digest(path: Path) -> str:
    """First 16 hex digits of the file's SHA-256; of a folder that of the names and digests of all files below it."""
    if path.is_dir():
        files = sorted((p.relative_to(path).as_posix(), p) for p in path.rglob("*") if p.is_file())
        return text_digest("\n".join(f"{file_digest(p)} {name}" for name, p in files))
    return file_sha256(path)[:16]


def file_sha256(path: Path) -> str:
    """The file's SHA-256 in hex digits, as sha256sum prints it."""
    with path.open("rb") as stream:
        if hasattr(hashlib, "file_digest"):
            return hashlib.file_digest(stream, "sha256").hexdigest()
        return hashlib.sha256(stream.read()).hexdigest()  # Python 3.10


def text_digest(text: str) -> str:
    """First 16 hex digits of the text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
