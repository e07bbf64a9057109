"""The spread of a measured quantity in eight numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles (linear interpolation) of `count` values, in the unit of the values."""

    count: int
    minimum: float
    p05: float
    p25: float
    median: float
    p75: float
    p95: float
    maximum: float


def quantiles_of(values: Iterable[float]) -> Quantiles | None:
    """Quantiles of the finite values; None if there are none."""
    array = np.asarray(list(values), dtype=np.float64)
    array = array[np.isfinite(array)]
    if not array.size:
        return None
    low, p05, p25, p50, p75, p95, high = (float(q) for q in np.quantile(array, (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)))
    return Quantiles(int(array.size), low, p05, p25, p50, p75, p95, high)
