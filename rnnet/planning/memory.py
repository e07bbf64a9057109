"""How much memory a training step takes, in closed form, and how much the machine has."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rnnet.planning.plan import ExperimentPlan

BYTES_PER_FLOAT = 4
# Weight, gradient and the two moments of Adam.
FLOATS_PER_PARAMETER = 4
# Data, framework, workspace of the kernels and fragmentation take the rest.
USABLE_SHARE = 0.5
_CGROUP_ROOT, _OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes of one training step: fixed_bytes + batch size x sample_bytes."""

    parameters: int
    fixed_bytes: int
    sample_bytes: int

    def largest_batch(self, memory_bytes: int) -> int:
        """The largest batch whose step fits into the usable share of the memory; 0 if not even one sample does."""
        return max(0, int(memory_bytes * USABLE_SHARE) - self.fixed_bytes) // self.sample_bytes


def vit_parameters(plan: ExperimentPlan) -> int:
    """Parameters of the encoder with linear patch embedding and mean pooling.

    With n tokens, width d, MLP ratio r, c channels and token edge t:
    patches c t^3 d + d; positions n d if learned; a block 4 d^2 + 4 d (attention), 2 r d^2 + r d + d (MLP), 4 d
    (norms); last norm 2 d.
    """
    net, d, c = plan.network, plan.network.width, len(plan.channels)
    hidden = int(net.mlp_ratio * d)
    block = 4 * d * d + 4 * d + 2 * hidden * d + hidden + d + 4 * d
    positions = token_count(plan) * d if net.position == "learned" else 0
    return (c * net.token_edge_vox**3 + 1) * d + positions + net.depth * block + 2 * d


def token_count(plan: ExperimentPlan) -> int:
    """Tokens n of one crop."""
    return int((plan.crop.edge_vox // plan.network.token_edge_vox) ** 3)


def sample_floats(plan: ExperimentPlan) -> int:
    """Floats that the backward pass of the encoder keeps for one crop.

    A block keeps (11 + 2 r) n d + h n^2: norms, queries, keys, values, their copies, the mixed values, both sides
    of the MLP, and the attention weights of h heads. Compare Korthikanti 2022 (arXiv 2205.05198), section 4.1, in
    bytes of 16-bit floats: n d (34 + 5 h n / d). The input has c e^3 voxels. A convolutional stem keeps three maps
    at each of its halvings, the last with d / 2 channels, the one before with d / 4, and so on.
    """
    net, n, edge = plan.network, token_count(plan), plan.crop.edge_vox
    blocks = net.depth * ((11 + 2 * net.mlp_ratio) * n * net.width + net.heads * n * n)
    stem = 0
    if net.patch_embed == "conv_stem":
        halvings = net.token_edge_vox.bit_length() - 1
        stem = sum(3 * (edge // 2**i) ** 3 * net.width // 2 ** (halvings - i + 1) for i in range(1, halvings + 1))
    return int(blocks) + stem + len(plan.channels) * edge**3


def pretraining_memory(plan: ExperimentPlan) -> MemoryEstimate:
    """Memory of a pretraining step: two views of each crop, and for each a restored crop with its error.

    All in 32-bit floats: mixed precision needs less, so the estimate is an upper bound there.
    """
    head = plan.network.width * plan.network.token_edge_vox**3 + plan.network.width**2
    voxels = plan.crop.edge_vox**3
    return _estimate(vit_parameters(plan) + head, 2 * (sample_floats(plan) + 4 * voxels))


def finetuning_memory(plan: ExperimentPlan) -> MemoryEstimate:
    """Memory of a fine-tuning step: one augmented crop a sample (the crop and its sampling grid besides)."""
    return _estimate(vit_parameters(plan), sample_floats(plan) + 5 * plan.crop.edge_vox**3)


def _estimate(parameters: int, floats: int) -> MemoryEstimate:
    return MemoryEstimate(
        parameters, parameters * FLOATS_PER_PARAMETER * BYTES_PER_FLOAT, floats * BYTES_PER_FLOAT
    )


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
