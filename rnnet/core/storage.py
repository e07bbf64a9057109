"""What can go wrong with a disk, in words, and what a killed run leaves on it."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rnnet.core.errors import StorageError

# Temporary files of atomic writes; no other file of rnnet is called so.
TEMPORARY_PREFIX = ".tmp-"
# Where the file system knows no locks, a temporary file of this age belongs to no running process.
_ABANDONED_S = 24 * 3600.0

_KEPT = "Run the same command again then: what is finished is kept."
_FAULTS = {
    errno.ENOSPC: ("The disk is full.", f"Free some space. {_KEPT}"),
    errno.EDQUOT: ("Your quota on this disk is used up.", f"Free some space, or ask for more. {_KEPT}"),
    errno.EFBIG: ("The file would be larger than this disk or this account allows.",
                  f"See `ulimit -f`, or use another disk. {_KEPT}"),
    errno.EROFS: ("The disk is read-only.", "Use a folder on a disk that can be written to."),
    errno.EACCES: ("You may not write here.", "Change the folder's permissions, or use another folder."),
    errno.EPERM: ("You may not write here.", "Change the folder's permissions, or use another folder."),
    errno.ENOTDIR: ("A file stands where a folder is needed.", "Rename the file."),
    errno.EEXIST: ("A file stands where a folder is needed.", "Rename the file."),
    errno.EIO: ("The disk reports an input/output error.", f"Check the disk or the network share. {_KEPT}"),
}


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Raise a full disk, a read-only folder and the like, met while writing `path`, as StorageErrors."""
    try:
        yield
    except OSError as error:
        fault = _FAULTS.get(error.errno or 0)
        # A block that writes may also read: what it could not read is not this folder's fault.
        if fault is None or not _concerns(error, path):
            raise
        raise StorageError(fault[0], where=path, fix=fault[1]) from error


def _concerns(error: OSError, path: Path) -> bool:
    if error.filename is None:
        return True
    named = Path(os.fsdecode(error.filename))
    return named.is_relative_to(path.parent) or path.is_relative_to(named)


@contextmanager
def held(temporary: Path) -> Iterator[None]:
    """Make the file and keep it locked: sweep_leftovers of another process knows by the lock that it is in use.

    The system drops the lock with the process, however it ends. Writers must open the file, not replace it.
    """
    if sys.platform == "win32":  # an open file cannot be renamed there; sweep_leftovers goes by age
        yield
        return
    descriptor = _open_locked(temporary)
    try:
        yield
    finally:
        os.close(descriptor)


def flush(path: Path) -> None:
    """Wait until the file's bytes are on the disk, where the file system can tell."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    finally:
        os.close(descriptor)


def _open_locked(path: Path) -> int:
    """A descriptor of the file, which is made; locked, if the file system knows locks."""
    import fcntl

    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_open_at(descriptor, path):
            return descriptor
        os.close(descriptor)  # swept between the calls


def _is_open_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def sweep_leftovers(folder: Path) -> int:
    """Delete the temporary files below `folder` that a killed process left; returns how many.

    Files that a running process writes stay, also those of other machines on a shared folder.

    Raises:
        StorageError: the folder cannot be written to.
    """
    swept = 0
    for path in sorted(folder.rglob(f"{TEMPORARY_PREFIX}*")):
        with storage_errors(path):
            swept += _delete_abandoned(path)
    return swept


def _delete_abandoned(path: Path) -> bool:
    try:
        if sys.platform == "win32":
            return _delete_old(path)
        import fcntl

        descriptor = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
            return True
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                return _delete_old(path)
            raise
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return False  # its writer finished, or another run swept it


def _delete_old(path: Path) -> bool:
    if time.time() - path.stat().st_mtime < _ABANDONED_S:
        return False
    path.unlink()
    return True
