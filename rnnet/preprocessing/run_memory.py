"""How many workers fit into the memory?"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path

from rnnet.core.log import get_logger
from rnnet.planning.memory import host_memory_bytes
from rnnet.preprocessing.atlas import Atlas

log = get_logger(__name__)

# Python, the libraries and the atlas: .29 GB, and some room.
_BASE_BYTES = 350_000_000
# Copies of the scan on its own grid (six of float32), and what is cut out of the atlas's grid.
_BYTES_PER_SCAN_VOXEL = 24
_BYTES_PER_ATLAS_VOXEL = 8
# What the skull-stripper's network holds, and with it a part of the scan's copies; the later steps use it again.
_NETWORK_BYTES = {"deepbet": 1_400_000_000, "hd_bet": 3_000_000_000}
_BYTES_PER_SCAN_VOXEL_WITH_NETWORK = 8
# The rest is for the system, its file cache and the process that hands out the work.
_USABLE_SHARE = 0.85
# Deflate, the compression of .gz files, shrinks by 1032 at most.
_MOST_COMPRESSED = 1032


def worker_bytes(largest_voxels: int, atlas: Atlas, stripper: str) -> int:
    """Memory of one worker: .35 GB + 24 bytes a voxel of the largest scan + 8 a voxel of the atlas.

    With a network that strips skulls (`stripper`, '' if none does) the .35 GB + the network + 8 bytes a voxel of the
    largest scan, if that is more. Measured peaks with SRI24 (8.9e6 voxels) and the default plan, and behind them what
    the rule says: a stripped scan of 8.9e6 voxels .57 GB (.64); one of 47.7e6 voxels with its own brain mask 1.44
    (1.57); deepbet on 1.5e6 voxels 1.67 (1.76), on 47.7e6 voxels 1.93 (2.13). HD-BET's 3 GB are reckoned from its
    network, not measured.
    """
    copies = _BYTES_PER_SCAN_VOXEL * largest_voxels + _BYTES_PER_ATLAS_VOXEL * int(atlas.head.array.size)
    network = _NETWORK_BYTES.get(stripper, 0) + _BYTES_PER_SCAN_VOXEL_WITH_NETWORK * largest_voxels
    return _BASE_BYTES + max(copies, network)


def fitting_processes(
    n_processes: int, images: Sequence[Path], atlas: Atlas, *, stripper: str, dask: str = "",
    memory_bytes: int | None = None,
) -> int:
    """n_processes, or fewer if so many workers would not fit into the memory; at least 1. Fewer, or none, is said.

    images: files or DICOM folders of the scans, of which only headers are read. dask: an address means that the workers
    are elsewhere: only what each of them needs is said. memory_bytes: the memory of this machine, or of the part of it
    that this process may use, if it is not to be asked.
    """
    if not images:
        return n_processes
    voxels, path = max((_voxels(image), image) for image in images)
    each = worker_bytes(voxels, atlas, stripper)
    text = f"A worker needs about {each / 1e9:.1f} GB for the largest scan ({path.name}, {voxels / 1e6:.1f}e6 voxels)"
    if dask not in ("", "local"):
        log.info("%s.", text)
        return n_processes
    memory = host_memory_bytes() if memory_bytes is None else memory_bytes
    fitting = int(_USABLE_SHARE * memory) // each
    if fitting < 1:
        log.warning("%s, and this machine has %.1f GB: the system may kill it.", text, memory / 1e9)
    elif fitting < min(n_processes, len(images)):
        log.warning("%s: %d instead of %d processes fit into %.1f GB.", text, fitting, n_processes, memory / 1e9)
    return max(1, min(n_processes, fitting))


def _voxels(path: Path) -> int:
    """Voxels by the header; for a DICOM folder by its bytes; 0 for what cannot be read."""
    import SimpleITK as sitk

    if path.is_dir():
        return sum(file.stat().st_size for file in path.iterdir() if file.is_file()) // 2
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return 0  # the scan itself will say what is wrong
    count = int(prod(reader.GetSize()))
    # A damaged header may promise anything; a .mhd keeps its voxels in another file.
    return count if path.suffix == ".mhd" else min(count, _MOST_COMPRESSED * path.stat().st_size)
