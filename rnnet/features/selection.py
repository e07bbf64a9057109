"""Selection of tabular features on the training rows of one fold."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import DatasetError
from rnnet.core.log import get_logger
from rnnet.core.seeding import seed_for
from rnnet.features.table import FeatureTable, FloatArray
from rnnet.planning.plan import FeaturesPlan

log = get_logger(__name__)

# How many features stay, the best by univariate association, when LASSO leaves none or cannot be cross-validated.
FALLBACK_COUNT = 5
_ALPHA_COUNT = 40
_ALPHA_RANGE = 1e-2
# A spread below this share of the mean is rounding, not information.
_RELATIVE_SPREAD = 1e-9


@dataclass(frozen=True, slots=True)
class FittedSelection:
    """The kept features with the training rows' statistics.

    names, medians, means, stds, weights: (k,); weights are LASSO's coefficients on z-scored features (0 where LASSO
    did not decide). remaining: (step, number of features after it), from the input to the end. note: what was done
    out of the ordinary, or ''.
    """

    names: tuple[str, ...]
    medians: tuple[float, ...]
    means: tuple[float, ...]
    stds: tuple[float, ...]
    weights: tuple[float, ...]
    remaining: tuple[tuple[str, int], ...]
    note: str = ""

    def transform(self, table: FeatureTable) -> FloatArray:
        """(n, k) float64: the kept columns, missing values replaced by the training median, z-scored.

        Raises:
            DatasetError: the table lacks one of the kept columns.
        """
        values = table.select(self.names).values
        filled = np.where(np.isnan(values), np.array(self.medians), values)
        z_scored: FloatArray = (filled - np.array(self.means)) / np.array(self.stds)
        return z_scored


def select_features(
    table: FeatureTable, outcomes: Sequence[int], groups: Sequence[str] | None, plan: FeaturesPlan, seed: int,
) -> FittedSelection:
    """The selection that these training rows teach. Pass the training rows of one fold only.

    table: (n, f), NaN = missing; outcomes: (n,) 0 or 1; groups: (n,) patients, kept together in LASSO's own
    cross-validation. Steps, after arXiv 2511.18208:

    1. Features without any value are dropped; the median of the training rows replaces missing values.
    2. Variance below plan.minimum_variance is dropped. As published, this comes before the z-score, so it is the
       variance in the feature's own unit: a feature in small units (a probability, a share) can fall to it however
       well it separates. Set features.minimum_variance=0 for a selection that does not depend on units; constant
       features are dropped in any case.
    3. Of two features with |Pearson r| above plan.maximum_correlation the one with the stronger univariate
       association stays, where association is |AUC - 0.5|: by rank, so independent of unit and outliers. Ties go to
       the name that comes first.
    4. z-score, then LASSO on the 0/1 outcome with plan.lasso_folds-fold cross-validation (Tibshirani 1996), folds
       stratified by outcome and grouped by patient. Scaling before these inner folds only informs the choice of
       alpha, from training rows.

    Columns are sorted by name first, so their order in the table has no effect at all.

    Raises:
        DatasetError: the outcomes are not both present, or no feature varies.
    """
    labels = np.asarray(outcomes, dtype=np.int64)
    if set(labels.tolist()) != {0, 1}:
        raise DatasetError("Feature selection needs training rows of both outcomes (0 and 1).",
                           fix="Check the outcomes and the folds.")
    table = table.select(sorted(table.names))
    remaining = [("all", len(table.names))]
    kept = np.flatnonzero(~np.isnan(table.values).all(axis=0))
    remaining.append(("with a value", len(kept)))
    medians = np.full(len(table.names), np.nan)
    medians[kept] = np.nanmedian(table.values[:, kept], axis=0)
    filled = np.where(np.isnan(table.values), medians, table.values)
    means, stds = filled.mean(axis=0), filled.std(axis=0)

    varies = (stds**2 >= plan.minimum_variance) & (stds > _RELATIVE_SPREAD * np.abs(means)) & (stds > 0)
    kept = kept[varies[kept]]
    remaining.append((f"variance >= {plan.minimum_variance:g}", len(kept)))
    if not len(kept):
        raise DatasetError(
            f"None of the {len(table.names)} features varies over the {len(labels)} training rows.",
            fix="Check the feature table, or lower features.minimum_variance.",
        )
    z_scored = (filled - means) / np.where(stds > 0, stds, 1)
    strength = _association(filled[:, kept], labels)
    chosen = _uncorrelated(z_scored[:, kept], strength, plan.maximum_correlation)
    kept, strength = kept[chosen], strength[chosen]
    remaining.append((f"|r| <= {plan.maximum_correlation:g}", len(kept)))

    weights, note = _lasso_weights(z_scored[:, kept], labels, groups, plan.lasso_folds, seed)
    chosen = np.flatnonzero(weights)
    if not len(chosen):
        chosen = np.sort(np.argsort(-strength, kind="stable")[:FALLBACK_COUNT])
        note = f"{note} The {len(chosen)} features with the strongest univariate association stay.".strip()
        log.info("Feature selection: %s", note)
    kept = kept[chosen]
    remaining.append(("LASSO", len(kept)))
    return FittedSelection(
        names=tuple(table.names[i] for i in kept), medians=tuple(medians[kept].tolist()),
        means=tuple(means[kept].tolist()), stds=tuple(stds[kept].tolist()),
        weights=tuple(weights[chosen].tolist()), remaining=tuple(remaining), note=note,
    )


def _association(values: FloatArray, labels: npt.NDArray[np.int64]) -> FloatArray:
    """(f,) |AUC - 0.5| of each column (n, f), ties counted half."""
    from scipy.stats import rankdata

    n_positive = int(labels.sum())
    rank_sum = rankdata(values, axis=0)[labels == 1].sum(axis=0)
    auc = (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * (len(labels) - n_positive))
    strength: FloatArray = np.abs(auc - 0.5).round(12)
    return strength


def _uncorrelated(z_scored: FloatArray, strength: FloatArray, limit: float) -> npt.NDArray[np.intp]:
    """Indices of a set of columns (n, f) without a pair above the limit, taken greedily from the strongest down."""
    correlation = np.abs(z_scored.T @ z_scored) / len(z_scored)
    available = np.ones(len(strength), dtype=bool)
    kept = []
    for column in np.argsort(-strength, kind="stable"):  # stable: ties by name, as the columns are sorted by it
        if available[column]:
            kept.append(column)
            available &= correlation[column] <= limit
    return np.sort(np.array(kept, dtype=np.intp))


def _lasso_weights(
    z_scored: FloatArray, labels: npt.NDArray[np.int64], groups: Sequence[str] | None, n_folds: int, seed: int,
) -> tuple[FloatArray, str]:
    """LASSO's coefficients (f,) at the alpha with the smallest cross-validated error, and a note."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LassoCV

    splits = list(_inner_splits(labels, groups, n_folds, seed))
    if not splits:
        return np.zeros(z_scored.shape[1]), "LASSO needs two patients of each outcome."
    largest = float(np.abs(z_scored.T @ (labels - labels.mean())).max()) / len(labels)
    alphas = np.geomspace(largest, largest * _ALPHA_RANGE, _ALPHA_COUNT) if largest > 0 else np.array([1.0])
    model = LassoCV(alphas=alphas, cv=splits, max_iter=5000, tol=1e-3)
    with warnings.catch_warnings():
        # Only the smallest alphas, near interpolation, can be slow; their error is large and they are not chosen.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(z_scored, labels)
    weights: FloatArray = np.asarray(model.coef_, dtype=np.float64)
    return weights, "" if weights.any() else "LASSO kept no feature."


def _inner_splits(
    labels: npt.NDArray[np.int64], groups: Sequence[str] | None, n_folds: int, seed: int,
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    from sklearn.model_selection import StratifiedGroupKFold

    names = np.arange(len(labels)).astype(str) if groups is None else np.asarray(groups)
    possible = min(n_folds, *(len(np.unique(names[labels == value])) for value in (0, 1)))
    if possible < 2:
        return
    # The splitter wants a 32-bit seed.
    folds = StratifiedGroupKFold(possible, shuffle=True, random_state=seed_for(seed, "lasso") % 2**32)
    for train, held_out in folds.split(np.empty((len(labels), 1)), labels, names):
        if len(train) and len(held_out):
            yield train, held_out
