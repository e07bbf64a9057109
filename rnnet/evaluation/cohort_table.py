"""The characteristics of a cohort, group by group: numbers, shares, means, ranges and tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rnnet.core.errors import SettingError
from rnnet.core.seeding import rng_for
from rnnet.core.types import ClinicalValue
from rnnet.evaluation.group_tests import PValue, compare_categories, compare_numeric

SampleUnit = Literal["patient", "lesion"]
# Below this p-value what is missing is said to tell the groups apart.
MISSING_LEVEL = 0.01


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One column of the cohort: a value for every patient or lesion, None where it is missing.

    categories: in the order of the table; those that occur and are not named here follow.
    """

    name: str
    type: Literal["numeric", "categorical"]
    values: tuple[ClinicalValue, ...]
    unit: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A column of the table. An untested group is shown and takes no part in the tests."""

    name: str
    n: int
    tested: bool = True


@dataclass(frozen=True, slots=True)
class Spread:
    """Known values of one group. sd: of a sample (n - 1), None for a single value."""

    mean: float
    sd: float | None
    minimum: float
    p25: float
    median: float
    p75: float
    maximum: float


@dataclass(frozen=True, slots=True)
class NumericRow:
    """A numeric characteristic. spreads and missing: of everyone, then of each group; no spread without a value.

    p, missing_p: do the groups differ in the known values, and in how many values are missing?
    """

    name: str
    unit: str
    spreads: tuple[Spread | None, ...]
    missing: tuple[int, ...]
    p: PValue
    missing_p: PValue


@dataclass(frozen=True, slots=True)
class CategoricalRow:
    """A categorical characteristic. counts[i][j]: category i in column j; columns: everyone, then each group.

    p, missing_p: as of NumericRow.
    """

    name: str
    categories: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    missing: tuple[int, ...]
    p: PValue
    missing_p: PValue

    @property
    def known(self) -> tuple[int, ...]:
        """How many have a value, column by column."""
        return tuple(map(sum, zip(*self.counts, strict=True))) or (0,) * len(self.missing)


CohortRow = NumericRow | CategoricalRow


@dataclass(frozen=True, slots=True)
class CohortTable:
    """The characteristics of `n` patients or lesions, all together and by group."""

    sample: SampleUnit
    n: int
    groups: tuple[Group, ...]
    rows: tuple[CohortRow, ...]

    @property
    def telling_gaps(self) -> tuple[str, ...]:
        """Characteristics that are missing in some groups more often than in others, at p < MISSING_LEVEL."""
        return tuple(
            row.name for row in self.rows if row.missing_p.value is not None and row.missing_p.value < MISSING_LEVEL
        )


def describe_groups(
    characteristics: Sequence[Characteristic], labels: Sequence[str], *, sample: SampleUnit,
    groups: Sequence[str], untested: str = "", seed: int = 0,
) -> CohortTable:
    """Describe and compare groups.

    Args:
        characteristics: the columns, each with a value for every member of the sample.
        labels: the group of every member.
        sample: what a member is.
        groups: names of the groups in the order of the table; those without a member are left out.
        untested: a group that is shown and not tested.
        seed: of the tables that are drawn for Fisher's exact test of large tables.

    Raises:
        SettingError: a column of another length, or a label that is no group.
    """
    unknown = sorted(set(labels) - set(groups))
    if unknown:
        raise SettingError(f"The groups must be among {', '.join(groups)}. Got {', '.join(unknown)} instead.")
    sizes = Counter(labels)
    shown = tuple(Group(g, sizes[g], tested=g != untested) for g in groups if sizes[g])
    rows: list[CohortRow] = []
    for c in characteristics:
        if len(c.values) != len(labels):
            raise SettingError(f"'{c.name}' must have {len(labels)} values. Got {len(c.values)} instead.")
        members = [[v for v, label in zip(c.values, labels, strict=True) if label == g.name] for g in shown]
        tested = [g.tested for g in shown]
        missing_p = _missing_p(members, tested, rng_for(seed, "fisher missing", sample, c.name))
        if c.type == "numeric":
            rows.append(_numeric_row(c, members, tested, missing_p))
        else:
            rng = rng_for(seed, "fisher", sample, c.name)
            rows.append(_categorical_row(c, members, tested, missing_p, rng))
    return CohortTable(sample, len(labels), shown, tuple(rows))


def _numeric_row(
    c: Characteristic, members: Sequence[list[ClinicalValue]], tested: Sequence[bool], missing_p: PValue
) -> NumericRow:
    columns = [[float(v) for v in column if v is not None] for column in (c.values, *members)]
    p = compare_numeric([values for values, used in zip(columns[1:], tested, strict=True) if used])
    return NumericRow(c.name, c.unit, tuple(map(_spread, columns)), _missing(c, members), p, missing_p)


def _categorical_row(
    c: Characteristic, members: Sequence[list[ClinicalValue]], tested: Sequence[bool], missing_p: PValue,
    rng: np.random.Generator,
) -> CategoricalRow:
    columns = [Counter(str(v) for v in column if v is not None) for column in (c.values, *members)]
    # In the declared order; categories that nobody has are no row.
    categories = tuple(name for name in dict.fromkeys((*c.categories, *sorted(columns[0]))) if columns[0][name])
    counts = tuple(tuple(column[name] for column in columns) for name in categories)
    compared = [[n for n, used in zip(row[1:], tested, strict=True) if used] for row in counts]
    p = compare_categories(compared, rng) if any(map(sum, compared)) else PValue(None, reason="no value")
    return CategoricalRow(c.name, categories, counts, _missing(c, members), p, missing_p)


def _missing_p(
    members: Sequence[list[ClinicalValue]], tested: Sequence[bool], rng: np.random.Generator
) -> PValue:
    """Fisher's exact test of missing against known, group by group."""
    compared = [column for column, used in zip(members, tested, strict=True) if used]
    missing = [sum(v is None for v in column) for column in compared]
    known = [len(column) - n for column, n in zip(compared, missing, strict=True)]
    return compare_categories([missing, known], rng) if compared else PValue(None, reason="no group")


def _missing(c: Characteristic, members: Sequence[list[ClinicalValue]]) -> tuple[int, ...]:
    return tuple(sum(v is None for v in column) for column in (c.values, *members))


def _spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    low, p25, median, p75, high = (float(q) for q in np.quantile(values, (0, 0.25, 0.5, 0.75, 1)))
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(float(np.mean(values)), sd, low, p25, median, p75, high)
