"""The most memory that work on a device really took."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import torch

from rnnet.core.allocator import give_back_freed_memory

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
# Documented in proc(5): sets the high-water mark of the resident memory back to what it is now.
_RESET_PEAK = "5"


class MemoryMeter:
    """Counts what is taken on `device` after its making, at the highest moment after the last `restart`.

    On CUDA it is what torch's allocator hands out. On a CPU it is the process's own resident memory, which the system
    counts page by page (Linux; other systems do not tell), without files and libraries that happen to be read in.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = 0
        _use_once(device)
        gc.collect()
        if device.type == "cuda":
            self._before = torch.cuda.memory_allocated(device)
        elif device.type == "cpu":
            # Blocks that lie free in the process would be taken again without being counted.
            give_back_freed_memory()
            self._before = _resident_bytes("RssAnon") or 0
        self.can_tell = device.type == "cuda" or (device.type == "cpu" and _can_reset())
        self.restart()

    def restart(self) -> None:
        """Forget the highest moment so far."""
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        elif self.can_tell:
            _RESET.write_text(_RESET_PEAK, encoding="ascii")

    def peak_bytes(self) -> int | None:
        """Bytes at the highest moment; None where the system does not tell."""
        if not self.can_tell:
            return None
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device) - self._before
        peak, files, shared = (_resident_bytes(name) for name in ("VmHWM", "RssFile", "RssShmem"))
        if peak is None or files is None or shared is None:
            return None
        return max(0, peak - files - shared - self._before)


def _use_once(device: torch.device) -> None:
    """A step of next to nothing: what the libraries load and set aside at their first use is no part of a step."""
    layer = torch.nn.Linear(8, 8, device=device)
    optimizer = torch.optim.AdamW(layer.parameters())
    optimizer.zero_grad()
    layer(torch.ones(1, 8, device=device)).sum().backward()
    optimizer.step()


def _can_reset() -> bool:
    """Whether the system lets a process set back its own high-water mark."""
    if not sys.platform.startswith("linux") or _resident_bytes("RssAnon") is None:
        return False
    try:
        _RESET.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def _resident_bytes(name: str) -> int | None:
    """A row of the process's status, in bytes; None where there is none."""
    if not _STATUS.is_file():
        return None
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    return None
