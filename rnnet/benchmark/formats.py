"""Ways to keep preprocessed scans: random lesion crops per second, and bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Array
from rnnet.preprocessing.crop import window
from rnnet.preprocessing.store import BLOCK_VOX, CHUNK_VOX


@dataclass(frozen=True, slots=True)
class FormatCost:
    """How fast cubes come, and how much disk one scan takes (1e6 bytes, image and labels)."""

    name: str
    crops_per_second: float
    mb_per_scan: float


def measure_formats(
    image: npt.NDArray[np.float32], labels: npt.NDArray[np.uint16], folder: Path, *, edge_vox: int, seconds: float
) -> tuple[FormatCost, ...]:
    """Store image and labels (z, y, x) in every format and read random two-channel cubes for `seconds` each.

    The files are in the cache of the operating system: the figures are the work of unpacking.
    """
    rng = np.random.default_rng(0)
    highest = np.array(image.shape) - edge_vox
    starts = [tuple(int(v) for v in rng.integers(0, highest + 1)) for _ in range(512)]
    found = []
    for name, (write, read) in _formats().items():
        paths = write(folder / name.replace(" ", "_"), {"image": image, "labels": labels})
        size = sum(p.stat().st_size for p in paths)
        one = partial(read, paths, edge_vox)
        one(starts[0])
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            one(starts[count % len(starts)])
            count += 1
        found.append(FormatCost(name, count / (time.perf_counter() - started), size / 1e6))
    return tuple(found)


Writer = Callable[[Path, Mapping[str, Array]], list[Path]]
Reader = Callable[[list[Path], int, tuple[int, ...]], Any]


def _formats() -> dict[str, tuple[Writer, Reader]]:
    import blosc2

    return {
        "npz": (_write_npz, _read_npz),
        "npy, memory-mapped": (_write_npy, _read_npy),
        "b2nd, LZ4, small blocks (rnnet)": (partial(_write_b2nd, codec=blosc2.Codec.LZ4), _read_b2nd),
        "b2nd, zstd, small blocks": (partial(_write_b2nd, codec=blosc2.Codec.ZSTD), _read_b2nd),
        "b2nd, LZ4, library's own blocks": (
            partial(_write_b2nd, codec=blosc2.Codec.LZ4, own_blocks=False), _read_b2nd,
        ),
        "b2nd, LZ4, float16": (partial(_write_b2nd, codec=blosc2.Codec.LZ4, half=True), _read_b2nd),
    }


def _write_npz(stem: Path, arrays: Mapping[str, Array]) -> list[Path]:
    path = stem.with_suffix(".npz")
    np.savez_compressed(path, image=arrays["image"], labels=arrays["labels"])
    return [path]


def _read_npz(paths: list[Path], edge: int, start: tuple[int, ...]) -> tuple[Array, Array]:
    with np.load(paths[0]) as stored:
        return _cube(stored["image"], start, edge), _cube(stored["labels"], start, edge)


def _write_npy(stem: Path, arrays: Mapping[str, Array]) -> list[Path]:
    paths = []
    for name, array in arrays.items():
        paths.append(stem.with_name(f"{stem.name}_{name}.npy"))
        np.save(paths[-1], array)
    return paths


def _read_npy(paths: list[Path], edge: int, start: tuple[int, ...]) -> tuple[Array, Array]:
    image, labels = (np.array(_cube(np.load(p, mmap_mode="r"), start, edge)) for p in paths)
    return image, labels


def _write_b2nd(
    stem: Path, arrays: Mapping[str, Array], *, codec: Any, own_blocks: bool = True, half: bool = False
) -> list[Path]:
    import blosc2

    paths = []
    for name, array in arrays.items():
        paths.append(stem.with_name(f"{stem.name}_{name}.b2nd"))
        pieces = {"chunks": (CHUNK_VOX,) * 3, "blocks": (BLOCK_VOX,) * 3} if own_blocks else {}
        stored = array.astype(np.float16) if half and array.dtype == np.float32 else array
        blosc2.asarray(
            np.ascontiguousarray(stored), urlpath=str(paths[-1]), mode="w",
            cparams={"codec": codec, "clevel": 5, "nthreads": 1}, **pieces,
        )
    return paths


def _read_b2nd(paths: list[Path], edge: int, start: tuple[int, ...]) -> tuple[Array, Array]:
    import blosc2

    z, y, x = start
    image, labels = (
        window(blosc2.open(urlpath=str(p), mode="r", dparams={"nthreads": 1}), (z, y, x), edge) for p in paths
    )
    return image, labels


def _cube(array: Array, start: tuple[int, ...], edge: int) -> Array:
    z, y, x = start
    return array[z : z + edge, y : y + edge, x : x + edge]
