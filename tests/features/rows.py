"""Rows of a made-up feature table."""

from __future__ import annotations

import numpy as np

from rnnet.features.table import FeatureTable


def make_rows(n: int = 60, f: int = 12, seed: int = 0) -> tuple[FeatureTable, list[int], list[str]]:
    """f0 separates the outcomes by two standard deviations, the others are noise; two rows a patient."""
    rng = np.random.default_rng(seed)
    y = [int(i // 2 % 3 == 0) for i in range(n)]
    values = rng.standard_normal((n, f))
    values[:, 0] += 2.0 * np.array(y)
    return table_of(values), y, [f"P{i // 2}" for i in range(n)]


def table_of(values: np.ndarray, names: tuple[str, ...] | None = None) -> FeatureTable:
    ids = tuple(f"c{i}" for i in range(len(values)))
    return FeatureTable(ids, names or tuple(f"f{i}" for i in range(values.shape[1])), values)
