"""Where the crops of a training run have room: on the device, on the host, or nowhere but on the disk."""

from __future__ import annotations

from pathlib import Path

import torch

from rnnet.core.log import get_logger
from rnnet.planning.memory import free_host_memory_bytes

log = get_logger(__name__)

# Share of the free memory that crops may take; the rest belongs to the network.
_USABLE_SHARE = 0.6


def free_bytes(device: torch.device) -> int | None:
    """Free memory of a CUDA device or of the host; None where it is not known."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    table = Path("/proc/meminfo")
    if device.type != "cpu" or not table.is_file():
        return None
    rows = dict(line.split(":", 1) for line in table.read_text(encoding="ascii").splitlines())
    return free_host_memory_bytes(int(rows["MemAvailable"].split()[0]) * 1024)


def place_for(
    n: int, shape_zyx: tuple[int, ...], dtype: torch.dtype, device: torch.device, *, sharing: int = 1
) -> torch.device | None:
    """Where images and masks of `n` crops of `shape_zyx` have room; None where they have to stay on the disk.

    sharing: processes that take as much of this machine's memory at the same time.
    """
    voxels = n * shape_zyx[0] * shape_zyx[1] * shape_zyx[2]
    parts = (voxels * (torch.finfo(dtype).bits // 8), voxels)  # the mask takes one byte
    host = torch.device("cpu")
    for place in dict.fromkeys((device, host)):
        # Page-locked memory is handed out in powers of two.
        locked = place == host and device.type == "cuda"
        needed = sum(1 << max(0, part - 1).bit_length() if locked else part for part in parts)
        free = free_bytes(place)
        if free is None or needed * (sharing if place == host else 1) <= _USABLE_SHARE * free:
            if place != device:
                log.warning("%d crops (%.1f GB) do not fit on %s; they stay on the host.", n, needed / 1e9, device)
            return place
    log.warning(
        "%d crops (%.1f GB) do not fit into the memory, of which %.1f GB are free: they are read from the disk in "
        "every epoch, which is slower. Fewer lesions or a smaller crop.edge_vox would avoid it.",
        n, sum(parts) / 1e9, (free_bytes(host) or 0) / 1e9,
    )
    return None
