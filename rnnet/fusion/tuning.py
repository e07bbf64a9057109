"""Settings of the random forest, chosen by cross-validation inside the training rows of one fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.log import get_logger
from rnnet.core.seeding import seed_for
from rnnet.fusion.table import FloatArray

log = get_logger(__name__)

_LEAVES = (1, 3, 8)
# 0 is the square root of the number of features, scikit-learn's own.
_SHARES = (0.0, 0.5)
_N_FOLDS = 5
# Enough to tell settings apart; the forest itself gets all trees.
_TUNING_TREES = 100


@dataclass(frozen=True, slots=True)
class ForestSettings:
    """minimum_leaf: rows that a leaf holds at least. feature_share: of the features that a split looks at, 0 = root."""

    minimum_leaf: int = 1
    feature_share: float = 0.0

    def classifier(self, trees: int, seed: int) -> Any:
        """An untrained RandomForestClassifier; both outcomes weigh the same."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            n_estimators=trees, class_weight="balanced", min_samples_leaf=self.minimum_leaf,
            max_features=self.feature_share or "sqrt", random_state=seed % 2**32,
        )


def tune_forest(
    x: FloatArray, y: npt.NDArray[np.int64], groups: Sequence[str] | None, *, trees: int, seed: int,
) -> ForestSettings:
    """The settings with the smallest cross-validated log loss, both outcomes weighted alike, in these rows alone.

    x: (n, k), y: (n,) of 0 and 1, groups: (n,) patients, kept together; folds are stratified by outcome. The log loss,
    as it is proper and steadier than an AUC on so few rows. Of equal ones the first counts, and the default stands
    first. Without two patients of each outcome the default is returned. The features were selected on the same rows
    before, so that these inner figures are optimistic; they choose among settings and are reported nowhere.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    names = np.arange(len(y)).astype(str) if groups is None else np.asarray(groups)
    n_folds = min(_N_FOLDS, *(len(np.unique(names[y == value])) for value in (0, 1)))
    if n_folds < 2:
        return ForestSettings()
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed_for(seed, "tuning folds") % 2**32)
    splits = [
        (train, held_out) for train, held_out in folds.split(x, y, names) if len(set(y[train].tolist())) == 2
    ]
    if not splits:
        return ForestSettings()
    candidates = [ForestSettings(leaf, share) for leaf, share in product(_LEAVES, _SHARES)]
    losses = [_loss(candidate, x, y, splits, min(trees, _TUNING_TREES), seed) for candidate in candidates]
    best = candidates[int(np.argmin(np.round(losses, 12)))]
    log.debug("Random forest: leaves of %d rows, feature share %g (0 = square root), of %d settings.",
              best.minimum_leaf, best.feature_share, len(candidates))
    return best


def _loss(
    settings: ForestSettings, x: FloatArray, y: npt.NDArray[np.int64],
    splits: Sequence[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]], trees: int, seed: int,
) -> float:
    """Mean of both outcomes' mean negative log likelihood on the held-out rows of all folds together."""
    losses: list[FloatArray] = []
    outcomes: list[npt.NDArray[np.int64]] = []
    for number, (train, held_out) in enumerate(splits):
        model = settings.classifier(trees, seed_for(seed, "tuning", number))
        p = model.fit(x[train], y[train]).predict_proba(x[held_out])[:, 1]
        # Half a tree's vote away from 0 and 1, as in the forest's own logits.
        p = np.clip(p, 0.5 / trees, 1 - 0.5 / trees)
        losses.append(-np.log(np.where(y[held_out] == 1, p, 1 - p)))
        outcomes.append(y[held_out])
    loss, outcome = np.concatenate(losses), np.concatenate(outcomes)
    return float(np.mean([loss[outcome == value].mean() for value in np.unique(outcome)]))
