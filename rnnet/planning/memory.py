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
    return min([_physical_memory_bytes(), *(limit for _, limit in _group_limits())])


def free_host_memory_bytes(available_bytes: int) -> int:
    """What this process may still take: `available_bytes` of the machine, or less where its container has a limit.

    Files that were read and lie in memory count as free: the system gives them up first.
    """
    free = [available_bytes]
    for path, limit in _group_limits():
        used = path.with_name("memory.current" if path.name == "memory.max" else "memory.usage_in_bytes")
        if used.is_file():
            files = [line.split() for line in _lines(path.with_name("memory.stat")) if "inactive_file" in line]
            cached = max((int(number) for _, number in files), default=0)
            free.append(max(0, limit - int(used.read_text(encoding="ascii")) + cached))
    return min(free)


def _group_limits() -> list[tuple[Path, int]]:
    """Files of limits that there are, each with its bytes."""
    found = []
    for path in (*map(Path, _CGROUP_LIMITS), *own_group_limits(_CGROUP_ROOT, _OWN_GROUPS)):
        text = "".join(_lines(path)).strip()
        found += [(path, int(text))] if text.isdigit() else []
    return found


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="ascii").splitlines() if path.is_file() else []


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
