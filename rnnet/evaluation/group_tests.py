"""Do groups differ in one characteristic? The tests of a cohort's characteristics table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import lgamma

import numpy as np
import numpy.typing as npt

from rnnet.evaluation.checks import FloatArray, IntArray

# Below this p-value of Shapiro and Wilk's test a group is not taken for normally distributed.
NORMALITY_LEVEL = 0.05
# The approximation of its p-value is made for at most so many values (Royston 1995, Applied Statistics).
_SHAPIRO_MOST = 5000
# Tables with the observed margins are listed one by one up to this number, and drawn at random above it.
MOST_TABLES = 20_000
DRAWN_TABLES = 100_000
FISHER = "Fisher exact"
FISHER_DRAWN = "Fisher exact, drawn"


@dataclass(frozen=True, slots=True)
class PValue:
    """A two-sided p-value and the test that gave it; where there is none, `value` is None and `reason` says why."""

    value: float | None
    test: str = ""
    reason: str = ""


def compare_numeric(groups: Sequence[npt.ArrayLike]) -> PValue:
    """Do the groups differ in location? `groups` holds the known values of each.

    Where every group has at least three values and passes Shapiro and Wilk's test: Welch's t-test, for more than two
    groups the one-way analysis of variance. Otherwise Mann and Whitney's U, for more than two groups Kruskal and
    Wallis's test.
    """
    from scipy import stats

    used: list[FloatArray] = [a for a in (np.asarray(g, dtype=np.float64) for g in groups) if a.size]
    if len(used) < 2:
        return PValue(None, reason="one group")
    values = np.concatenate(used)
    if values.min() == values.max():
        return PValue(None, reason="constant")
    two = len(used) == 2
    if all(_looks_normal(a) for a in used):
        p = stats.ttest_ind(*used, equal_var=False).pvalue if two else stats.f_oneway(*used).pvalue
        return PValue(float(p), "Welch t" if two else "ANOVA")
    p = stats.mannwhitneyu(*used, alternative="two-sided").pvalue if two else stats.kruskal(*used).pvalue
    return PValue(float(p), "Mann-Whitney" if two else "Kruskal-Wallis")


def _looks_normal(values: FloatArray) -> bool:
    from scipy import stats

    if not 3 <= values.size <= _SHAPIRO_MOST or np.ptp(values) <= 1e-9 * np.abs(values).max():
        return False
    return bool(stats.shapiro(values).pvalue >= NORMALITY_LEVEL)


def compare_categories(counts: npt.ArrayLike, rng: np.random.Generator) -> PValue:
    """Fisher's exact test of a table of counts (categories, groups) of any size (Freeman and Halton 1951).

    The p-value is the probability, among all tables with these margins, of those that are not more probable than
    the observed one. A table with more than MOST_TABLES others is compared with DRAWN_TABLES random ones instead,
    drawn with `rng`; the observed one counts among them, so that p is never 0 (Phipson and Smyth 2010).
    """
    from scipy import stats

    table: IntArray = np.asarray(counts, dtype=np.int64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if table.ndim != 2 or table.size == 0 or table.shape[1] < 2:
        return PValue(None, reason="one group")
    if table.shape[0] < 2:
        return PValue(None, reason="constant")
    if table.shape == (2, 2):
        return PValue(float(stats.fisher_exact(table).pvalue), FISHER)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    listed = _log_weights(rows, columns)
    if listed is not None:
        shares = np.exp(listed - listed.max())
        not_more_probable = listed <= _log_weight(table) + 1e-9
        return PValue(min(1.0, float(shares[not_more_probable].sum() / shares.sum())), FISHER)
    drawn = stats.random_table(rows, columns).rvs(DRAWN_TABLES, random_state=rng)
    hits = np.count_nonzero(_log_weight(drawn) <= _log_weight(table) + 1e-9)
    return PValue(float((hits + 1) / (DRAWN_TABLES + 1)), FISHER_DRAWN)


def _log_weight(tables: npt.NDArray[np.int64]) -> FloatArray:
    """Log of what the probability of tables (..., r, c) is proportional to when their margins are fixed."""
    from scipy.special import gammaln

    weights: FloatArray = -gammaln(np.asarray(tables) + 1.0).sum(axis=(-2, -1))
    return weights


def _log_weights(rows: IntArray, columns: IntArray) -> FloatArray | None:
    """Log weights of all tables with these margins, row by row; None if there are more than MOST_TABLES."""
    reached: dict[tuple[int, ...], FloatArray] = {tuple(map(int, columns)): np.zeros(1)}
    for total in map(int, np.sort(rows)[::-1][:-1]):
        found: dict[tuple[int, ...], list[FloatArray]] = {}
        n_tables = 0
        for left, weights in reached.items():
            for row in _rows(total, left):
                n_tables += weights.size
                if n_tables > MOST_TABLES:
                    return None
                rest = tuple(a - b for a, b in zip(left, row, strict=True))
                found.setdefault(rest, []).append(weights - sum(lgamma(n + 1) for n in row))
        reached = {rest: np.concatenate(parts) for rest, parts in found.items()}
    return np.concatenate([weights - sum(lgamma(n + 1) for n in left) for left, weights in reached.items()])


def _rows(total: int, most: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every way to share `total` among columns that can take at most so many each."""
    if len(most) == 1:
        if total <= most[0]:
            yield (total,)
        return
    for first in range(max(0, total - sum(most[1:])), min(total, most[0]) + 1):
        for others in _rows(total - first, most[1:]):
            yield (first, *others)
