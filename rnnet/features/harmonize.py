"""Differences between the training centres taken out of radiomic features (ComBat)."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnet.core.errors import DatasetError, MissingDependencyError
from rnnet.core.log import get_logger
from rnnet.features.table import FeatureTable, FloatArray

log = get_logger(__name__)

# Fewer lesions of a centre do not tell its mean and spread: such a centre counts as one that was never seen.
FEWEST_LESIONS = 5
# A spread inside the centres below this share of the whole one is rounding.
_RELATIVE_SPREAD = 1e-9
Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class FittedHarmonizer:
    """What the training rows of one fold taught; plain numbers, so it is stored as JSON.

    names: (f,) features that are harmonised; centers: (c,) centres whose difference is known; mean, sd: (f,) over all
    centres; shift, spread: (c, f), in units of sd, of each centre. note: why nothing is harmonised, or ''.
    """

    names: tuple[str, ...]
    centers: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    shift: Rows
    spread: Rows
    note: str = ""

    def transform(self, table: FeatureTable, centers: Sequence[str]) -> FeatureTable:
        """The table (n, g) with the harmonised features in place of their own values; others and NaN stay.

        centers: (n,) of the rows. Rows of a centre that is not known stay as they are: its difference could only be
        learnt from the rows that are to be judged. See `unknown`.

        Raises:
            DatasetError: the table lacks a harmonised feature, or rows and centres differ in number.
        """
        if len(centers) != len(table.case_ids):
            raise DatasetError(f"{len(table.case_ids)} rows got {len(centers)} centres.")
        table.select(self.names)
        places = [table.names.index(name) for name in self.names]
        values = np.array(table.values)
        mean, sd = np.array(self.mean), np.array(self.sd)
        for center, shift, spread in zip(self.centers, self.shift, self.spread, strict=True):
            rows = np.flatnonzero(np.asarray(centers, dtype=object) == center)
            if rows.size and places:
                block = np.ix_(rows, np.array(places))
                values[block] = ((values[block] - mean) / sd - np.array(shift)) / np.array(spread) * sd + mean
        return FeatureTable(table.case_ids, table.names, values)

    def unknown(self, centers: Sequence[str]) -> tuple[str, ...]:
        """Those of the centres whose rows stay unharmonised, sorted."""
        return tuple(sorted(set(centers) - set(self.centers)))


def fit_harmonizer(table: FeatureTable, centers: Sequence[str]) -> FittedHarmonizer:
    """ComBat with empirical Bayes (Johnson 2007; Fortin 2018) by neuroCombat, on the training rows of one fold only.

    table: (n, f), rows with a missing value take no part; centers: (n,). Outcomes are not given to it: they would have
    to be known at prediction. What differs between centres because their patients differ is therefore taken out too.
    A feature that no row has, or that does not vary inside the centres, stays as it is. With fewer than two centres of
    FEWEST_LESIONS complete rows, or features that are one but for their unit, nothing is harmonised; that is logged and
    stands in the note.

    Raises:
        MissingDependencyError: neuroCombat is not installed.
        DatasetError: rows and centres differ in number.
    """
    if len(centers) != len(table.case_ids):
        raise DatasetError(f"{len(table.case_ids)} rows got {len(centers)} centres.")
    table = table.select([table.names[i] for i in np.flatnonzero(np.isfinite(table.values).any(axis=0))])
    complete = np.asarray(np.isfinite(table.values).all(axis=1))
    counts = Counter(c for c, whole in zip(centers, complete, strict=True) if whole)
    known = tuple(sorted(c for c, n in counts.items() if n >= FEWEST_LESIONS))
    if len(known) < 2:
        return _nothing(f"ComBat needs two training centres of {FEWEST_LESIONS} lesions with radiomics, there "
                        f"{'is 1' if len(known) == 1 else f'are {len(known)}'}.")
    used = complete & np.isin(np.asarray(centers, dtype=str), known)
    values = table.values[used]
    codes = np.array([known.index(c) for c, use in zip(centers, used, strict=True) if use])
    within = np.sqrt(sum(values[codes == i].var(axis=0) for i in range(len(known))))
    varies = np.flatnonzero(within > _RELATIVE_SPREAD * np.abs(values).max(axis=0, initial=0.0))
    if len(varies) < 2:
        return _nothing("ComBat needs two features that vary inside the centres.")
    estimates = _combat(values[:, varies], codes)
    if not all(np.isfinite(estimates[name]).all() for name in ("gamma.star", "delta.star")):
        return _nothing("ComBat cannot be fitted: the spreads of the features do not differ.")
    left_out = sorted(set(centers) - set(known))
    if left_out:
        log.warning("ComBat leaves training centres of under %d lesions as they are: %s.", FEWEST_LESIONS,
                    ", ".join(left_out))
    return FittedHarmonizer(
        tuple(table.names[i] for i in varies), known, _floats(estimates["stand.mean"][:, 0]),
        _floats(np.sqrt(estimates["var.pooled"][:, 0])), tuple(map(_floats, estimates["gamma.star"])),
        tuple(map(_floats, np.sqrt(estimates["delta.star"]))),
    )


def _combat(values: FloatArray, codes: Any) -> dict[str, Any]:
    """neuroCombat's estimates for values (n, f) of centres 0, 1, ... (n,)."""
    try:
        combat: Any = importlib.import_module("neuroCombat").neuroCombat
    except ImportError as error:
        raise MissingDependencyError("features.harmonize=combat needs neuroCombat.",
                                     fix="pip install 'neuroCombat>=0.2.12', or set features.harmonize=none.") \
            from error
    import pandas as pd

    # It prints its steps; what is not finite is for the caller to see.
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        fitted = combat(np.array(values.T), pd.DataFrame({"center": codes}), "center")
    estimates: dict[str, Any] = fitted["estimates"]
    return estimates


def _nothing(note: str) -> FittedHarmonizer:
    log.warning("%s Radiomic features stay as they are.", note)
    return FittedHarmonizer((), (), (), (), (), (), note)


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
