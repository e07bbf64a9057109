"""Counts between edges: how a measured quantity is spread, in a few numbers whatever the number of values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_BINS = 24
# Values that span more than this factor are counted in bins of equal factors.
_WIDE = 50.0


@dataclass(frozen=True, slots=True)
class Histogram:
    """counts[i] values lie from edges[i] (included) to edges[i + 1] (not included, but in the last bin)."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    logarithmic: bool = False


def histogram_of(values: Iterable[float], *, whole: bool = False) -> Histogram | None:
    """Histogram of the finite values, at most 24 bins; None if there are none.

    Args:
        values: in any order.
        whole: the values are whole numbers; a bin holds as many of them as any other.
    """
    array = _finite(values)
    return None if not array.size else _counted(array, *_edges(array, whole))


def histograms_of(groups: dict[str, list[float]]) -> dict[str, Histogram]:
    """One histogram a group, all with the same edges; groups without a finite value are left out."""
    arrays = {name: _finite(values) for name, values in groups.items()}
    used = {name: array for name, array in arrays.items() if array.size}
    if not used:
        return {}
    edges, logarithmic = _edges(np.concatenate(list(used.values())), whole=False)
    return {name: _counted(array, edges, logarithmic) for name, array in used.items()}


def _finite(values: Iterable[float]) -> npt.NDArray[np.float64]:
    array = np.asarray(list(values), dtype=np.float64)
    finite: npt.NDArray[np.float64] = array[np.isfinite(array)]
    return finite


def _edges(array: npt.NDArray[np.float64], whole: bool) -> tuple[npt.NDArray[np.float64], bool]:
    low, high = float(array.min()), float(array.max())
    if whole:
        step = max(1, int(np.ceil((high - low + 1) / _BINS)))
        return np.arange(low, high + step + 0.5, step) - 0.5, False
    largest = max(abs(low), abs(high))
    if high - low <= 1e-6 * max(largest, 1e-6):
        half = 0.1 * largest if largest > 1e-6 else 0.5
        return np.array([low - half, high + half]), False
    bins = int(np.clip(np.ceil(np.sqrt(array.size)) * 2, 8, _BINS))
    if low > 0 and high / low > _WIDE:
        return _rounded(np.geomspace(low, high, bins + 1), low, high), True
    return _rounded(np.linspace(low, high, bins + 1), low, high), False


def _rounded(edges: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    """Edges with five digits, the outer ones as they are: no value may fall out."""
    short = np.array([float(f"{e:.5g}") for e in edges])
    short[0], short[-1] = low, high
    return short if (np.diff(short) > 0).all() else edges


def _counted(array: npt.NDArray[np.float64], edges: npt.NDArray[np.float64], logarithmic: bool) -> Histogram:
    counts, _ = np.histogram(array, edges)
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)), logarithmic)
