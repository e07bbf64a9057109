"""Keep freed memory inside the process while a network runs on a CPU."""

from __future__ import annotations

import ctypes
import sys

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
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # musl and other libraries
        return False
    mallopt.argtypes = (ctypes.c_int, ctypes.c_int)
    mallopt.restype = ctypes.c_int
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEEP_FREED_BYTES))
