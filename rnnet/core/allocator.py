"""Keep freed memory inside the process while a network runs on a CPU."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

# glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_KEEP_FREED_BYTES = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tell glibc to reuse freed blocks instead of giving them back. True where that was possible.

    Every pass of a network frees and allocates the same large activations. By default glibc maps each one anew, and
    the kernel fills it with zeros page by page: about a third of the time on a CPU. The setting holds for the process.
    On systems without glibc nothing happens and nothing is lost but that time.
    """
    mallopt = _glibc("mallopt")
    if mallopt is None:
        return False
    mallopt.argtypes = (ctypes.c_int, ctypes.c_int)
    mallopt.restype = ctypes.c_int
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEEP_FREED_BYTES))


def give_back_freed_memory() -> bool:
    """Return the pages of freed blocks to the system, once. True where that was possible."""
    malloc_trim = _glibc("malloc_trim")
    if malloc_trim is None:
        return False
    malloc_trim.argtypes = (ctypes.c_size_t,)
    malloc_trim.restype = ctypes.c_int
    malloc_trim(0)
    return True


def _glibc(name: str) -> Any:
    """A function of the GNU C library; None on systems without it."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL("libc.so.6"), name)
    except (OSError, AttributeError):  # musl and other libraries
        return None
