"""How much memory the machine has."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

_CGROUP_ROOT, _OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def available_memory_bytes() -> int:
    """Memory of the device that a run would use here: the smallest NVIDIA GPU, else what this process may have.

    The size of the memory, not what is free at the moment: a plan should not depend on what else is running.
    """
    gpus = _gpu_memory_bytes()
    return min(gpus) if gpus else host_memory_bytes()


def _gpu_memory_bytes() -> list[int]:
    """Total memory of every NVIDIA GPU, from the driver's own tool; torch is not needed for planning."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return []  # a driver without a working GPU
    return [int(line) * 2**20 for line in answer.split() if line.isdigit()]


def host_memory_bytes() -> int:
    """Physical memory, or the limit of the container or of the batch system's job if that is lower."""
    limits = [_physical_memory_bytes()]
    for path in (*map(Path, _CGROUP_LIMITS), *own_group_limits(_CGROUP_ROOT, _OWN_GROUPS)):
        if path.is_file():
            text = path.read_text(encoding="ascii").strip()
            limits += [int(text)] if text.isdigit() else []
    return min(limits)


def own_group_limits(root: Path, own_groups: Path) -> list[Path]:
    """Files of the memory limits of this process's control group and of the groups around it (Linux).

    root: where the control groups are mounted. own_groups: lines 'number:controllers:/path/of/the/group'; version 2
    has one line, without controllers. Batch systems such as SLURM set the limit of a job there.
    """
    if not own_groups.is_file():
        return []
    found = []
    for line in own_groups.read_text(encoding="utf-8").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers in ("", "memory"):
            base, name = (root, "memory.max") if not controllers else (root / "memory", "memory.limit_in_bytes")
            own = base / group.lstrip("/")
            found += [folder / name for folder in (own, *own.parents) if folder.is_relative_to(base)]
    return found


def _physical_memory_bytes() -> int:
    if sys.platform == "win32":
        status = _WindowsMemoryStatus()
        status.length = ctypes.sizeof(status)
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status.total_physical)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


class _WindowsMemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = (
        ("length", ctypes.c_ulong),
        ("load", ctypes.c_ulong),
        ("total_physical", ctypes.c_ulonglong),
        ("others", ctypes.c_ulonglong * 6),
    )
